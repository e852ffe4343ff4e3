import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { builtFolder } from '../../schema/package-root.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { until } from '../../test/support/until.ts';
import type { ProgramRun } from './programs.ts';
import { createSpawner } from './spawning.ts';
import { processStartTime, signal } from './tree.ts';

function openSpawner() {
  const spawner = createSpawner({ program: join(builtFolder(), 'spawner.js') });
  onTestFinished(() => spawner.close());
  return spawner;
}

function shell(command: string, more: Partial<ProgramRun> = {}): ProgramRun {
  const env = { PATH: process.env['PATH'] ?? '' };
  return {
    program: 'sh',
    args: ['-c', command],
    cwd: '/',
    env,
    timeoutMs: 60_000,
    maxBytes: 10_000,
    ...more,
  };
}

/** The process that has started the shell which tells it. */
const tellParent = shell('echo $PPID');

describe('the process that starts programs', () => {
  it('answers with what they print and how they end', async () => {
    const { run } = openSpawner();
    const ends = await Promise.all([
      run(shell('cat; echo no >&2; exit 3', { input: 'grüße\n' })),
      run(shell('pwd', { cwd: '/usr' })),
    ]);
    expect(ends).toMatchObject([
      { exitCode: 3, stdout: 'grüße', stderr: 'no' },
      { exitCode: 0, stdout: '/usr' },
    ]);
  });

  it('gives them the environment that they are to have, and nothing of ours', async () => {
    process.env['OF_THE_ENGINE'] = 'secret';
    const { stdout } = await openSpawner().run(shell('env'));
    expect(stdout).not.toContain('OF_THE_ENGINE');
    const parent = (await openSpawner().run(tellParent)).stdout;
    expect(readFileSync(`/proc/${parent}/environ`, 'utf8')).not.toContain('OF_THE_ENGINE');
  });

  it.each([
    { name: 'takes too long', run: shell('sleep 60', { timeoutMs: 50 }), fault: /timed out/ },
    { name: 'prints too much', run: shell('yes'), fault: /maxBuffer/ },
    { name: 'is not there', run: shell('true', { program: 'no-such-program' }), fault: /ENOENT/ },
  ])('says so when a program $name', async ({ run, fault }) => {
    const end = await openSpawner().run(run);
    expect(end.exitCode).toBeNull();
    expect(end.fault).toMatch(fault);
  });

  it('fails what it was asked when it is killed, and is there again for the next', async () => {
    const { run } = openSpawner();
    const first = Number((await run(tellParent)).stdout);
    const cut = run(shell('exec sleep 10'));
    signal(first, 'SIGKILL');
    expect(await cut).toMatchObject({ exitCode: null, fault: 'the process that starts programs has ended' });
    const second = Number((await run(tellParent)).stdout);
    expect(second).not.toBe(first);
  });

  it('sends programs on their way, which live on when it is killed', async () => {
    const cwd = await temporaryFolder();
    const { run, launch } = openSpawner();
    const spawner = Number((await run(tellParent)).stdout);
    launch({ argv: ['sh', '-c', 'echo $$ > pid; exec sleep 60'], cwd });
    await until(() => existsSync(join(cwd, 'pid')) && readFileSync(join(cwd, 'pid'), 'utf8') !== '');
    const pid = Number(readFileSync(join(cwd, 'pid'), 'utf8'));
    onTestFinished(() => signal(pid, 'SIGKILL'));
    // What is launched while it dies is lost unheard; once this answers, its death is known.
    const cut = run(shell('exec sleep 10'));
    signal(spawner, 'SIGKILL');
    await cut;
    expect(processStartTime(pid)).toBeDefined();
    launch({ argv: ['sh', '-c', 'echo again > pid'], cwd });
    await until(() => readFileSync(join(cwd, 'pid'), 'utf8') === 'again\n');
  });

  it('ends when nobody needs it any more', async () => {
    const spawner = openSpawner();
    const pid = Number((await spawner.run(tellParent)).stdout);
    spawner.close();
    await until(() => processStartTime(pid) === undefined);
  });
});
