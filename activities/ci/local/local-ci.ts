import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { combineContexts, isSettled, type CiContext, type CiReport } from '../../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import type { DataPaths } from '../../data-paths.ts';
import { removeTree } from '../../files.ts';
import type { InUse } from '../../in-use.ts';
import type { LocalStore } from '../../forge/local/local-store.ts';
import { changedFiles, type Git } from '../../git/git.ts';
import { KeyedLock } from '../../keyed-lock.ts';
import type { Workspace } from '../../git/workspace.ts';
import { isGreen } from '../../processes/spec.ts';
import { describeEnd, excerptOf, runSteps, stopSteps, type StepOutcome } from '../../processes/steps.ts';
import type { Processes } from '../../processes/supervise.ts';
import type { Scrub } from '../../scrub.ts';
import type { Room } from '../../sessions/room.ts';
import { untilAborted, type Watch } from '../../supervision.ts';
import { withBaseFailures } from '../base-failures.ts';
import type { Ci, CiQuestion } from '../ci.ts';
import { isIgnored, parsePipeline, pipelinePath, type PipelineFile } from './pipeline-file.ts';

/**
 * The CI of the local forge: it runs a repository's own steps in a clean checkout and posts a status for each.
 * Nobody else hears a push here, so the first that waits for a verdict starts the pipeline.
 */
export function createLocalCi(deps: {
  git: Git;
  workspace: Workspace;
  store: LocalStore;
  paths: DataPaths;
  processes: Processes;
  room: Pick<Room, 'limit'>;
  scrub: Scrub;
  inUse: InUse;
}): Ci {
  const { git, workspace, store, paths } = deps;
  // A task and the lane may wait for the same commit: its pipeline runs once.
  const commits = new KeyedLock();
  return {
    look,
    settle,
    stop,
    explain: (of) => withBaseFailures({ git, workspace, look }, of),
  };

  async function look(of: CiQuestion): Promise<CiReport> {
    const contexts = await store.readStatuses({ repositoryId: of.repository.id, sha: of.sha });
    return { sha: of.sha, verdict: combineContexts(contexts), contexts };
  }

  async function settle(of: CiQuestion & { watch: Watch }): Promise<CiReport> {
    of.watch.detach.throwIfAborted();
    const turn = { hasCome: false };
    const alone = commits.with(`${of.repository.id} ${of.sha}`, () => {
      turn.hasCome = true;
      return deps.inUse.using(checkoutOf(of).folder, () => settleAlone(of));
    });
    try {
      return await untilAborted(of.watch.detach, alone);
    } catch (error) {
      // Whoever runs the pipeline sees to its end; whoever waits for another's lets go at once.
      if (turn.hasCome && of.watch.stopAsked()) return await alone;
      throw error;
    }
  }

  async function stop({
    repository,
    shas,
  }: {
    repository: PlannedRepository;
    shas: string[];
  }): Promise<void> {
    const pipelines = paths.pipelines(repository.id);
    const names = await readdir(pipelines).catch(() => []);
    for (const sha of shas) {
      const checkout = checkoutOf({ repository, sha });
      for (const name of names.filter((one) => one.startsWith(`${sha}-`))) {
        await stopSteps({ folder: join(pipelines, name), checkout, processes: deps.processes });
      }
      // An engine that died while it checked out, or before it removed that, has left no run to stop.
      await removeTree(checkout.folder);
    }
  }

  function checkoutOf({ repository, sha }: Pick<CiQuestion, 'repository' | 'sha'>) {
    return paths.pipelineCheckout({ repositoryId: repository.id, sha });
  }

  async function settleAlone(of: CiQuestion & { watch: Watch }): Promise<CiReport> {
    of.watch.detach.throwIfAborted();
    const known = await look(of);
    if (isSettled(known.verdict)) return known;
    await workspace.fetchCommit({ repository: of.repository, sha: of.sha });
    await workspace.fetchCommit({ repository: of.repository, sha: of.stepsAt });
    const { repository, stepsAt } = of;
    const text = await workspace.readFileAt({ repository, commit: stepsAt, path: pipelinePath });
    if (text === undefined) return { sha: of.sha, verdict: 'not-configured', contexts: [] };
    const pipeline = parsePipeline(text);
    if (pipeline.kind === 'invalid') {
      return post(of, [{ name: 'ci/pipeline-file', state: 'failed', excerpt: pipeline.message }]);
    }
    const { steps, ignorePaths } = pipeline.file;
    const mirror = await workspace.openMirror(of.repository);
    const files = await changedFiles(git, { cwd: mirror, from: of.stepsAt, to: of.sha });
    if (isIgnored(files, ignorePaths)) {
      return post(
        of,
        steps.map((step) => ({ name: contextName(step), state: 'skipped' })),
      );
    }
    await post(
      of,
      steps.map((step) => ({ name: contextName(step), state: 'pending' })),
    );
    const outcomes = await runPipeline({ ...of, steps });
    return post(
      of,
      await Promise.all(steps.map((step, index) => toContext(step, outcomes[index], deps.scrub))),
    );
  }

  async function runPipeline(
    of: CiQuestion & { steps: PipelineFile['steps']; watch: Watch },
  ): Promise<StepOutcome[]> {
    return runSteps({
      folder: join(paths.pipelines(of.repository.id), `${of.sha}-${of.stepsAt}`),
      checkout: checkoutOf(of),
      steps: of.steps.map((step) => ({
        name: step.name,
        command: step.run,
        timeoutMs: step.timeoutSeconds * 1_000,
      })),
      checkOut: (folder) => workspace.checkOut({ repository: of.repository, folder, sha: of.sha }),
      processes: deps.processes,
      room: deps.room,
      watch: of.watch,
    });
  }

  async function post(of: CiQuestion, contexts: CiContext[]): Promise<CiReport> {
    await store.postStatuses({ repositoryId: of.repository.id, sha: of.sha, contexts });
    return { sha: of.sha, verdict: combineContexts(contexts), contexts };
  }
}

function contextName(step: { name: string }): string {
  return `ci/${step.name}`;
}

async function toContext(
  step: { name: string },
  outcome: StepOutcome | undefined,
  scrub: Scrub,
): Promise<CiContext> {
  const name = contextName(step);
  // A step after the first failure did not run; the failure speaks for the commit.
  if (!outcome) return { name, state: 'skipped' };
  if (isGreen(outcome)) return { name, state: 'passed' };
  const log = scrub(await excerptOf(outcome.log));
  return { name, state: 'failed', excerpt: `${describeEnd(outcome)}\n${log}` };
}
