import type { ForgeActivities } from '../../workflows/ports.ts';
import type { Ci } from '../ci/ci.ts';
import { asSupervisor } from '../supervision.ts';
import type { Forge } from './forge.ts';

/** With heartbeats, short as they are: a worker that dies in one is missed in seconds, not after its whole time-out. */
export function createForgeActivities(deps: { forge: Forge; ci: Ci }): ForgeActivities {
  const { forge, ci } = deps;
  return {
    openIssue: (input) => asSupervisor(() => openIssue(input)),
    closeIssue: (input) => asSupervisor(() => closeIssue(input)),
    openPullRequest: (input) => asSupervisor(() => openPullRequest(input)),
    tidyForge: (input) => asSupervisor(() => tidyForge(input)),
  };

  async function openIssue({ place, title, goal }: Input<'openIssue'>): Promise<{ number: number }> {
    const { repository, mission, task } = place;
    const issue = await forge.findOrCreateIssue({
      repository,
      marker: `mission:${mission}/${task}`,
      title: `${task}: ${title}`,
      body: goal,
    });
    return { number: issue.number };
  }

  async function closeIssue({ place, number, comment }: Input<'closeIssue'>): Promise<void> {
    await forge.closeIssue({ repository: place.repository, number, comment });
  }

  async function openPullRequest({
    place,
    title,
    goal,
    issue,
  }: Input<'openPullRequest'>): Promise<{ number: number }> {
    const pullRequest = await forge.findOrOpenPullRequest({
      repository: place.repository,
      branch: place.branch,
      title: `${place.task}: ${title}`,
      body: `${goal}\n\nPart of mission ${place.mission}. Issue #${issue}.`,
    });
    return { number: pullRequest.number };
  }

  async function tidyForge(input: Input<'tidyForge'>): Promise<void> {
    const { place, headSha, earlierHeads = [], pullRequest } = input;
    const { repository, branch } = place;
    const heads = headSha === null ? earlierHeads : [headSha, ...earlierHeads];
    if (pullRequest !== null) await forge.closePullRequest({ repository, number: pullRequest });
    await ci.stop?.({ repository, shas: heads });
    await forge.deleteBranch({ repository, branch, heads });
  }
}

type Input<Name extends keyof ForgeActivities> = Parameters<ForgeActivities[Name]>[0];
