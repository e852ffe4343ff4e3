import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary.ts';
import { runtimeOf, runtimesOf, withoutSecrets, workingDirectoryOf } from '../schema/contracts/roster.ts';
import { readRosterFile, type RosterFile } from './roster-file.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../test/fixtures/rosters');
const src = join(homedir(), 'src');

async function write(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'roster.yaml');
  await writeFile(path, text);
  return path;
}

async function read(...lines: string[]): Promise<RosterFile> {
  return readRosterFile(await write(['version: 1', ...lines].join('\n')));
}

/** What is said of a roster, without the path of its file. */
async function faultsOf(text: string): Promise<string> {
  const path = await write(text);
  return readRosterFile(path).then(
    () => 'nothing',
    (error: unknown) =>
      error instanceof Error ? error.message.replaceAll(`${path}:`, '').trim() : String(error),
  );
}

const agent = '{name: a, runtime: pi, class: canary}';

describe('the rosters of fleets of today', () => {
  it('in camelCase are read', async () => {
    const { roster, found } = await readRosterFile(join(fixtures, 'camel-case.yaml'));
    expect(found).toBe(true);
    expect(roster).toEqual({
      version: 1,
      transport: 'tmux',
      tmux: { socketName: 'mosaic-factory', holderSession: '_holder' },
      defaults: { workingDirectory: src },
      runtimes: {
        claude: { resetCommand: '/clear', args: [], env: {} },
        codex: { resetCommand: '/clear', args: [], env: {} },
        pi: { resetCommand: '/new', args: [], env: {} },
      },
      agents: [
        {
          name: 'lead',
          runtime: 'claude',
          class: 'orchestrator',
          persistentPersona: true,
          resetBetweenTasks: false,
        },
        {
          name: 'coder0',
          runtime: 'codex',
          class: 'implementer',
          modelHint: 'gpt-5.5',
          persistentPersona: false,
          resetBetweenTasks: true,
        },
        {
          name: 'reviewer0',
          runtime: 'pi',
          class: 'reviewer',
          persistentPersona: false,
          resetBetweenTasks: true,
          kickstartTemplate: 'review',
        },
      ],
    });
  });

  it('in snake_case are read', async () => {
    const { roster } = await readRosterFile(join(fixtures, 'minimal.yaml'));
    expect(roster).toMatchObject({
      tmux: { socketName: 'mosaic-factory', holderSession: '_holder' },
      defaults: { workingDirectory: src },
      runtimes: { pi: { resetCommand: '/new' } },
      agents: [{ name: 'canary-pi', runtime: 'pi', class: 'canary', resetBetweenTasks: true }],
    });
  });

  it('with a key in the wrong place are refused with line, key and remedy', async () => {
    const path = join(fixtures, 'factory.yaml');
    await expect(readRosterFile(path)).rejects.toThrow(
      `${path}:8:3: tmux.working_directory: is no key here: it belongs under defaults:`,
    );
  });

  it('are read once that is mended, with half a persona and classes in two words', async () => {
    const text = await readFile(join(fixtures, 'factory.yaml'), 'utf8');
    const mended = text.replace('  working_directory', 'defaults:\n  working_directory');
    const { roster } = await readRosterFile(await write(mended));
    expect(roster.agents.map((each) => [each.name, each.class, each.persistentPersona])).toEqual([
      ['lead-claude', 'orchestrator', true],
      ['coder0', 'implementer', false],
      ['coder1', 'implementer', false],
      ['coder2', 'implementer', false],
      ['coder3', 'implementer', false],
      ['enhance', 'enhancer', 'semi'],
      ['rev0', 'reviewer', false],
      ['rev1', 'reviewer', false],
      ['secrev0', 'security-reviewer', false],
      ['final', 'final-reviewer', 'semi'],
    ]);
    expect(runtimesOf(roster)).toEqual(['claude', 'pi']);
    expect(runtimeOf(roster, 'claude')).toEqual({ resetCommand: '/clear', args: [], env: {} });
  });
});

describe('a roster', () => {
  it('that is not there is empty, and has the defaults', async () => {
    const path = join(await temporaryFolder(), 'roster.yaml');
    expect(await readRosterFile(path)).toEqual({
      path,
      found: false,
      roster: {
        version: 1,
        transport: 'tmux',
        tmux: { socketName: 'mosaic-factory', holderSession: '_holder' },
        defaults: { workingDirectory: src },
        runtimes: {},
        agents: [],
      },
    });
  });

  it.each([
    { written: '~', means: () => homedir() },
    { written: '~/work', means: () => join(homedir(), 'work') },
    { written: '/srv/work', means: () => '/srv/work' },
    { written: 'work', means: (folder: string) => join(folder, 'work') },
  ])('means the folder $written from where it lies', async ({ written, means }) => {
    const { path, roster } = await read(
      `defaults: {working_directory: '${written}'}`,
      `agents: [${agent}, {name: b, runtime: pi, class: canary, workingDirectory: '${written}/b'}]`,
    );
    const folder = means(dirname(path));
    expect(roster.agents.map((each) => workingDirectoryOf(roster, each))).toEqual([
      folder,
      join(folder, 'b'),
    ]);
  });

  it('says how a runtime is run, and leaves names of the environment as they are', async () => {
    const { roster } = await read(
      'runtimes:',
      '  codex: {reset_command: /new, args: [--fast], env: {some_key: sesame, OTHER_KEY: open}, model: gpt-5.5}',
    );
    const codex = {
      resetCommand: '/new',
      args: ['--fast'],
      env: { some_key: 'sesame', OTHER_KEY: 'open' },
      model: 'gpt-5.5',
    };
    expect(runtimeOf(roster, 'codex')).toEqual(codex);
    expect(withoutSecrets(roster).runtimes.codex).toEqual({
      ...codex,
      env: { some_key: '[hidden]', OTHER_KEY: '[hidden]' },
    });
  });

  it('may say a thing once, and mean it twice', async () => {
    const { roster } = await read('runtimes:', '  pi: &same {reset_command: /new}', '  opencode: *same');
    expect(runtimeOf(roster, 'opencode').resetCommand).toBe('/new');
  });

  it('is refused when it can’t be read', async () => {
    const path = join(await temporaryFolder(), 'roster.yaml');
    await mkdir(path);
    await expect(readRosterFile(path)).rejects.toThrow(`${path} can not be read (EISDIR): check the path`);
  });
});

describe('a fault of a roster is told with its place and what to do', () => {
  it.each([
    { name: 'an empty file', text: '', says: '1:1: version: is missing: add it, as 1' },
    { name: 'another version', text: 'version: 2', says: '1:1: version: must be 1' },
    { name: 'a list', text: '- a', says: '1:1: must be a map of keys and values' },
    { name: 'a key without a value', text: 'version: 1\nagents:\n', says: '2:1: agents: has no value: give' },
    {
      name: 'a misspelt key',
      text: 'version: 1\ntmux:\n  soket_name: x',
      says: '3:3: tmux.soket_name: is no key: did you mean socket_name?',
    },
    {
      name: 'a key with a dash',
      text: 'version: 1\ndefaults: {working-directory: x}',
      says: '2:12: defaults.working-directory: is no key: did you mean workingDirectory?',
    },
    {
      name: 'a key that belongs to each agent',
      text: 'version: 1\nkickstart_template: x',
      says: '2:1: kickstart_template: is no key here: it belongs in an entry of agents:',
    },
    {
      name: 'a key that belongs to a runtime',
      text: `version: 1\nagents:\n  - {name: a, runtime: pi, class: canary, args: [x]}`,
      says: '3:43: agents[0].args: is no key here: it belongs in an entry of runtimes:',
    },
    {
      name: 'half a key',
      text: `version: 1\nagents:\n  - {name: a, runtime: pi, class: canary, model: x}`,
      says: '3:43: agents[0].model: is no key: did you mean modelHint?',
    },
    {
      name: 'a key that nobody knows',
      text: 'version: 1\ncolour: red',
      says: '2:1: colour: is no key: take it away, or use one of version, transport, tmux, defaults, runtimes, accounts, acp, agents',
    },
    {
      name: 'a key that every object has',
      text: 'version: 1\nconstructor: {a: 1}',
      says: '2:1: constructor: is no key: take it away',
    },
    {
      name: 'one key in both forms',
      text: 'version: 1\ntmux:\n  socketName: a\n  socket_name: b',
      says: '4:3: tmux.socket_name: is there as socketName too: keep one of them',
    },
    { name: 'one key twice', text: 'version: 1\nversion: 1', says: '2:1: Map keys must be unique: mend the' },
    { name: 'no YAML', text: 'version: 1\nagents: [\n', says: '3:1: Flow sequence in block collection must' },
    {
      name: 'a runtime that nobody knows',
      text: 'version: 1\nruntimes:\n  cluade: {}',
      says: '3:3: runtimes.cluade: is no key: did you mean claude?',
    },
    {
      name: 'a runtime of tasks',
      text: 'version: 1\nagents:\n- {name: a, runtime: script, class: x}',
      says: '3:13: agents[0].runtime: must be one of codex, claude, pi, opencode',
    },
    {
      name: 'a misspelt runtime',
      text: 'version: 1\nagents:\n- {name: a, runtime: Claud, class: x}',
      says: 'opencode; did you mean claude?',
    },
    {
      name: 'an agent without a class',
      text: 'version: 1\nagents:\n- name: a\n  runtime: pi',
      says: '3:3: agents[0].class: is missing: add it',
    },
    {
      name: 'two agents of one name',
      text: `version: 1\nagents:\n- ${agent}\n- ${agent}`,
      says: '4:4: agents[1].name: must be the agent’s own: another agent is called a too',
    },
    {
      name: 'an agent that would take the holder’s session',
      text: `version: 1\ntmux: {holder_session: a}\nagents: [${agent}]`,
      says: '3:11: agents[0].name: must differ from tmux.holderSession',
    },
    {
      name: 'a persona of another kind',
      text: 'version: 1\nagents:\n- {name: a, runtime: pi, class: x, persistent_persona: half}',
      says: '3:36: agents[0].persistent_persona: must be true, false or semi',
    },
    {
      name: 'yes for true',
      text: 'version: 1\nagents:\n- {name: a, runtime: pi, class: x, reset_between_tasks: yes}',
      says: 'agents[0].reset_between_tasks: must be true or false',
    },
    {
      name: 'a number for a text',
      text: 'version: 1\nruntimes: {pi: {env: {PORT: 80}}}',
      says: '2:23: runtimes.pi.env.PORT: must be a text: put it in quotes',
    },
    {
      name: 'the default server of tmux',
      text: 'version: 1\ntmux: {socket_name: default}',
      says: 'tmux.socket_name: must not be the default server’s',
    },
    {
      name: 'the home of somebody else',
      text: 'version: 1\ndefaults: {working_directory: ~root/src}',
      says: 'defaults.working_directory: is the home of somebody else',
    },
    {
      name: 'a reset of two lines',
      text: 'version: 1\nruntimes: {pi: {reset_command: "/new\\nrm"}}',
      says: 'runtimes.pi.reset_command: must be one line',
    },
    {
      name: 'the engine’s own environment',
      text: 'version: 1\nruntimes: {pi: {env: {MISSION_RUN: x}}}',
      says: '2:23: runtimes.pi.env: has a name that is none of an environment, or begins with MISSION_',
    },
  ])('$name', async ({ text, says }) => {
    expect(await faultsOf(text)).toContain(says);
  });

  it('all at once, from the first line to the last', async () => {
    const text = 'version: 1\ntmux: {a: 1}\ncolour: red\nagents:\n- {name: a b, runtime: pi, class: x}';
    const lines = (await faultsOf(text)).split('\n');
    expect(lines.map((line) => line.trim().split(': ')[0])).toEqual(['3 faults', '2:8', '3:1', '5:4']);
  });

  it.each([
    { name: 'no text', text: 'runtimes: {pi: {env: {KEY: {sesame: 1}}}}' },
    { name: 'no name', text: 'runtimes: {pi: {env: {KEY=sesame}}}' },
    { name: 'no map', text: 'runtimes: {pi: {env: KEY=sesame}}' },
    { name: 'in another place', text: 'runtimes: {pi: {KEY=sesame}}' },
    { name: 'with a NUL', text: 'runtimes: {pi: {env: {KEY: "sesame\\0"}}}' },
    { name: 'no YAML', text: 'runtimes: {pi: {env: {KEY: "a" sesame}}}' },
    { name: 'in a key', text: 'runtimes: {pi: {{KEY: sesame}: x}}' },
    { name: 'an open text', text: 'runtimes: {pi: {env: {KEY: "sesame}}}' },
    { name: 'an alias', text: 'runtimes: {pi: {env: {KEY: *sesame}}}' },
    { name: 'a tag', text: 'runtimes: {pi: {env: {KEY: !sesame x}}}' },
    { name: 'a directive', text: 'runtimes: {pi: {env: {KEY: @sesame}}}' },
  ])('and never shows the environment: $name', async ({ text }) => {
    const said = await faultsOf(`version: 1\n${text}`);
    expect(said).toMatch(/^\d:\d+: /);
    expect(said).not.toContain('sesame');
  });
});
