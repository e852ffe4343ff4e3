// The directions of design §3: each folder names the ones that it must not know.
import tseslint from 'typescript-eslint';

const everything = ['workflows', 'activities', 'workers', 'api', 'scripts', 'schema', 'test'];

/** Files in `folder` may import from themselves and from `allowed`, and never from the rest. */
function direction(folder, allowed, { packages = [], ignores = [] } = {}) {
  const forbidden = everything.filter((other) => other !== folder.split('/')[0] && !allowed.includes(other));
  return {
    files: [`${folder}/**/*.ts`],
    ignores: ['**/*.test.ts', ...ignores],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: forbidden.flatMap((other) => [`**/${other}/**`]),
              message: `${folder} must not import from here: dependencies point one way (docs/architecture.md)`,
            },
            ...packages,
          ],
        },
      ],
    },
  };
}

const sandbox = {
  regex:
    '^(?!\\.{1,2}/)(?!@temporalio/(?:workflow|common|interceptors-opentelemetry/lib/workflow-interceptors\\.js)$)(?!zod$)',
  message:
    'workflow code runs in a sandbox: only @temporalio/workflow, @temporalio/common, zod and the tracing interceptors are safe there',
};

const notDatabase = {
  group: ['**/schema/db/**'],
  message: 'workflow code and contracts must not know the database',
};

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.cache/', 'test/histories/'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'func-style': ['error', 'declaration', { allowArrowFunctions: true }],
      'max-lines': ['error', { max: 420, skipBlankLines: false, skipComments: false }],
      'no-console': 'error',
    },
  },
  direction('workflows', ['schema'], { packages: [sandbox, notDatabase] }),
  {
    files: ['schema/contracts/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [sandbox, notDatabase, { group: ['../../*'], message: 'contracts stand alone' }] },
      ],
    },
  },
  direction('schema/db', []),
  direction('activities', ['schema', 'workflows']),
  direction('workers', ['schema', 'workflows', 'activities', 'api']),
  direction('api', ['schema']),
  direction('scripts', ['schema', 'workers', 'activities']),
  // Fakes implement asynchronous ports with what they have at hand.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/require-await': 'off' } },
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
);
