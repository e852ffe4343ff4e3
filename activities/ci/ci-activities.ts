import { Context } from '@temporalio/activity';
import {
  ciAllowsMerge,
  describePending,
  isSettled,
  type CiReport,
  type CiWait,
} from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { CiActivities } from '../../workflows/ports.ts';
import { isCiPending, isStillWaiting, refused, stillWaiting } from '../failures.ts';
import type { Workspace } from '../git/workspace.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import type { CiWaits } from './ci-waits.ts';
import type { CiQuestion, Cis } from './ci.ts';
import type { Looking, Looks } from './looks.ts';

/** Commits in a row, at the end of a base, that all pipelines may leave out: who has more waits for a person. */
const mostLeftOut = 20;

/** `since`: see `Ci.leftOut`. */
interface Asking {
  watch: Watch;
  looking: Looking;
  since?: number;
}

/** `madeOn`: of a commit that was left out, the one before it. */
type Looked = CiReport & { madeOn?: string };

export function createCiActivities(deps: {
  cis: Cis;
  /** One that shares its looks. */
  workspace: Pick<Workspace, 'fetchBranch'>;
  waits: CiWaits;
  looks: Looks;
}): CiActivities {
  const { cis, workspace, waits, looks } = deps;

  return {
    awaitCi({ place: { repository }, ci: rules = {}, since = scheduledAt(), ...commit }) {
      const { required = [], pathsIgnored = 'ask' } = rules;
      const wait = createWait();
      return asSupervisor(async (watch) => {
        const report = await waits.until({
          ...{ repository, watch },
          concerns: ({ sha, branch }) => sha === commit.sha || (sha ?? branch) === undefined,
          look: (looking) =>
            wait.told(() => settled({ repository, ...commit, required }, { watch, looking, since })),
        });
        const { leftOutBy } = report;
        if (leftOutBy) {
          const verdict = pathsIgnored === 'accept' ? 'skipped' : 'none-yet';
          return { sha: commit.sha, verdict, contexts: [], leftOutBy };
        }
        if (report.verdict !== 'failed') return report;
        return (await cis(repository).explain?.({ repository, report, stepsAt: commit.stepsAt })) ?? report;
      }, wait.progress);
    },

    guardQueue({ place: { repository }, mustBeGreen, requireCi, waitAtMostSeconds }) {
      const { base } = repository;
      const wait = createWait();
      const until = waitAtMostSeconds && scheduledAt() + waitAtMostSeconds * 1_000;
      return asSupervisor((watch) => {
        let baseSha: string | undefined;
        return waits.until({
          ...{ repository, watch },
          concerns: ({ sha, branch }) => sha === baseSha || branch === base || (sha ?? branch) === undefined,
          look: (looking) =>
            boundedBy(until, wait, async () => {
              const fetch = () => workspace.fetchBranch({ repository, branch: base });
              baseSha = await looks.run({ ...looking, branch: base }, fetch);
              if (baseSha === undefined) throw refused(`${repository.address} has no branch ${base}`);
              await quiet(repository, looking);
              const { sha, verdict } = await verdictOnBase({ repository, baseSha }, { watch, looking });
              if (mustBeGreen && !ciAllowsMerge(verdict, { requireCi })) {
                throw stillWaiting('BaseNotReady', `${base} is ${verdict} at ${sha}`);
              }
              return { baseSha, verdict };
            }),
        });
      }, wait.progress);
    },
  };

  /** What has posted no status yet may run all the same. */
  async function quiet(repository: PlannedRepository, looking: Looking): Promise<void> {
    const { base: branch } = repository;
    const look = async () => cis(repository).runningOn?.({ repository, branch });
    const running = (await looks.run({ ...looking, branch }, look)) ?? [];
    if (running.length > 0) throw stillWaiting('CiPending', `${branch} has pipelines: ${running.join(', ')}`);
  }

  /** A commit that all pipelines leave out is as green as what it was made on. */
  async function verdictOnBase(
    { repository, baseSha }: { repository: PlannedRepository; baseSha: string },
    asking: Asking,
  ): Promise<CiReport> {
    let report: Looked = await settled({ repository, sha: baseSha, stepsAt: baseSha }, asking);
    for (let passed = 0; report.madeOn !== undefined && passed < mostLeftOut; passed++) {
      const { madeOn: sha } = report;
      report = await lookAt({ repository, sha, stepsAt: sha }, asking);
      if (report.verdict === 'pending') throw stillWaiting('CiPending', describePending(report));
    }
    return report;
  }

  /** A pending verdict is thrown: whoever asks then waits for news, or for the next look. */
  async function settled(question: CiQuestion, asking: Asking): Promise<Looked> {
    const report = await lookAt(question, asking);
    if (isSettled(report.verdict) || report.leftOutBy) return report;
    throw stillWaiting('CiPending', describePending(report));
  }

  async function lookAt(question: CiQuestion, asking: Asking): Promise<Looked> {
    const { watch, looking, since } = asking;
    const { sha } = question;
    const ci = cis(question.repository);
    const report = ci.settle
      ? await ci.settle({ ...question, watch })
      : await looks.run({ ...looking, sha }, () => ci.look(question));
    if (report.verdict !== 'none-yet') return report;
    const leftOut = await looks.run({ ...looking, sha }, async () => ci.leftOut?.({ ...question, since }));
    if (!leftOut) return report;
    const { by: leftOutBy, ...more } = leftOut;
    return { ...report, leftOutBy, ...more };
  }
}

/** What a wait that stays in its process is for: the Temporal UI shows it as the activity's heartbeat. */
interface Wait {
  told: <T>(look: () => Promise<T>) => Promise<T>;
  progress: () => CiWait | undefined;
}

function createWait(): Wait {
  let waitsFor: string | undefined;
  return {
    async told(look) {
      try {
        return await look();
      } catch (error) {
        if (isStillWaiting(error)) waitsFor = error.message;
        throw error;
      }
    },
    progress: () => (waitsFor === undefined ? undefined : { waitsFor }),
  };
}

/** When the workflow asked, whatever has become of the workers since. */
function scheduledAt(): number {
  return Context.current().info.scheduledTimestampMs;
}

/** A wait that has taken too long is for a person, who is told what it is for. */
async function boundedBy<T>(until: number | undefined, wait: Wait, look: () => Promise<T>): Promise<T> {
  try {
    return await wait.told(look);
  } catch (error) {
    if (until === undefined || Date.now() < until || !isCiPending(error)) throw error;
    const began = new Date(scheduledAt()).toISOString();
    throw refused(`${error.message}. It has been waited for since ${began}: answer retry to wait on`);
  }
}
