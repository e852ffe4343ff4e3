/** A forge, a CI, agents and reviewers in memory that take no time: what is left is the engine's own. */
import { createHash } from 'node:crypto';
import { reviewRole } from '../../schema/contracts/names.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { createActivities } from '../../workers/activities.ts';

type Activities = ReturnType<typeof createActivities>;
type HostActivities = Activities['host'];
type InstantControl = Omit<
  Activities['control'],
  'requestMerge' | 'isOpen' | 'recordMission' | 'recordTask' | 'registerHost' | 'recordHostState'
>;

/** The commit of a task's only session; who gives the go-ahead can work it out. */
export function headOf(of: { mission: string; task: string }): string {
  return sha(`${of.mission}/${of.task}`);
}

function sha(name: string): string {
  return createHash('sha1').update(name).digest('hex');
}

/**
 * Every step succeeds at once. Bases move with each merge, so that a task which was tested on an older one is updated
 * and tested again in the lane, as on a real forge.
 */
export function createInstantWorld(): { control: InstantControl; host: HostActivities } {
  const bases = new Map<string, string>();
  /** The base that a head was tested on. */
  const testedOn = new Map<string, string>();
  let numbers = 0;

  function baseOf(repository: { id: string }): string {
    return bases.get(repository.id) ?? sha(repository.id);
  }

  return { control: { ...forge(), ...ci(), ...merge(), ...places() }, host: host() };

  function forge(): Pick<
    InstantControl,
    'openIssue' | 'closeIssue' | 'openPullRequest' | 'tidyForge' | 'openMilestones' | 'closeMilestone'
  > {
    return {
      openIssue: () => Promise.resolve({ number: ++numbers }),
      closeIssue: () => Promise.resolve(),
      openMilestones: () => Promise.resolve(),
      closeMilestone: () => Promise.resolve({ tag: null }),
      openPullRequest: () => Promise.resolve({ number: ++numbers }),
      tidyForge: ({ headSha, earlierHeads = [] }) => {
        for (const head of [headSha, ...earlierHeads]) if (head !== null) testedOn.delete(head);
        return Promise.resolve();
      },
    };
  }

  /** Only scripts are run, which ask for no place. */
  function places(): Pick<InstantControl, 'placeSession' | 'awaitPlace' | 'stateOfHost'> {
    const nowhere = () => Promise.resolve({ kind: 'nowhere' as const, reason: 'no agents here' });
    return {
      placeSession: nowhere,
      awaitPlace: nowhere,
      stateOfHost: () => Promise.resolve({ state: undefined }),
    };
  }

  function ci(): Pick<InstantControl, 'awaitCi' | 'guardQueue'> {
    return {
      awaitCi: (input) =>
        Promise.resolve({
          sha: input.sha,
          verdict: 'passed',
          contexts: [{ name: 'ci/test', state: 'passed' }],
        }),
      guardQueue: ({ place }) => Promise.resolve({ baseSha: baseOf(place.repository) }),
    };
  }

  function merge(): Pick<
    InstantControl,
    'updateBranch' | 'openBatch' | 'openRevert' | 'findRevert' | 'merge'
  > {
    return {
      updateBranch: ({ repository, headSha }) => {
        const baseSha = baseOf(repository);
        if (testedOn.get(headSha) === baseSha) {
          return Promise.resolve({ kind: 'ready', headSha, baseSha, updated: false });
        }
        const updated = sha(`${headSha} on ${baseSha}`);
        testedOn.delete(headSha);
        testedOn.set(updated, baseSha);
        return Promise.resolve({ kind: 'ready', headSha: updated, baseSha, updated: true });
      },
      openBatch: () => Promise.resolve({ kind: 'not-possible', reason: 'one at a time' }),
      openRevert: () => Promise.resolve({ kind: 'not-possible', reason: 'nothing turns red here' }),
      findRevert: () => Promise.resolve({ kind: 'not-merged' }),
      merge: ({ repository, headSha }) => {
        const mergeSha = sha(`merge of ${headSha}`);
        bases.set(repository.id, mergeSha);
        testedOn.delete(headSha);
        return Promise.resolve({ kind: 'merged', mergeSha });
      },
    };
  }

  function host(): HostActivities {
    return {
      awaitRoom: () => Promise.resolve(),
      runSession: ({ sessionId, host: name }) =>
        Promise.resolve(summary({ id: sessionId, role: 'author', host: name })),
      verifyDelivery: ({ place }) => {
        const headSha = headOf(place);
        const baseSha = baseOf(place.repository);
        testedOn.set(headSha, baseSha);
        return Promise.resolve({ kind: 'delivered', headSha, baseSha, commits: 1, touchesJudge: false });
      },
      pushBranch: () => Promise.resolve({ kind: 'pushed' }),
      verifyMilestone: () => Promise.resolve({ kind: 'green' }),
      review: ({ sessionId, engine, headSha, host: name }) =>
        Promise.resolve({
          kind: 'reviewed',
          review: { engine, sha: headSha, verdict: 'approve', summary: 'good', findings: [] },
          session: summary({ id: sessionId, role: reviewRole(engine), host: name }),
        }),
      judgeDisputes: ({ sessionId, engine, host: name }) =>
        Promise.resolve({
          session: summary({ id: sessionId, role: reviewRole(engine), host: name }),
          rulings: [],
        }),
      answerQuestion: () => Promise.resolve(),
      cleanUp: () => Promise.resolve(),
    };
  }
}

function summary(of: Pick<SessionSummary, 'id' | 'role' | 'host'>): SessionSummary {
  return {
    ...of,
    runtime: 'instant',
    end: 'exited',
    exitCode: 0,
    startedAt: Date.now(),
    endedAt: Date.now(),
  };
}
