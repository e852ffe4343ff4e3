import { z } from 'zod';
import type { CiContext } from '../../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import type { Effects } from '../../effects.ts';
import type { Git } from '../../git/git.ts';
import type { Workspace } from '../../git/workspace.ts';
import { KeyedLock } from '../../keyed-lock.ts';
import type { BranchProtection, Forge, Issue, PullRequest } from '../forge.ts';
import { lookThenAct } from '../settle.ts';
import { done, type ForgeAccess, type RepositoryAccess } from './access.ts';
import { pathOf } from './client.ts';
import { newestPages, type Dialect, type ForgePullRequest } from './dialect.ts';
import { createRestMerge, findPullRequest } from './rest-merge.ts';
import { createRestReleases } from './rest-releases.ts';
import { createRestReviews } from './rest-reviews.ts';
import { ForgeComment, ForgeIssue } from './schema.ts';

/** A forge whose API is GitHub's, or made after it. */
export function createRestForge(deps: {
  access: ForgeAccess;
  dialect: Dialect;
  git: Git;
  workspace: Workspace;
  effects: Effects;
  tenant: string;
}): Forge {
  const { access, dialect, workspace } = deps;
  // They let many make the same thing at once: within this process they come one after another.
  const turns = new KeyedLock();
  return {
    branchHead,
    findOrCreateIssue: (of) => turns.with(`${of.repository.id} ${of.marker}`, () => findOrCreateIssue(of)),
    closeIssue,
    findPullRequest: async (of) => {
      const { look } = await pullRequestsOf(of);
      const found = await look();
      return found && toPullRequest(found);
    },
    findOrOpenPullRequest: (of) =>
      turns.with(`${of.repository.id} ${of.branch}`, () => findOrOpenPullRequest(of)),
    updatePullRequest,
    closePullRequest,
    ...createRestReviews({ ...deps, turns }),
    ...createRestMerge({ ...deps, turns }),
    ...createRestReleases({ access, dialect, turns }),
    commitStatuses,
    failureLog: async (of) => dialect.failureLog?.(await access.of(of.repository), of),
    runningPipelines: async (of) =>
      (await dialect.runningPipelines?.(await access.of(of.repository), of.branch)) ?? [],
    branchProtection,
    // Over git, where the head that was looked at can be named; a forge's own call deletes whatever is there by then.
    deleteBranch: (of) => workspace.deleteBranch(of),
  };

  async function branchHead(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<string | undefined> {
    return dialect.branchHead(await access.of(of.repository), of.branch);
  }

  async function branchProtection(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<BranchProtection | undefined> {
    return dialect.branchProtection(await access.of(of.repository), of.branch);
  }

  /**
   * The marker is the last line of the body. Several issues with one marker, made by processes that knew nothing of each
   * other, count as the first of them; whoever has made a later one closes it.
   */
  async function findOrCreateIssue(of: {
    repository: PlannedRepository;
    marker: string;
    title: string;
    body: string;
    milestone?: number | undefined;
  }): Promise<Issue> {
    const there = await access.of(of.repository);
    const { client, path } = there;
    const ending = `<!-- ${of.marker} -->`;
    const body = `${of.body}\n\n${ending}`;
    const isOurs = (issue: ForgeIssue) => issue.body.trimEnd().endsWith(ending);
    const look = async () => {
      const login = await there.login();
      const newest = await dialect.newestIssues(there, login);
      // What was made long ago is found by words; what is new may not be among those yet.
      const byWords =
        newest.areAll || newest.issues.some(isOurs)
          ? []
          : await dialect.issuesWith(there, { login, words: of.marker });
      const ours = [...newest.issues, ...byWords].filter(isOurs);
      return ours.sort((one, other) => one.number - other.number)[0];
    };
    const act = async () => {
      const made = await client.change({
        method: 'POST',
        path: `${path}/issues`,
        body: { title: of.title, body, ...(of.milestone === undefined ? {} : { milestone: of.milestone }) },
        answer: ForgeIssue,
      });
      const issue = done(there, made, 'the issue');
      const first = (await look()) ?? issue;
      if (first.number < issue.number) {
        const comment = `The same as #${first.number}.`;
        await closeIssue({ repository: of.repository, number: issue.number, comment });
      }
      return first;
    };
    const { number, state } = await lookThenAct({ look, act });
    return { number, state };
  }

  async function closeIssue(of: {
    repository: PlannedRepository;
    number: number;
    comment: string;
  }): Promise<void> {
    const there = await access.of(of.repository);
    const path = `${there.path}${pathOf`/issues/${of.number}`}`;
    const isClosed = async () => {
      const issue = done(there, await there.client.get({ path, answer: ForgeIssue }), `issue ${of.number}`);
      return issue.state === 'closed' ? true : undefined;
    };
    await lookThenAct({
      look: isClosed,
      act: async () => {
        await comment({ there, path, body: of.comment });
        const body = { state: 'closed' };
        const closed = await there.client.change({ method: 'PATCH', path, body, answer: z.unknown() });
        done(there, closed, `the close of issue ${of.number}`);
        return true;
      },
    });
  }

  async function comment(of: { there: RepositoryAccess; path: string; body: string }): Promise<void> {
    const { there, body } = of;
    const path = `${of.path}/comments`;
    await lookThenAct({
      look: async () => {
        const comments = await there.client.list({ path, answer: z.array(ForgeComment) });
        return comments.find((one) => one.body === body);
      },
      act: async () => {
        const made = await there.client.change({
          method: 'POST',
          path,
          body: { body },
          answer: ForgeComment,
        });
        return done(there, made, 'the comment');
      },
    });
  }

  /** How the open one of a branch is looked for, and how that or a merged one is. */
  async function pullRequestsOf(of: {
    repository: PlannedRepository;
    branch: string;
    after?: number | undefined;
  }) {
    const there = await access.of(of.repository);
    const { branch, after = 0 } = of;
    const { base } = of.repository;
    const path = `${there.path}/pulls`;
    const answer = z.array(dialect.pullRequest);
    const isOurs = (one: ForgePullRequest) =>
      one.branch === branch && one.base === base && one.number > after;
    const findOpen = async () => {
      const query = dialect.pullsQuery(there, { branch, base, state: 'open' });
      const open = await there.client.list({ path, query, answer });
      return open.filter(isOurs).sort((one, other) => one.number - other.number)[0];
    };
    const look = async () => {
      const standing = await findOpen();
      if (standing) return standing;
      const query = dialect.pullsQuery(there, { branch, base, state: 'closed' });
      const closed = await there.client.list({ path, query, answer, pages: newestPages });
      return closed.find((one) => isOurs(one) && one.merged);
    };
    return { there, path, findOpen, look };
  }

  async function findOrOpenPullRequest(of: {
    repository: PlannedRepository;
    branch: string;
    title: string;
    body: string;
    after?: number | undefined;
  }): Promise<PullRequest> {
    const { repository, branch, title, body } = of;
    const { base } = repository;
    const { there, path, findOpen, look } = await pullRequestsOf(of);
    const act = async () => {
      const request = { head: branch, base, title, body };
      const opened = await there.client.change({
        method: 'POST',
        path,
        body: request,
        answer: dialect.pullRequest,
      });
      // Somebody was quicker.
      const theirs = opened.kind === 'refused' && dialect.isThere(opened) ? await look() : undefined;
      if (theirs) return theirs;
      const ours = done(there, opened, `the pull request of ${branch}`);
      // Gitea tells that to most, but not to two that come at the same moment.
      const first = (await findOpen()) ?? ours;
      if (first.number < ours.number) await closePullRequest({ repository, number: ours.number });
      return first;
    };
    return toPullRequest(await lookThenAct({ look, act }));
  }

  async function updatePullRequest(of: {
    repository: PlannedRepository;
    number: number;
    title: string;
    body: string;
  }): Promise<void> {
    const there = await access.of(of.repository);
    const { number, title, body } = of;
    await lookThenAct({
      look: async () => {
        const standing = await findPullRequest({ there, dialect, number });
        return standing.title === title && standing.body === body ? standing : undefined;
      },
      act: () => change(there, number, { title, body }),
    });
  }

  async function closePullRequest(of: { repository: PlannedRepository; number: number }): Promise<void> {
    const there = await access.of(of.repository);
    await lookThenAct({
      look: async () => {
        const standing = await findPullRequest({ there, dialect, number: of.number });
        return standing.state === 'closed' ? standing : undefined;
      },
      act: () => change(there, of.number, { state: 'closed' }),
    });
  }

  async function change(
    there: RepositoryAccess,
    number: number,
    body: Record<string, unknown>,
  ): Promise<ForgePullRequest> {
    const path = `${there.path}${pathOf`/pulls/${number}`}`;
    const changed = await there.client.change({ method: 'PATCH', path, body, answer: dialect.pullRequest });
    return done(there, changed, `the change of pull request ${number}`);
  }

  async function commitStatuses(of: { repository: PlannedRepository; sha: string }): Promise<CiContext[]> {
    return dialect.commitStatuses(await access.of(of.repository), of.sha);
  }
}

function toPullRequest(of: ForgePullRequest): PullRequest {
  const { number, branch, state, merged, mergeSha } = of;
  return { number, branch, state: merged ? 'merged' : state, mergeSha: merged ? mergeSha : null };
}
