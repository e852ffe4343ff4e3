import type { ForgeActivities } from '../../workflows/ports.ts';
import type { Forge } from './forge.ts';

export function createForgeActivities(deps: { forge: Forge }): ForgeActivities {
  const { forge } = deps;
  return {
    async openIssue({ place, title, goal }) {
      const { repository, mission, task } = place;
      const marker = `mission:${mission}/${task}`;
      const issue = await forge.findOrCreateIssue({
        repository,
        marker,
        title: `${task}: ${title}`,
        body: goal,
      });
      return { number: issue.number };
    },

    async closeIssue({ place, number, comment }) {
      await forge.closeIssue({ repository: place.repository, number, comment });
    },

    async openPullRequest({ place, title, goal, issue }) {
      const pullRequest = await forge.findOrOpenPullRequest({
        repository: place.repository,
        branch: place.branch,
        title: `${place.task}: ${title}`,
        body: `${goal}\n\nPart of mission ${place.mission}. Issue #${issue}.`,
      });
      return { number: pullRequest.number };
    },

    async tidyForge({ place, pullRequest }) {
      const { repository, branch } = place;
      if (pullRequest !== null) await forge.closePullRequest({ repository, number: pullRequest });
      await forge.deleteBranch({ repository, branch });
    },
  };
}
