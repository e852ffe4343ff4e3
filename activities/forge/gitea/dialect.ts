import { z } from 'zod';
import type { BranchProtection } from '../forge.ts';
import { done, foundOrNot, type RepositoryAccess } from '../rest/access.ts';
import { pathOf } from '../rest/client.ts';
import { newestPages, type Dialect } from '../rest/dialect.ts';
import { ForgeIssue } from '../rest/schema.ts';
import { commitStatuses, failureLog, runningPipelines } from './pipelines.ts';
import {
  GiteaBranch,
  GiteaCommitMessage,
  GiteaMilestone,
  GiteaPullRequest,
  GiteaReview,
  GiteaReviewComment,
  GiteaTag,
} from './schema.ts';

/** Gitea, and Forgejo. */
export const giteaDialect: Dialect = {
  pullRequest: GiteaPullRequest,
  review: GiteaReview,
  milestone: GiteaMilestone,
  commitMessage: GiteaCommitMessage,
  async reviewComments(there, { pullRequest, reviews }) {
    const path = `${there.path}${pathOf`/pulls/${pullRequest}/reviews`}`;
    const answer = z.array(GiteaReviewComment);
    const found = [];
    for (const { id, comments } of reviews) {
      if (comments === 0) continue;
      // All at once: it knows no pages here.
      const said = await there.client.get({ path: `${path}${pathOf`/${id}/comments`}`, answer });
      found.push(...done(there, said, 'a look at the comments of a review'));
    }
    return found;
  },
  commentAt: ({ file, line, body }) => ({ path: file, new_position: line, body }),
  async settleThread(there, { thread, isSettled }) {
    const path = `${there.path}${pathOf`/pulls/comments/${thread}/${isSettled ? 'resolve' : 'unresolve'}`}`;
    await there.client.change({ method: 'POST', path, answer: z.unknown() });
  },
  reviewEvents: { approve: 'APPROVED', 'request-changes': 'REQUEST_CHANGES', comment: 'COMMENT' },
  branchHead: async (there, branch) => (await findBranch(there, branch))?.commit.id,
  branchProtection,
  commitStatuses,
  failureLog,
  runningPipelines,

  async newestIssues(there, login) {
    const query = { type: 'issues', state: 'all', created_by: login };
    const path = `${there.path}/issues`;
    const answer = z.array(ForgeIssue);
    const issues = await there.client.list({ path, query, answer, pages: newestPages });
    return { issues, areAll: false };
  },

  issuesWith(there, { login, words }) {
    const query = { type: 'issues', state: 'all', created_by: login, q: words };
    return there.client.list({ path: `${there.path}/issues`, query, answer: z.array(ForgeIssue) });
  },

  pullsQuery(_there, { base, state }) {
    return { state, base_branch: base, ...(state === 'closed' ? { sort: 'recentupdate' } : {}) };
  },

  milestonesQuery: (title) => ({ state: 'all', name: title }),

  async tagHead(there, name) {
    const path = `${there.path}${pathOf`/tags/${name}`}`;
    return foundOrNot(there, await there.client.get({ path, answer: GiteaTag }))?.commit.sha;
  },

  makeTag(there, { name, sha }) {
    const body = { tag_name: name, target: sha };
    return there.client.change({ method: 'POST', path: `${there.path}/tags`, body, answer: GiteaTag });
  },

  isThere: ({ status }) => status === 409,

  requestMerge(there, { pullRequest, headSha, title, message }) {
    const body = {
      Do: 'squash',
      head_commit_id: headSha,
      MergeTitleField: title,
      MergeMessageField: message,
      delete_branch_after_merge: false,
    };
    const path = `${there.path}${pathOf`/pulls/${pullRequest}/merge`}`;
    return there.client.change({ method: 'POST', path, body, answer: z.unknown() });
  },

  /** Gitea uses one status for many things, so its words decide: these are of 1.26. */
  mayPass: ({ status, message }) =>
    status === 404 ||
    [
      /^Please try again later/,
      // The next look tells which.
      /^The PR is already merged/,
      /^head out of date/,
      /^merge push out of date/,
    ].some((known) => known.test(message)),

  checkAgainMs: 250,
};

async function findBranch(there: RepositoryAccess, branch: string): Promise<GiteaBranch | undefined> {
  const path = `${there.path}${pathOf`/branches/${branch}`}`;
  return foundOrNot(there, await there.client.get({ path, answer: GiteaBranch }));
}

async function branchProtection(
  there: RepositoryAccess,
  name: string,
): Promise<BranchProtection | undefined> {
  const branch = await findBranch(there, name);
  if (branch?.protected !== true) return undefined;
  return {
    requiredContexts: branch.enable_status_check ? (branch.status_check_contexts ?? []) : [],
    requiredApprovals: branch.required_approvals,
  };
}
