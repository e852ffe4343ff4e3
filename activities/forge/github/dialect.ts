import { z } from 'zod';
import { foundOrNot, done, type RepositoryAccess } from '../rest/access.ts';
import { pathOf } from '../rest/client.ts';
import type { Dialect } from '../rest/dialect.ts';
import { commitStatuses, failureLog, runningPipelines } from './checks.ts';
import { branchProtection } from './protection.ts';
import {
  GithubCommitMessage,
  GithubFoundIssues,
  GithubIssues,
  GithubMilestone,
  GithubPullRequest,
  GithubRef,
  GithubReview,
  GithubReviewComment,
} from './schema.ts';
import { settleThread, threadsOf } from './threads.ts';

/** Newest issues that are looked through before the search is asked, whose index is some seconds behind. */
const newestIssues = 100;

/** github.com and Enterprise servers. Written from the API's description: see docs/forges.md. */
export const githubDialect: Dialect = {
  pullRequest: GithubPullRequest,
  review: GithubReview,
  milestone: GithubMilestone,
  commitMessage: GithubCommitMessage,
  async reviewComments(there, { pullRequest }) {
    const path = `${there.path}${pathOf`/pulls/${pullRequest}/comments`}`;
    const comments = await there.client.list({ path, answer: z.array(GithubReviewComment) });
    const threads = comments.length === 0 ? undefined : await threadsOf(there, pullRequest);
    const unknown = { thread: null, resolvedBy: null };
    return comments.map(({ node, ...rest }) => ({ ...rest, ...(threads?.get(node) ?? unknown) }));
  },
  settleThread,
  commentAt: ({ file, line, body }) => ({ path: file, line, side: 'RIGHT', body }),
  reviewEvents: { approve: 'APPROVE', 'request-changes': 'REQUEST_CHANGES', comment: 'COMMENT' },
  branchHead: async (there, branch) => (await findRef(there, `heads/${branch}`))?.sha,
  branchProtection,
  commitStatuses,
  failureLog,
  runningPipelines,

  async newestIssues(there, login) {
    const query = { state: 'all', creator: login, per_page: String(newestIssues) };
    const said = await there.client.get({ path: `${there.path}/issues`, query, answer: GithubIssues });
    const { issues, count } = done(there, said, 'a look at the issues');
    return { issues, areAll: count < newestIssues };
  },

  async issuesWith(there, { login, words }) {
    const q = `repo:${there.owner}/${there.name} is:issue in:body "${words}"`;
    const query = { q, per_page: String(newestIssues) };
    const said = await there.client.get({ path: '/search/issues', query, answer: GithubFoundIssues });
    const found = done(there, said, 'a search of the issues');
    return found.filter(({ user }) => user?.login === login);
  },

  pullsQuery({ owner }, { branch, base, state }) {
    const newest = state === 'closed' ? { sort: 'updated', direction: 'desc' } : {};
    return { state, base, head: `${owner}:${branch}`, ...newest };
  },

  milestonesQuery: () => ({ state: 'all' }),

  async tagHead(there, name) {
    const tag = await findRef(there, `tags/${name}`);
    if (tag?.type !== 'tag') return tag?.sha;
    const path = `${there.path}${pathOf`/git/tags/${tag.sha}`}`;
    return done(there, await there.client.get({ path, answer: GithubRef }), `the tag ${name}`).sha;
  },

  makeTag(there, { name, sha }) {
    const body = { ref: `refs/tags/${name}`, sha };
    return there.client.change({ method: 'POST', path: `${there.path}/git/refs`, body, answer: GithubRef });
  },

  /** It has one status for all that is wrong with what was asked. */
  isThere: ({ status, message }) => status === 422 && /\balready[ _]exists\b/i.test(message),

  requestMerge(there, { pullRequest, headSha, title, message }) {
    const body = { merge_method: 'squash', sha: headSha, commit_title: title, commit_message: message };
    const path = `${there.path}${pathOf`/pulls/${pullRequest}/merge`}`;
    return there.client.change({ method: 'PUT', path, body, answer: z.unknown() });
  },

  /**
   * 405 stands for many things, and 409 for a head that has moved, so the words decide. "Not mergeable" is said of one
   * that is merged, and of one that GitHub is still looking at; the next look tells which.
   */
  mayPass: ({ status, message }) =>
    (status === 405 || status === 409) &&
    [
      /^Base branch was modified/,
      /^Head branch was modified/,
      /^Pull Request is not mergeable/i,
      /^Merge already in progress/,
    ].some((known) => known.test(message)),

  /** Each look counts against the account's hour, unless nothing has changed. */
  checkAgainMs: 1_000,
};

async function findRef(there: RepositoryAccess, ref: string) {
  const path = `${there.path}${pathOf`/git/ref/${ref}`}`;
  const said = await there.client.get({ path, answer: GithubRef });
  // A repository in which nothing was ever pushed.
  if (said.kind === 'refused' && said.status === 409) return undefined;
  return foundOrNot(there, said);
}
