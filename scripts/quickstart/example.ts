/** The example that the quickstart runs: a small Node project with tests, and a mission of five tasks on it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGit, engineGitConfig } from '../../activities/git/git.ts';

export interface Example {
  repository: string;
  missionFile: unknown;
  /** Each launch of a task's script adds a line here: evidence that does not come from the engine. */
  launches: string;
}

export async function makeExample(of: {
  folder: string;
  key: string;
  /** The name of the token that gives the go-aheads. */
  coordinator: string;
  slow: boolean;
}): Promise<Example> {
  const repository = join(of.folder, 'greeter.git');
  const launches = join(of.folder, 'launches.log');
  await writeFile(launches, '');
  await makeRepository(of.folder, repository);
  const scripts = join(of.folder, 'tasks');
  await mkdir(scripts, { recursive: true });
  for (const [name, text] of Object.entries(taskScripts)) {
    await writeFile(join(scripts, `${name}.sh`), preamble({ launches, slow: of.slow }) + text);
  }
  return { repository, launches, missionFile: missionFile({ ...of, repository, scripts }) };
}

const projectFiles: Record<string, string> = {
  'package.json': `${JSON.stringify({ name: 'greeter', version: '0.1.0', type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'README.md': '# greeter\n\nGreets people.\n',
  'src/names.js': 'export function trimName(name) {\n  return name.trim();\n}\n',
  'test/names.test.js': [
    "import assert from 'node:assert/strict';",
    "import test from 'node:test';",
    "import { trimName } from '../src/names.js';",
    '',
    "test('trims a name', () => assert.equal(trimName(' Ada '), 'Ada'));",
    '',
  ].join('\n'),
  '.mission/ci.yaml': [
    'version: 1',
    'ignorePaths: [README.md, docs/]',
    'steps:',
    '  - {name: test, run: npm test, timeoutSeconds: 120}',
    '  - {name: syntax, run: "find src -name \'*.js\' -exec node --check {} +", timeoutSeconds: 60}',
    '',
  ].join('\n'),
};

async function makeRepository(folder: string, bare: string): Promise<void> {
  const configFile = join(folder, 'gitconfig');
  await writeFile(configFile, engineGitConfig());
  const git = createGit({ configFile });
  const seed = join(folder, 'seed');
  for (const [name, text] of Object.entries(projectFiles)) {
    await mkdir(join(seed, name, '..'), { recursive: true });
    await writeFile(join(seed, name), text);
  }
  await git.run({ cwd: seed, args: ['init', '--quiet'] });
  await git.run({ cwd: seed, args: ['add', '--all'] });
  await git.run({ cwd: seed, args: ['commit', '--quiet', '--message', 'A project that greets nobody yet'] });
  await git.run({ cwd: folder, args: ['clone', '--quiet', '--bare', seed, bare] });
}

function preamble(of: { launches: string; slow: boolean }): string {
  return [
    '#!/bin/sh',
    'set -eu',
    `echo "$MISSION_SESSION" >> '${of.launches}'`,
    // Long enough for the engine to be killed while the session lives.
    of.slow ? 'sleep 3' : '',
    '',
  ].join('\n');
}

function testOf(module: string, imported: string, assertion: string): string {
  return `cat > test/${module}.test.js <<'END'
import assert from 'node:assert/strict';
import test from 'node:test';
import { ${imported} } from '../src/${module}.js';

test('${imported}', () => ${assertion});
END
`;
}

/** What stands in for agents: each does its task as an agent would, in its own clone, and commits. */
const taskScripts: Record<string, string> = {
  't-001': `cat > src/greet.js <<'END'
import { trimName } from './names.js';

export function greet(name) {
  return \`Hello, \${trimName(name)}!\`;
}
END
${testOf('greet', 'greet', "assert.equal(greet(' Ada '), 'Hello, Ada!')")}git add --all
git commit --quiet --message 'Greet by name'
`,
  't-002': `cat > src/farewell.js <<'END'
import { trimName } from './names.js';

export function farewell(name) {
  return \`Goodbye, \${trimName(name)}!\`;
}
END
${testOf('farewell', 'farewell', "assert.equal(farewell('Ada'), 'Goodbye, Ada!')")}git add --all
git commit --quiet --message 'Say goodbye'
`,
  // The first attempt forgets the test; the second reads what the reviewer found.
  't-003': `if grep -q 'untested' "$MISSION_PROMPT_FILE"; then
${testOf('french', 'greetInFrench', "assert.equal(greetInFrench('Ada'), 'Bonjour, Ada !')")}  git add --all
  git commit --quiet --message 'Test the French greeting'
  exit 0
fi
cat > src/french.js <<'END'
import { trimName } from './names.js';

export function greetInFrench(name) {
  return \`Bonjour, \${trimName(name)} !\`;
}
END
git add --all
git commit --quiet --message 'Greet in French'
`,
  't-004': `cat > src/cli.js <<'END'
import { farewell } from './farewell.js';
import { greetInFrench } from './french.js';
import { greet } from './greet.js';

const ways = { en: greet, fr: greetInFrench, bye: farewell };

export function run([way = 'en', name = 'world']) {
  return ways[way](name);
}
END
${testOf('cli', 'run', "assert.equal(run(['fr', 'Ada']), 'Bonjour, Ada !')")}git add --all
git commit --quiet --message 'Choose the greeting by an argument'
`,
  't-005': `cat >> README.md <<'END'

## Use

\`run(['fr', 'Ada'])\` says "Bonjour, Ada !".
END
git add --all
git commit --quiet --message 'Say how to use it'
`,
};

function missionFile(of: { key: string; coordinator: string; repository: string; scripts: string }): unknown {
  const checks = ['npm test'];
  function task(id: string, title: string, goal: string, dependsOn: string[] = []) {
    const script = join(of.scripts, `${id.toLowerCase()}.sh`);
    return { id, title, goal, runtime: 'script', script, checks, dependsOn };
  }
  return {
    version: 1,
    key: of.key,
    title: 'Greetings in two languages',
    repository: { forge: 'local', path: of.repository, base: 'main' },
    policy: {
      coordinators: [of.coordinator],
      parallel: 2,
      reviewers: [{ engine: 'diff-check' }, { engine: 'test-check' }],
    },
    milestones: [
      {
        id: 'm1',
        title: 'Greetings',
        tasks: [
          task('T-001', 'Greet by name', 'Export greet(name) from src/greet.js, with a test.'),
          task('T-002', 'Say goodbye', 'Export farewell(name) from src/farewell.js, with a test.'),
          task('T-003', 'French', 'Export greetInFrench(name) from src/french.js, with a test.', ['T-001']),
        ],
      },
      {
        id: 'm2',
        title: 'Use',
        tasks: [
          task('T-004', 'Choose a greeting', 'Export run(args) from src/cli.js, with a test.', [
            'T-002',
            'T-003',
          ]),
          task('T-005', 'Document the use', 'Say in README.md how run is used.', ['T-004']),
        ],
      },
    ],
  };
}
