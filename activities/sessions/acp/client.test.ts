import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AgentEvent } from '../../../schema/contracts/agent.ts';
import { Permissions } from '../../../schema/contracts/permissions.ts';
import { builtFolder, packageRoot } from '../../../schema/package-root.ts';
import { temporaryFolder } from '../../../test/support/temporary.ts';
import { until } from '../../../test/support/until.ts';
import { exists } from '../../files.ts';
import { programEnvironment } from '../../processes/environment.ts';
import { createProcesses, type RunEnd } from '../../processes/supervise.ts';
import { processesOfRun } from '../../processes/tree.ts';
import { createAcp } from '../runtimes/acp.ts';
import { writeAnswer } from './questions.ts';
import { acpFiles } from './spec.ts';

const processes = createProcesses({ runner: join(builtFolder(), 'runner.js') });

interface TestSession {
  folder: string;
  end: Promise<RunEnd>;
  events: () => Promise<AgentEvent[]>;
}

/** A session of the stub agent under the runner, as the engine runs it. */
async function run(of: { prompt: string; timeoutMs?: number; stallMs?: number; model?: string }) {
  const root = await temporaryFolder();
  const folder = join(root, 'run');
  const driver = createAcp({
    client: join(builtFolder(), 'acp-client.js'),
    adapter: { command: [join(packageRoot(), 'test/fakes/stub-acp.mjs')] },
    permissions: Permissions.parse({}),
    homeEnvironment: () => ({}),
  });
  const { argv, env, files, step } = driver.prepare({
    sessionId: 'm.A.author.1',
    model: of.model,
    effort: 'high',
    conversation: undefined,
    settings: { args: [], env: { STUB_ACP_HOME: root, MISSION_LAUNCH: '1' } },
  });
  const spec = {
    cwd: root,
    env: programEnvironment({ run: folder, home: root, extra: env }),
    steps: [
      {
        name: 'stub',
        argv,
        timeoutMs: of.timeoutMs ?? 60_000,
        ...(of.stallMs === undefined ? {} : { stallMs: of.stallMs }),
        stdin: 'prompt.md',
        stdout: 'events.jsonl',
        stderr: 'stderr.log',
        ...step,
      },
    ],
    maxOutputBytes: 1_000_000,
    heartbeatMs: 1_000,
  };
  onTestFinished(() => processes.stop(folder));
  const end = processes.supervise({
    folder,
    prepare: () => Promise.resolve({ spec, files: { ...files, 'prompt.md': of.prompt } }),
    watch: { detach: new AbortController().signal, stopAsked: () => false },
  });
  const session: TestSession = {
    folder,
    end,
    events: async () => {
      const output = await readFile(join(folder, 'events.jsonl'), 'utf8').catch(() => '');
      return output.split('\n').flatMap(driver.createReader());
    },
  };
  return session;
}

function kinds(events: readonly AgentEvent[]): string[] {
  return events.map(({ type }) => type);
}

describe('a session by the Agent Client Protocol', () => {
  it('tells what its agent does in the words of all runtimes', async () => {
    const session = await run({ prompt: 'AT 1: say on it, spend 2, say done', model: 'large' });
    expect(await session.end).toMatchObject({ result: { steps: [{ end: 'exited', exitCode: 0 }] } });
    const events = await session.events();
    expect(kinds(events)).toEqual(['started', 'usage', 'text', 'usage', 'final']);
    expect(events[0]).toMatchObject({ model: 'large' });
    expect(events.at(-1)).toEqual({ type: 'final', text: 'on it done' });
  });

  it('waits for a person as long as that takes, and takes the answer once', async () => {
    const session = await run({
      prompt: 'AT 1: ask execute touch b.txt',
      timeoutMs: 3_000,
      stallMs: 1_000,
    });
    await until(async () => kinds(await session.events()).includes('question'));
    const asked = Date.now();
    await until(() => Promise.resolve(Date.now() - asked > 6_000));
    const answer = { folder: session.folder, question: 'author-1-1', by: 'lead' };
    await writeAnswer({ ...answer, option: 'yes' });
    await writeAnswer({ ...answer, option: 'no' });
    expect(await session.end).toMatchObject({ result: { steps: [{ end: 'exited', exitCode: 0 }] } });
    expect(kinds(await session.events())).toEqual([
      'started',
      'tool',
      'question',
      'question-over',
      'usage',
      'final',
    ]);
    expect(await exists(join(session.folder, '../b.txt'))).toBe(true);
    expect(await exists(join(session.folder, acpFiles.waiting))).toBe(false);
  });

  it('stops its agent where it is asked to, and leaves no process behind', async () => {
    const session = await run({ prompt: 'AT 1: orphan, hang' });
    await until(() => exists(join(session.folder, '../hanging')));
    await processes.stop(session.folder);
    expect(await session.end).toMatchObject({ result: { steps: [{ end: 'stopped' }] } });
    expect(await readFile(join(session.folder, '../cancelled'), 'utf8')).toBe('true\n');
    expect(processesOfRun(session.folder)).toEqual([]);
  });

  it('ends an agent that does not stop', async () => {
    const session = await run({ prompt: 'AT 1: ignore', stallMs: 1_000 });
    expect(await session.end).toMatchObject({ result: { steps: [{ end: 'stalled' }] } });
    expect(processesOfRun(session.folder)).toEqual([]);
  });

  it.each([
    ['that dies', 'AT 1: die', null, ['started']],
    ['without a login', 'AT 1: login', 1, ['started', 'error']],
    ['whose model fails', 'AT 1: fail status 429', 1, ['started', 'error']],
  ])('ends as its agent ends: one %s', async (_, prompt, exitCode, told) => {
    const session = await run({ prompt });
    expect(await session.end).toMatchObject({ result: { steps: [{ end: 'exited', exitCode }] } });
    expect(kinds(await session.events())).toEqual(told);
  });

  it('does not work with another model than it was to have', async () => {
    const session = await run({ prompt: 'AT 1: say hello', model: 'other' });
    await session.end;
    expect(await session.events()).toMatchObject([
      { type: 'error', message: 'the agent does not offer the model other; it offers small, large' },
    ]);
  });
});
