import { afterEach, describe, expect, it } from 'vitest';
import { programEnvironment } from './environment.ts';

const before = { ...process.env };
function restore(): void {
  for (const name of Object.keys(process.env)) {
    if (!(name in before)) Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, before);
}
afterEach(restore);

function environment(extra: Record<string, string> = {}): Record<string, string> {
  return programEnvironment({ run: 'greetings.T-1.author.1', home: '/data/home', extra });
}

describe('the environment of a program', () => {
  it.each([
    'DATABASE_URL',
    'TEMPORAL_ADDRESS',
    'TEMPORAL_API_KEY',
    'MISSION_TOKEN',
    'MISSION_OTHER',
    'GITHUB_TOKEN',
    'GITEA_TOKEN',
    'ANTHROPIC_API_KEY',
    'OPENAI_API_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'NPM_TOKEN',
    'npm_config__authToken',
    'SSH_AUTH_SOCK',
    'GIT_ASKPASS',
    'GIT_CONFIG_GLOBAL',
    'GIT_SSH_COMMAND',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'BASH_ENV',
    'XDG_CONFIG_HOME',
    'PGPASSWORD',
    'A_NAME_THAT_NOBODY_HAS_THOUGHT_OF',
  ])('has nothing of the engine’s %s', (name) => {
    process.env[name] = 'the-secret-of-the-engine';
    const env = environment();
    expect(env).not.toHaveProperty(name);
    expect(JSON.stringify(env)).not.toContain('the-secret-of-the-engine');
  });

  it.each(['PATH', 'LANG', 'LC_ALL', 'TZ', 'USER', 'SHELL', 'SSL_CERT_FILE'])(
    'has the engine’s %s',
    (name) => {
      process.env[name] = '/some/value';
      expect(environment()[name]).toBe('/some/value');
    },
  );

  it('lacks what the engine lacks', () => {
    Reflect.deleteProperty(process.env, 'LC_ALL');
    expect(environment()).not.toHaveProperty('LC_ALL');
  });

  it.each(['HOME', 'TMPDIR'])('has a %s that goes with the work', (name) => {
    process.env[name] = '/root';
    expect(environment()[name]).toBe('/data/home');
  });

  it.each([
    { name: 'GIT_TERMINAL_PROMPT', value: '0' },
    { name: 'GIT_CONFIG_NOSYSTEM', value: '1' },
    { name: 'CI', value: 'true' },
  ])('has $name=$value, whatever the engine has', ({ name, value }) => {
    process.env[name] = 'something else';
    expect(environment()[name]).toBe(value);
  });

  it('has what is given to it', () => {
    expect(environment({ MISSION_TASK: 'T-1' })).toMatchObject({ MISSION_TASK: 'T-1' });
  });

  it.each([
    { name: 'by the engine’s own', extra: {} },
    { name: 'by what is given to it', extra: { MISSION_RUN: 'another' } },
  ])('has the tag of its run, which nothing replaces: $name', ({ extra }) => {
    process.env['MISSION_RUN'] = 'outer';
    expect(environment(extra)['MISSION_RUN']).toBe('greetings.T-1.author.1');
  });
});
