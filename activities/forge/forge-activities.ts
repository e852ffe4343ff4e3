import type { ForgeActivities } from '../../workflows/ports.ts';
import type { Cis } from '../ci/ci.ts';
import { asSupervisor } from '../supervision.ts';
import type { Forges } from './forge.ts';
import { findOrCreateMilestone, findOrCreateTaskIssue } from './milestone-activities.ts';

/** With heartbeats, short as they are: a worker that dies in one is missed in seconds, not after its whole time-out. */
export function createForgeActivities(deps: { forges: Forges; cis: Cis }): ForgeActivities {
  const { forges, cis } = deps;
  return {
    openIssue: (input) => asSupervisor(() => openIssue(input)),
    closeIssue: (input) => asSupervisor(() => closeIssue(input)),
    openPullRequest: (input) => asSupervisor(() => openPullRequest(input)),
    tidyForge: (input) => asSupervisor(() => tidyForge(input)),
  };

  async function openIssue(input: Input<'openIssue'>): Promise<{ number: number }> {
    const { place, title, goal } = input;
    const forge = forges(place.repository);
    const { milestone: named } = input;
    const milestone = named && (await findOrCreateMilestone(forge, { place, milestone: named }));
    return findOrCreateTaskIssue(forge, { place, task: { id: place.task, title, goal }, milestone });
  }

  async function closeIssue({ place, number, comment }: Input<'closeIssue'>): Promise<void> {
    const { repository } = place;
    await forges(repository).closeIssue({ repository, number, comment });
  }

  async function openPullRequest({
    place,
    title,
    goal,
    issue,
    after,
  }: Input<'openPullRequest'>): Promise<{ number: number }> {
    const { repository } = place;
    const pullRequest = await forges(repository).findOrOpenPullRequest({
      repository,
      branch: place.branch,
      title: `${place.task}: ${title}`,
      body: `${goal}\n\nPart of mission ${place.mission}. Issue #${issue}.`,
      after,
    });
    return { number: pullRequest.number };
  }

  async function tidyForge(input: Input<'tidyForge'>): Promise<void> {
    const { place, headSha, earlierHeads = [], pullRequest } = input;
    const { repository, branch } = place;
    const heads = headSha === null ? earlierHeads : [headSha, ...earlierHeads];
    const forge = forges(repository);
    if (pullRequest !== null) await forge.closePullRequest({ repository, number: pullRequest });
    await cis(repository).stop?.({ repository, shas: heads });
    // What somebody else has pushed to it stays.
    const head = await forge.branchHead({ repository, branch });
    if (head !== undefined && heads.includes(head)) await forge.deleteBranch({ repository, branch, head });
  }
}

type Input<Name extends keyof ForgeActivities> = Parameters<ForgeActivities[Name]>[0];
