/** Whatever is killed in whatever state of an agent's session: nothing runs twice, nothing is lost, the task merges. */
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { exists } from '../../activities/files.ts';
import { RunnerIdentity } from '../../activities/processes/spec.ts';
import { processesOfRun } from '../../activities/processes/tree.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { builtProgram, type EngineProcess } from '../../scripts/quickstart/engine-process.ts';
import { startKillableEngine, type KillableEngine } from '../support/engine-process.ts';
import { HostProcess } from '../support/host-process.ts';
import { useCodex, type CodexHome } from '../support/stub-codex.ts';
import { temporaryFolder, type AtEnd } from '../support/temporary.ts';
import { tmuxSocket } from '../support/tmux.ts';
import { until } from '../support/until.ts';
import { cells, cellsOf, goalOf, keyOf, states, victims, type Cell, type Victim } from './agent-cells.ts';

/** One engine, in which cells of the table are lived through. */
class Life {
  readonly engine: EngineProcess;
  readonly #at: KillableEngine;
  readonly #codex: CodexHome;
  readonly #points: string;
  readonly #socket: string;
  /** Where the sessions are, if not on the engine's own host. */
  readonly host: HostProcess | undefined;

  constructor(of: {
    at: KillableEngine;
    codex: CodexHome;
    points: string;
    socket: string;
    host?: HostProcess | undefined;
  }) {
    this.engine = of.at.engine;
    this.#at = of.at;
    this.#codex = of.codex;
    this.#points = of.points;
    this.#socket = of.socket;
    this.host = of.host;
  }

  #sign(cell: Cell, name: 'at' | 'go'): string {
    return join(this.#at.work, `${keyOf(cell)}.${name}`);
  }

  /** Of the session that is held: the one of its state. */
  #folder(cell: Cell, launch = cell.state === 'again' ? 2 : 1): string {
    const { data } = this.host ?? this.#at;
    return join(data, 'sessions', `${keyOf(cell)}.A.${cell.role}.${launch}`);
  }

  /** Starts the missions of these cells, and waits until each is in its state. */
  async bring(started: readonly Cell[]): Promise<void> {
    for (const cell of started) {
      if (cell.state === 'claimed') await this.#holdRunner(this.#folder(cell));
      await this.#start(cell);
    }
    for (const cell of started) await this.#reached(cell);
  }

  async #start(cell: Cell): Promise<void> {
    const key = keyOf(cell);
    const file = `${key}.txt`;
    const goal = goalOf(cell, { at: this.#sign(cell, 'at'), go: this.#sign(cell, 'go'), file });
    if (cell.role === 'author') {
      return this.#at.startAgent({ key, goal, labels: this.host && [elsewhere] });
    }
    const script = `echo work > ${file}\ngit add --all\ngit commit --quiet --message 'Add ${file}'\n`;
    const policy = { reviewers: [{ engine: 'one' }, { engine: 'diff-check' }] };
    await this.#at.startMission({ key, goal, scripts: { A: script }, policy });
  }

  /** A runner stops where it opens this file, after its claim and before its agent. */
  async #holdRunner(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await execa('mkfifo', [join(folder, 'stderr.log')]);
  }

  async #reached(cell: Cell): Promise<void> {
    await until(async () => {
      switch (cell.state) {
        case 'unlaunched':
          return (await this.#codex.agents()).some(({ session }) =>
            this.#folder(cell).endsWith(`/${session}`),
          );
        case 'claimed':
          return exists(join(this.#folder(cell), 'runner.json'));
        case 'quota':
          return (await this.#task(cell)).waits?.for === 'quota';
        default:
          return exists(this.#sign(cell, 'at'));
      }
    });
  }

  async release(cell: Cell): Promise<void> {
    await writeFile(this.#sign(cell, 'go'), '');
    if (cell.state !== 'claimed') return;
    const held = join(this.#folder(cell), 'stderr.log');
    const reader =
      cell.victim === 'runner' ? undefined : await open(held, constants.O_RDONLY | constants.O_NONBLOCK);
    const plain = `${held}.plain`;
    await writeFile(plain, '');
    await rename(plain, held);
    if (!reader) return;
    await until(() => this.hasEnded(cell));
    await reader.close();
  }

  hasEnded(cell: Cell): Promise<boolean> {
    return exists(join(this.#folder(cell), 'exit.json'));
  }

  async #task(cell: Cell): Promise<TaskView> {
    const { tasks } = await (await this.#at.api()).show(keyOf(cell));
    const [task] = tasks;
    if (!task) throw new Error(`there is no task of ${keyOf(cell)}`);
    return task;
  }

  killTmux(): Promise<unknown> {
    return execa('tmux', ['-L', this.#socket, 'kill-server']);
  }

  async kill(cell: Cell): Promise<void> {
    process.kill(await this.#victimOf(cell), 'SIGKILL');
  }

  async #victimOf(cell: Cell): Promise<number> {
    const noted = Number(await readFile(this.#sign(cell, 'at'), 'utf8').catch(() => '0'));
    if (cell.victim === 'tool') return noted;
    if (cell.victim === 'runner') {
      const path = join(this.#folder(cell), 'runner.json');
      return RunnerIdentity.parse(JSON.parse(await readFile(path, 'utf8'))).pid;
    }
    const agents = await this.#codex.agents();
    return agents.find(({ session }) => this.#folder(cell).endsWith(`/${session}`))?.pid ?? 0;
  }

  /** Has the engine, or what it uses, die at this point of its own code. */
  async dieAt(point: string): Promise<void> {
    await writeFile(join(this.#points, point), '');
  }

  async tell(cell: Cell): Promise<Story> {
    const key = keyOf(cell);
    const events = await this.#at.follow(key);
    const task = await this.#task(cell);
    const launched = (await this.#codex.agents()).filter(({ session }) => session.startsWith(`${key}.A.`));
    const checkouts = await readdir(join(this.#at.data, 'checkouts')).catch(() => []);
    const repository = this.#at.repository.planned.address;
    const file = `${key}.txt`;
    const merged = await execa('git', ['show', `main:${file}`], { cwd: repository });
    const merges = await execa('git', ['log', '--format=%H', 'main', '--', file], { cwd: repository });
    return {
      lastWord: events.at(-1)?.message,
      verdicts: events.flatMap(({ type, message }) =>
        type === 'reviewed' ? (message.split(' at ')[0] ?? '') : [],
      ),
      task,
      launched: launched.map(({ session }) => Number(session.split('.').at(-1))),
      orphans: [1, 2, 3].flatMap((launch) => processesOfRun(this.#folder(cell, launch))),
      checkouts: checkouts.filter((name) => name.startsWith(`${key}.`)),
      merged: merged.stdout,
      merges: merges.stdout.split('\n').length,
    };
  }
}

interface Story {
  lastWord: string | undefined;
  /** Each that was told, with its engine. */
  verdicts: string[];
  task: TaskView;
  launched: number[];
  orphans: number[];
  /** What is left of where reviewers have read. */
  checkouts: string[];
  /** The agent's file on the base branch. */
  merged: string;
  /** How many commits of the base branch have touched it. */
  merges: number;
}

/** As many slots as are held at once, and a reviewer that is an agent. */
const settings = `slots: 24
engines: {one: {family: openai, runtime: codex}}
`;

/** What only the other host has. */
const elsewhere = 'elsewhere';

/** `on`: sessions run on the engine's own host, or on another. */
async function newLife(codex: CodexHome, on: 'engine' | 'host', atEnd: AtEnd): Promise<Life> {
  const points = join(await temporaryFolder(atEnd), 'points');
  await mkdir(points);
  const socket = tmuxSocket(atEnd);
  const roster = `version: 1\ntmux: {socketName: ${socket}}\n`;
  const at = await startKillableEngine({
    command: builtProgram('crashing-engine', points),
    settings: { 'engine.yaml': settings, 'roster.yaml': roster },
    atEnd,
  });
  const host = on === 'host' ? await startHost(at, { roster, atEnd }) : undefined;
  return new Life({ at, codex, points, socket, host });
}

/** With a lease that outlasts its death. */
async function startHost(
  at: KillableEngine,
  { roster, atEnd }: { roster: string; atEnd: AtEnd },
): Promise<HostProcess> {
  const address = await readAddress(at.data);
  if (!address) throw new Error('the engine is not up');
  const { temporal, installation } = address;
  const data = await temporaryFolder(atEnd);
  await writeFile(join(data, 'roster.yaml'), roster, { mode: 0o600 });
  const args = ['--slots', '20', '--labels', elsewhere, '--lease-seconds', '300'];
  const host = new HostProcess({ name: 'other', data, temporal, installation, args, atEnd });
  await host.start();
  return host;
}

function isUnlaunched({ state }: Cell): boolean {
  return state === 'unlaunched';
}

async function killEngine(life: Life): Promise<void> {
  const all = cellsOf('engine');
  const held = all.filter((cell) => !isUnlaunched(cell));
  for (const cell of all.filter(isUnlaunched)) {
    await life.dieAt(`before the launch of ${cell.role}`);
    const brought = life.bring([cell]);
    await life.engine.ended();
    await life.engine.start();
    await brought;
  }
  await life.bring(held);
  await life.engine.kill();
  for (const cell of held.filter(({ state }) => state === 'ended')) {
    await life.release(cell);
    await until(() => life.hasEnded(cell));
  }
  await life.engine.start();
  for (const cell of held) await life.release(cell);
}

async function killHost(life: Life): Promise<void> {
  const all = cellsOf('host');
  await life.bring(all);
  await life.host?.end('SIGKILL');
  for (const cell of all.filter(({ state }) => state === 'ended')) {
    await life.release(cell);
    await until(() => life.hasEnded(cell));
  }
  await life.host?.start();
  for (const cell of all) await life.release(cell);
}

async function killTmux(life: Life): Promise<void> {
  const all = cellsOf('tmux');
  const held = all.filter((cell) => !isUnlaunched(cell));
  if (held.length === 0) return;
  await life.dieAt('tmux before the launch of author');
  await life.bring(all.filter(isUnlaunched));
  await life.bring(held);
  await life.killTmux();
  for (const cell of held) await life.release(cell);
}

async function killProcesses(life: Life): Promise<void> {
  const all = cellsOf('runner', 'agent', 'tool');
  await life.bring(all);
  for (const cell of all) {
    await life.kill(cell);
    // A runner that is dead can't be let go; what it was held by would hold the engine next.
    if (cell.state === 'claimed') await life.release(cell);
  }
}

const stories = new Map<string, Story>();

/** Most of it is waiting: for a machine that has other work, for a minute of a quota, for time-outs. */
const allCellsMs = 400_000;

beforeAll(async () => {
  const closers: (() => Promise<void>)[] = [];
  const atEnd: AtEnd = (close) => closers.unshift(close);
  const codex = await useCodex(atEnd);
  async function live(kills: readonly ((life: Life) => Promise<void>)[], killed: readonly Victim[]) {
    const life = await newLife(codex, killed.includes('host') ? 'host' : 'engine', atEnd);
    for (const kill of kills) await kill(life);
    for (const cell of cellsOf(...killed)) stories.set(keyOf(cell), await life.tell(cell));
  }
  const told = await Promise.allSettled([
    live([killEngine], ['engine']),
    live([killHost], ['host']),
    live([killTmux, killProcesses], ['tmux', 'runner', 'agent', 'tool']),
  ]);
  for (const close of closers) await close();
  const failed = told.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}, allCellsMs);

const titled = cells.map((cell) => {
  const whose = cell.role === 'author' ? '' : 'of a reviewer: ';
  return [`${whose}${victims[cell.victim]} is killed ${states[cell.state]}`, cell] as const;
});

describe.each(titled)('%s', (_title, cell) => {
  function story(): Story {
    const told = stories.get(keyOf(cell));
    if (!told) throw new Error('it was not told to its end');
    return told;
  }

  function sessions() {
    return story().task.sessions.filter(({ role }) => role === cell.role);
  }

  it('launches no agent twice, and one anew only where it was gone', () => {
    expect(story().launched).toEqual(cell.launched);
    expect(sessions().map(({ agent }) => agent?.outcome)).toEqual(cell.outcomes);
  });

  it('goes on with the conversation, where one had begun that may go on', () => {
    const told = sessions().map(({ agent }) => agent?.conversation ?? null);
    const begun = [...new Set(told)].filter((conversation) => conversation !== null);
    const inOrder = told.map((conversation) =>
      conversation === null ? null : begun.indexOf(conversation) + 1,
    );
    expect(inOrder).toEqual(cell.conversations);
  });

  it('has one verdict of each reviewer', () => {
    const engines = cell.role === 'author' ? ['diff-check', 'test-check'] : ['diff-check', 'one'];
    const approvals = engines.map((engine) => `${engine}: approve`);
    expect(story().verdicts.toSorted()).toEqual(approvals);
    expect(
      story()
        .task.reviews.map(({ engine, verdict }) => `${engine}: ${verdict}`)
        .sort(),
    ).toEqual(approvals);
  });

  it('leaves no process alive, and no checkout', () => {
    expect(story().orphans).toEqual([]);
    expect(story().checkouts).toEqual([]);
  });

  it('merges the work, once', () => {
    const { lastWord, task, merged, merges } = story();
    expect(lastWord).toBe('completed');
    expect(task.status).toBe('merged');
    expect({ merged, merges }).toEqual({ merged: 'work', merges: 1 });
  });
});
