import { rmdir } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { taskBranch, taskWorkflowId } from '../../schema/contracts/names.ts';
import type { SweepInput, SweepReport } from '../../schema/contracts/sweep.ts';
import type { Queries } from '../../schema/db/database.ts';
import { readLocalRepositories, readToldTasks, type ToldTask } from '../../schema/db/sweeping.ts';
import { pruneDeliveries } from '../../schema/db/webhooks.ts';
import type { ForgeActivities, SweepActivities } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { freeBytes, removeTree, sizeOf, type ReadDisk } from '../files.ts';
import type { Git } from '../git/git.ts';
import type { InUse } from '../in-use.ts';
import { KeyedLock } from '../keyed-lock.ts';
import type { Processes } from '../processes/supervise.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import { emptyRun, outputBytes } from './empty-run.ts';
import { isRunAlive, takeInventory, type CommitThings, type Run, type TaskThings } from './inventory.ts';
import type { Mirrors } from './mirrors.ts';
import {
  judge,
  judgeOwner,
  judgePipeline,
  oldestOf,
  ownerOfRef,
  type InTemporal,
  type Keep,
} from './rules.ts';
import { SweepNotes } from './sweep-notes.ts';

/** Below this a sweep frees what it may, however young: the engine does not start below half of it. */
export const shortBytes = 2 * 1024 ** 3;

/** What a killed engine has left is taken up a minute after the start at the latest; with room for a loaded machine. */
const adoptMs = 10 * 60_000;

/** Forges let a delivery be sent again for some days (GitHub: three); after that it only makes somebody look. */
const deliveriesMs = 7 * 24 * 3_600_000;

/** A task of a mission, by names that are safe in paths and ids. */
interface TaskKey {
  mission: string;
  task: string;
}

export function createSweepActivities(deps: {
  tenant: string;
  queries: Queries;
  paths: DataPaths;
  git: Git;
  processes: Processes;
  mirrors: Mirrors;
  forge: Pick<ForgeActivities, 'tidyForge'>;
  inUse: InUse;
  keep: Keep;
  /** Asks Temporal for a workflow. Throws where it can't be asked. */
  askTemporal: (workflowId: string) => Promise<InTemporal>;
  upSince: number;
  readDisk?: ReadDisk;
}): SweepActivities {
  const { tenant, queries, paths, git, processes, mirrors, inUse } = deps;
  // One that was asked for may meet the one of the schedule.
  const turns = new KeyedLock();
  return {
    sweepHost: (input) => asSupervisor((watch) => turns.with('sweep', () => sweep(input, watch))),
  };

  async function sweep(input: SweepInput, watch: Watch): Promise<SweepReport> {
    const now = Date.now();
    const free = await freeBytes(paths.root, deps.readDisk);
    const isShort = free < shortBytes;
    const keep = isShort ? { ...deps.keep, cloneMs: 0 } : deps.keep;
    const notes = new SweepNotes({ ...input, startedAt: now });
    const inventory = await takeInventory(paths);
    const told = await readTold(inventory.tasks);
    const runs = [...inventory.tasks, ...inventory.commits].flatMap((of) => of.runs);
    const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
    const excess = Math.max(bytes - keep.bytes, isShort ? 2 * shortBytes - free : 0);
    // Of tasks that go on nothing may be taken, so that others make up for it.
    const spare = inventory.tasks
      .filter((of) => told.get(keyOf(of))?.ended !== false)
      .flatMap((of) => of.runs);
    const ofCommits = inventory.commits.flatMap((of) => of.runs);
    const tooMuch = oldestOf(
      [...spare, ...ofCommits].filter((run) => !run.isAlive && !run.isEmptied),
      excess,
    );
    const of = { input, keep, now, notes, tooMuch, told };

    for (const things of inventory.tasks) {
      watch.detach.throwIfAborted();
      await notes.tryTo(keyOf(things), () => sweepTask(things, of));
    }
    for (const things of inventory.commits) {
      watch.detach.throwIfAborted();
      await notes.tryTo(`ci/${things.repositoryId}/${things.sha}`, () => sweepCommit(things, of));
    }
    for (const repositoryId of await mirrors.list()) {
      watch.detach.throwIfAborted();
      await notes.tryTo(`repositories/${repositoryId}.git`, () => sweepMirror(repositoryId, of));
    }
    for (const repository of await readLocalRepositories(queries, { tenant, host: input.host })) {
      watch.detach.throwIfAborted();
      await notes.tryTo(repository.address, () => sweepBranches(repository.address, of));
    }
    if (!input.dryRun) await pruneDeliveries(queries, { before: new Date(now - deliveriesMs) });
    const allowedBytes = deps.keep.bytes;
    return notes.report({ runs: { bytes, allowedBytes }, disk: { freeBytes: free, isShort } });
  }

  async function sweepTask(things: TaskThings, of: Sweeping): Promise<void> {
    const { notes, told, now, input } = of;
    // Asked before and again when it is alone: most have nothing that is due, and are not asked about at all.
    const guess =
      told.get(keyOf(things))?.ended === false ? undefined : ({ kind: 'ended', at: null } as const);
    const due = (owner: Parameters<typeof judge>[0]['owner']) => verdictsOn(things, owner, of);
    if (guess !== undefined && due(guess).length === 0) return;
    await withEnded(things, of, async (owner) => {
      for (const { verdict, path, why } of due(owner)) {
        const what = relative(paths.root, path);
        const bytes =
          verdict === 'empty' ? await outputBytes(path) : verdict === 'remove' ? await sizeOf(path) : 0;
        notes.add({ action: actionOf(verdict), what, why, bytes });
        if (input.dryRun) continue;
        if (verdict === 'end') await processes.stop(path);
        if (verdict === 'empty') await emptyRun(path, new Date(now));
        if (verdict === 'remove') await removeTree(path);
      }
      if (!input.dryRun) await removeIfEmpty(dirname(paths.task(things).folder));
    });
  }

  async function sweepCommit(things: CommitThings, of: Sweeping): Promise<void> {
    const { notes, input, keep, now, tooMuch } = of;
    const checkout = paths.pipelineCheckout(things).folder;
    await inUse.alone(checkout, async () => {
      const common = { isInUse: false, upMs: now - deps.upSince, adoptMs, keep, now };
      let isBusy = false;
      for (const run of things.runs) {
        // It may have been begun since it was looked at.
        const pipeline = { ...run, isAlive: await isRunAlive(run.path), isTooMuch: tooMuch.has(run) };
        const verdict = judgePipeline({ ...common, pipeline });
        if (verdict === 'keep') isBusy ||= pipeline.isAlive;
        else {
          const what = relative(paths.root, run.path);
          notes.add({ action: actionOf(verdict), what, why: 'nobody waits for it', bytes: run.bytes });
          if (!input.dryRun && verdict === 'end') await processes.stop(run.path);
          // Whoever asks next begins anew: what was ended has told no verdict.
          if (!input.dryRun) await removeTree(run.path);
        }
      }
      const bytes = await sizeOf(checkout);
      if (isBusy || bytes === 0 || now - deps.upSince < adoptMs) return;
      notes.add({
        action: 'removed',
        what: relative(paths.root, checkout),
        why: 'nobody waits for it',
        bytes,
      });
      if (!input.dryRun) await removeTree(checkout);
    });
  }

  async function sweepMirror(repositoryId: string, of: Sweeping): Promise<void> {
    const { notes, input, now, keep } = of;
    const what = `repositories/${repositoryId}.git`;
    const common: string[] = [];
    const refs = await mirrors.refsOf(repositoryId);
    const owned = new Map<string, TaskKey>();
    for (const { name } of refs) {
      const owner = ownerOfRef(name);
      if (owner === 'repository') common.push(name);
      else if (owner !== undefined) owned.set(keyOf(owner), owner);
    }
    for (const owner of owned.values()) {
      await withEnded(owner, of, async ({ at }) => {
        if (now - (at ?? 0) < keep.cloneMs) return;
        const its = refs.filter(({ name }) => isOf(name, owner));
        for (const { name } of its)
          notes.add({ action: 'unreferenced', what: `${what} ${name}`, why: 'its task has ended', bytes: 0 });
        if (!input.dryRun) await mirrors.removeRefs(repositoryId, its);
      });
    }
    const isQuiet = await nobodyWorksOn(repositoryId, input);
    if (isQuiet && common.length > 0) {
      for (const name of common)
        notes.add({
          action: 'unreferenced',
          what: `${what} ${name}`,
          why: 'no task works on the repository',
          bytes: 0,
        });
      if (!input.dryRun)
        await mirrors.removeRefs(
          repositoryId,
          refs.filter(({ name }) => common.includes(name)),
        );
    }
    if (!(await mirrors.isScattered(repositoryId))) return;
    const before = await sizeOf(paths.mirror(repositoryId));
    if (!input.dryRun) await mirrors.pack({ repositoryId, prune: isQuiet });
    const bytes = Math.max(0, before - (await sizeOf(paths.mirror(repositoryId))));
    notes.add({ action: 'packed', what, why: 'it has very many files', bytes });
  }

  /** What `tidyForge` would have done at the task's end, for tasks that had none of their own. */
  async function sweepBranches(address: string, of: Sweeping): Promise<void> {
    const { notes, input, keep, now } = of;
    const args = ['for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads/mission/'];
    const { stdout } = await git.run({ cwd: address, args });
    const branches = new Set(stdout.split('\n').filter((name) => name !== ''));
    const missions = [...new Set([...branches].map((name) => name.split('/')[1] ?? ''))];
    for (const task of await readToldTasks(queries, { tenant, missions })) {
      const branch = taskBranch(task);
      if (task.repository.address !== address || !branches.has(branch)) continue;
      await withEnded(task, of, async ({ at }) => {
        if (now - (at ?? 0) < keep.cloneMs) return;
        notes.add({ action: 'tidied', what: branch, why: 'its task has ended', bytes: 0 });
        const place = { tenant, ...task, branch };
        const { headSha, pullRequest } = task.view;
        if (!input.dryRun) await deps.forge.tidyForge({ place, headSha, pullRequest });
      });
    }
  }

  /** Acts for a task that has ended, while nothing of it can begin anew. Otherwise nothing is done. */
  async function withEnded(
    key: TaskKey,
    of: Sweeping,
    action: (owner: { kind: 'ended'; at: number | null } | { kind: 'unknown'; at: null }) => Promise<void>,
  ): Promise<void> {
    const { installation } = of.input;
    const workflowId = taskWorkflowId({ installation, ...key });
    await inUse.alone(workflowId, async () => {
      const told = of.told.get(keyOf(key)) ?? (await readTold([key])).get(keyOf(key));
      const standing = told === undefined ? 'none' : told.ended ? 'ended' : 'open';
      const owner = judgeOwner({ temporal: await deps.askTemporal(workflowId), told: standing });
      if (owner.kind === 'doubtful') of.notes.doubt(keyOf(key));
      if (owner.kind === 'ended') await action(owner);
      if (owner.kind === 'unknown') await action({ ...owner, at: null });
    });
  }

  async function nobodyWorksOn(repositoryId: string, { installation }: SweepInput): Promise<boolean> {
    for (const task of await readToldTasks(queries, { tenant, openOn: { repositoryId } })) {
      if (task.ended) continue;
      const workflowId = taskWorkflowId({ installation, ...task });
      if ((await deps.askTemporal(workflowId)).state !== 'closed') return false;
    }
    return true;
  }

  async function readTold(keys: readonly TaskKey[]): Promise<Map<string, ToldTask>> {
    const missions = [...new Set(keys.map(({ mission }) => mission))];
    const found = new Map<string, ToldTask>();
    // So that a statement stays of a size that any server takes.
    for (let from = 0; from < missions.length; from += 200) {
      const tasks = await readToldTasks(queries, { tenant, missions: missions.slice(from, from + 200) });
      for (const task of tasks) found.set(keyOf(task), task);
    }
    return found;
  }
}

interface Sweeping {
  input: SweepInput;
  keep: Keep;
  now: number;
  notes: SweepNotes;
  tooMuch: ReadonlySet<Run>;
  told: ReadonlyMap<string, ToldTask>;
}

function verdictsOn(things: TaskThings, owner: Parameters<typeof judge>[0]['owner'], of: Sweeping) {
  const { keep, now, tooMuch } = of;
  const clones = things.clones.map((clone) => ({
    path: clone.path,
    thing: { kind: 'clone' as const, ...clone },
  }));
  const runs = things.runs.map((run) => ({
    path: run.path,
    thing: { kind: 'run' as const, ...run, isTooMuch: tooMuch.has(run) },
  }));
  const why = owner.kind === 'unknown' ? 'nobody knows its task' : 'its task has ended';
  // What runs is ended before the clone that it works in goes.
  return [...runs, ...clones]
    .map(({ path, thing }) => ({ path, why, verdict: judge({ thing, owner, keep, now }) }))
    .filter(({ verdict }) => verdict !== 'keep');
}

function actionOf(verdict: 'keep' | 'end' | 'empty' | 'remove') {
  return ({ keep: 'failed', end: 'ended', empty: 'emptied', remove: 'removed' } as const)[verdict];
}

function keyOf({ mission, task }: TaskKey): string {
  return `${mission}/${task}`;
}

function isOf(ref: string, key: TaskKey): boolean {
  const owner = ownerOfRef(ref);
  return typeof owner === 'object' && keyOf(owner) === keyOf(key);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
}
