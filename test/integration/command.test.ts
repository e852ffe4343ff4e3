/** The command `mission` as people type it. */
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../scripts/cli/program.ts';
import { initialMissionView } from '../../schema/contracts/views.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { closedPort } from '../support/broken-servers.ts';
import { runMission, startListener } from '../support/mission-command.ts';
import { repository } from '../support/plans.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const aRandomKey: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);

function stringContaining(text: string): unknown {
  return expect.stringContaining(text);
}

const outline = {
  milestones: [{ id: 'm2', tasks: ['T-3'], deferred: ['T-4'] }],
  ...{ parallel: 2, priority: 3, warnings: [] },
};

const nothingUsed = {
  ...{ sessions: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0 },
  ...{ costUsd: null, unpriced: 0, seconds: 0 },
};

describe('a command', () => {
  it.each([
    {
      line: 'pause greetings --reason later',
      answer: { status: 204 },
      asked: { method: 'POST', path: '/v1/missions/greetings/pause', body: { reason: 'later' } },
      says: 'greetings is paused; go on with: mission resume greetings\n',
    },
    {
      line: 'resume greetings --json',
      answer: { status: 204 },
      asked: { method: 'POST', path: '/v1/missions/greetings/resume', body: {} },
      says: '{"id":"greetings","paused":false}\n',
    },
    {
      line: 'amend greetings --move T-3 --to m2 --reason sooner',
      answer: { status: 200, body: outline },
      asked: {
        method: 'POST',
        path: '/v1/missions/greetings/amendments',
        body: { reason: 'sooner', changes: [{ change: 'move', task: 'T-3', milestone: 'm2' }] },
      },
      says: 'm2           T-3  (deferred: T-4)\nparallel 2, priority 3\n',
    },
    {
      line: 'token revoke bot',
      answer: { status: 204 },
      asked: { method: 'DELETE', path: '/v1/tokens/bot', body: undefined },
      says: 'bot is revoked\n',
    },
    {
      line: 'token create bot --scope missions:read --expires 2999-01-31T12:00:00Z',
      answer: { status: 201, body: { name: 'bot', token: 'mission_new' } },
      asked: {
        method: 'POST',
        path: '/v1/tokens',
        body: { name: 'bot', scopes: ['missions:read'], expiresAt: '2999-01-31T12:00:00.000Z' },
      },
      says: 'mission_new\n',
    },
    {
      line: 'answer greetings.T-1.law-1 allow --note fine',
      answer: { status: 204 },
      asked: {
        method: 'POST',
        path: '/v1/inbox/greetings.T-1.law-1/answer',
        body: { choice: 'allow', note: 'fine' },
      },
      says: 'greetings.T-1.law-1: allow\n',
    },
    {
      line: 'notify test',
      answer: { status: 200, body: { told: [{ host: 'example.org', status: 204, error: null }] } },
      asked: { method: 'POST', path: '/v1/notify/test', body: undefined },
      says: 'example.org  204\n',
    },
  ])('asks once, under a key of its own: $line', async ({ line, answer, asked, says }) => {
    const { env, heard } = await startListener([answer]);
    expect(await runMission(line.split(' '), { env })).toEqual({ code: 0, stdout: says, stderr: '' });
    expect(heard).toEqual([{ ...asked, key: aRandomKey }]);
  });

  it.each([
    {
      line: 'list --status running --status paused --repository /r.git --needs-human',
      path: '/v1/missions?limit=50&status=running&status=paused&repository=%2Fr.git&needsHuman=true',
      body: { missions: [], nextCursor: null },
    },
    {
      line: 'usage greetings --by session --since 2026-11-01',
      path: '/v1/usage?by=session&mission=greetings&since=2026-11-01T00%3A00%3A00.000Z',
      body: { by: 'session', rows: [], more: 0, total: nothingUsed, windows: [] },
    },
    {
      line: 'usage',
      path: '/v1/usage?by=mission',
      body: { by: 'mission', rows: [], more: 0, total: nothingUsed, windows: [] },
    },
    {
      line: 'why greetings T-1',
      path: '/v1/missions/greetings/tasks/T-1/why',
      body: {
        ...{ mission: 'greetings', task: 'T-1', title: 'Greet', status: 'running', headSha: null },
        ...{ answer: 'T-1 may not be merged yet', gates: [] },
      },
    },
    {
      line: 'handoff greetings',
      path: '/v1/missions/greetings/handoff',
      body: {
        ...initialMissionView({ mission: 'greetings', title: 'Greet', repository }, 'running'),
        ...{ milestones: [], waiting: [], commands: [] },
      },
    },
    { line: 'token list', path: '/v1/tokens', body: { tokens: [] } },
    {
      line: 'inbox --mission greetings --kind blocked --limit 5',
      path: '/v1/inbox?limit=5&mission=greetings&kind=blocked',
      body: { items: [], nextCursor: null },
    },
    {
      line: 'audit --limit 5 --cursor abc',
      path: '/v1/audit?limit=5&cursor=abc',
      body: { entries: [], nextCursor: null },
    },
  ])('reads without a key: $line', async ({ line, path, body }) => {
    const { env, heard } = await startListener([{ status: 200, body }]);
    expect(await runMission(line.split(' '), { env })).toMatchObject({ code: 0, stderr: '' });
    expect(heard).toEqual([{ method: 'GET', path, key: undefined, body: undefined }]);
  });

  it('fails when somebody was not told', async () => {
    const told = [{ host: 'example.org', status: null, error: 'ECONNREFUSED' }];
    const { env } = await startListener([{ status: 200, body: { told } }]);
    expect(await runMission(['notify', 'test'], { env })).toMatchObject({
      code: 1,
      stdout: 'example.org  ECONNREFUSED\n',
    });
  });

  it.each([
    {
      line: 'inbox',
      body: (words: string) => ({
        items: [
          {
            ...{
              id: 'greetings.T-1.law-1',
              kind: 'question',
              about: 'law',
              mission: 'greetings',
              task: 'T-1',
            },
            ...{ title: words, asks: words, detail: words, command: words, since: 0, answerWith: words },
            ...{ headSha: null, pullRequest: null, issue: null, choices: [{ id: 'yes', name: words }] },
          },
        ],
        nextCursor: null,
      }),
    },
    {
      line: 'why greetings T-1',
      body: (words: string) => ({
        ...{ mission: 'greetings', task: 'T-1', title: words, status: 'running', headSha: null },
        answer: words,
        gates: [
          {
            ...{ gate: 'go-ahead', state: 'here', evidence: [{ what: words, says: words }] },
            ...{ missing: words, for: 'person', since: 0, command: words },
          },
        ],
      }),
    },
  ])('lets no words of agents move the cursor of a terminal: $line', async ({ line, body }) => {
    const { env } = await startListener([{ status: 200, body: body('it\u001b[2J is\r\u0007\u202e done') }]);
    const { code, stdout } = await runMission(line.split(' '), { env });
    expect(code).toBe(0);
    expect(stdout).toContain('it [2J is  done');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('asks again under the same key when the connection breaks, once', async () => {
    const back = await startListener(['broken', { status: 204 }]);
    expect(await runMission(['resume', 'greetings'], back)).toMatchObject({ code: 0 });
    expect(back.heard).toHaveLength(2);
    expect(back.heard[0]).toEqual(back.heard[1]);

    const gone = await startListener(['broken']);
    const args = ['cancel', 'greetings', '--idempotency-key', 'mine'];
    expect(await runMission(args, gone)).toMatchObject({ code: 3 });
    expect(gone.heard.map(({ key }) => key)).toEqual(['mine', 'mine']);
  });

  it('takes an amendment from standard input', async () => {
    const { env, heard } = await startListener([{ status: 200, body: outline }]);
    const input = 'reason: later\nchanges: [{change: defer, task: T-4}]\n';
    expect(await runMission(['amend', 'greetings', '-', '--json'], { env, input })).toEqual({
      code: 0,
      stdout: `${JSON.stringify(outline)}\n`,
      stderr: '',
    });
    expect(heard[0]?.body).toEqual({ reason: 'later', changes: [{ change: 'defer', task: 'T-4' }] });
  });

  it('tells an error in one line, or as one JSON object, with its exit code', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const gone = { MISSION_URL: url, MISSION_TOKEN: 'mission_of_test' };
    const unknown = { title: 'There is no such thing', detail: 'there is no mission no' };
    const cases = [
      { line: 'show no', env: gone, code: 3, kind: 'unreachable', says: `no engine answers at ${url}` },
      {
        line: 'show no',
        answer: { status: 404, body: unknown },
        code: 4,
        kind: 'refused',
        says: 'no mission no',
      },
      {
        line: 'show no',
        answer: { status: 200, body: 'hi' },
        code: 1,
        kind: 'failed',
        says: 'compare the versions',
      },
      {
        line: 'start /nowhere.yaml',
        env: gone,
        code: 1,
        kind: 'failed',
        says: '/nowhere.yaml can not be read',
      },
      { line: 'amend no', env: gone, code: 2, kind: 'usage', says: 'give a file, --defer or --move' },
      { line: 'list --status sleeping', env: gone, code: 2, kind: 'usage', says: 'Allowed choices are' },
      { line: 'worker', env: {}, code: 2, kind: 'usage', says: 'set DATABASE_URL' },
    ];
    async function tellsOf({ line, code, kind, says, ...more }: (typeof cases)[number]): Promise<void> {
      const of = more.answer ? await startListener([more.answer]) : { env: more.env };
      const plain = await runMission(line.split(' '), of);
      expect(plain).toMatchObject({ code, stdout: '' });
      expect(plain.stderr).toMatch(/^error: [^\n]*\n(?:\(mission .*\n)?$/);
      expect(plain.stderr).toContain(says);
      const json = await runMission([...line.split(' '), '--json'], of);
      expect(json).toMatchObject({ code, stdout: '' });
      const told: unknown = JSON.parse(json.stderr);
      expect(told).toEqual({ error: { message: stringContaining(says), code: kind } });
    }
    await Promise.all(cases.map(tellsOf));
  });

  it('has help with examples, whichever it is', () => {
    const texts: string[] = [];
    const commands = [createProgram()];
    for (const command of commands) {
      commands.push(...command.commands);
      if (command.name() === 'complete') continue;
      let text = '';
      command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
      expect(text, command.name()).toMatch(/\nExamples:\n {2}/);
      texts.push(text);
    }
    expect(texts.length).toBeGreaterThan(20);
  });
});

describe('completion in bash', () => {
  /** What bash would offer for each line, in one shell. */
  async function completed(lines: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
    // A shell finds the program on PATH, by its name.
    const bin = await temporaryFolder();
    const program = `#!/bin/sh\nexec '${process.execPath}' '${packageRoot()}/dist/mission.js' "$@"\n`;
    await writeFile(join(bin, 'mission'), program);
    await chmod(join(bin, 'mission'), 0o755);
    const script = `source <(mission completion bash)
      for line; do
        COMP_LINE=$line COMP_POINT=\${#line} COMPREPLY=(); _mission_complete; echo "\${COMPREPLY[*]}"
      done
      complete -p mission`;
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', ...lines], {
      env: { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    const said = stdout.trimEnd().split('\n');
    expect(said.pop()).toBe('complete -F _mission_complete mission');
    return said;
  }

  it('knows commands, values and files', async () => {
    const [command, action, scope, file] = await completed([
      'mission eve',
      'mission resolve waits A ',
      'mission token create bot --scope missions:r',
      'mission start /etc/host',
    ]);
    // Bash takes what stands before a colon for a word of its own.
    expect([command, action, scope]).toEqual(['events', 'retry skip abandon', 'read']);
    expect(file).toContain('/etc/hosts');
  });

  it('asks the engine for ids, and is silent when there is none', async () => {
    const repository = { id: 'r', forge: 'local' as const, address: '/r.git', base: 'main' };
    const plan = { mission: 'waits', title: 'Waits', repository };
    const mission = { ...initialMissionView(plan, 'running'), createdAt: '', endedAt: null };
    const { env } = await startListener([{ status: 200, body: { missions: [mission], nextCursor: null } }]);
    // An engine that is slow for a moment completes nothing: whoever types presses the key again.
    await until(async () => (await completed(['mission show wa'], env))[0] === 'waits');
    const nobody = {
      MISSION_URL: `http://127.0.0.1:${await closedPort()}`,
      MISSION_TOKEN: 'mission_of_test',
    };
    expect(await completed(['mission show wa'], nobody)).toEqual(['']);
  });
});

describe('beside a real engine', () => {
  it('events end with what there is, and doctor asks the engine', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const env = { MISSION_DATA: join(engine.root, 'data') };
    const more = { policy: { coordinators: ['nobody'] } };
    const file = await engine.missionFile({ key: 'waits', scripts: { A: commits('a.txt') }, more });
    await engine.api.create(JSON.stringify(file), 'application/json');
    for await (const event of engine.api.events({ id: 'waits', after: 0 })) if (event.seq === 2) break;

    const [events, later, doctor] = await Promise.all([
      runMission(['events', 'waits', '--json'], { env }),
      runMission(['events', 'waits', '--after', '1'], { env }),
      runMission(['doctor', '--json'], { env }),
    ]);
    expect(events).toMatchObject({ code: 0, stderr: '' });
    const [first = ''] = events.stdout.split('\n');
    expect(JSON.parse(first)).toMatchObject({ seq: 1, type: 'mission-started' });
    expect(later.stdout).toMatch(/^ {4}2 {2}20/);
    const probed: unknown = JSON.parse(doctor.stdout);
    expect(probed).toEqual(
      expect.arrayContaining([
        { name: 'database', state: 'ok', message: 'says the engine' },
        { name: 'pgvector', state: 'ok', message: 'says the engine' },
        { name: 'migrations', state: 'ok', message: 'says the engine' },
        { name: 'temporal', state: 'ok', message: `answers at ${engine.engine.address.temporal}` },
        { name: 'engine', state: 'ok', message: `ready at ${engine.url}` },
      ]),
    );
  });
});
