import { z } from 'zod';
import type { CiContext } from '../../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import type { Effects } from '../../effects.ts';
import type { Git } from '../../git/git.ts';
import type { Workspace } from '../../git/workspace.ts';
import { KeyedLock } from '../../keyed-lock.ts';
import type { BranchProtection, Forge, Issue, PullRequest } from '../forge.ts';
import { lookThenAct } from '../settle.ts';
import { pathOf } from './client.ts';
import { createGiteaMerge, findPullRequest } from './gitea-merge.ts';
import { createGiteaReleases } from './gitea-releases.ts';
import { createGiteaReviews } from './gitea-reviews.ts';
import { done, foundOrNot, type RepositoryAccess, type GiteaAccess } from './access.ts';
import { GiteaBranch, GiteaComment, GiteaIssue, GiteaPullRequest, GiteaStatuses } from './schema.ts';

/** Newest first: what was made in the last minutes is on the first page. */
const newestPages = 1;

/** Gitea, and Forgejo. */
export function createGiteaForge(deps: {
  access: GiteaAccess;
  git: Git;
  workspace: Workspace;
  effects: Effects;
  tenant: string;
}): Forge {
  const { access, workspace } = deps;
  // Gitea lets many make the same thing at once: within this process they come one after another.
  const turns = new KeyedLock();
  return {
    branchHead,
    findOrCreateIssue: (of) => turns.with(`${of.repository.id} ${of.marker}`, () => findOrCreateIssue(of)),
    closeIssue,
    findOrOpenPullRequest: (of) =>
      turns.with(`${of.repository.id} ${of.branch}`, () => findOrOpenPullRequest(of)),
    updatePullRequest,
    closePullRequest,
    ...createGiteaReviews({ access, turns }),
    ...createGiteaMerge({ ...deps, turns }),
    ...createGiteaReleases({ access, turns }),
    commitStatuses,
    branchProtection,
    deleteBranch: (of) => workspace.deleteBranch(of),
  };

  async function branchHead(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<string | undefined> {
    return (await findBranch(of))?.commit.id;
  }

  async function findBranch(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<GiteaBranch | undefined> {
    const there = await access.of(of.repository);
    const path = `${there.path}${pathOf`/branches/${of.branch}`}`;
    return foundOrNot(there, await there.client.get({ path, answer: GiteaBranch }));
  }

  async function branchProtection(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<BranchProtection | undefined> {
    const branch = await findBranch(of);
    if (branch?.protected !== true) return undefined;
    return {
      requiredContexts: branch.enable_status_check ? (branch.status_check_contexts ?? []) : [],
      requiredApprovals: branch.required_approvals,
    };
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
  }): Promise<Issue> {
    const there = await access.of(of.repository);
    const { client, path } = there;
    const ending = `<!-- ${of.marker} -->`;
    const body = `${of.body}\n\n${ending}`;
    const answer = z.array(GiteaIssue);
    const isOurs = (issue: GiteaIssue) => issue.body.trimEnd().endsWith(ending);
    const look = async () => {
      const query = { type: 'issues', state: 'all', created_by: await there.login() };
      const newest = await client.list({ path: `${path}/issues`, query, answer, pages: newestPages });
      // What was made long ago is found by words; what is new may not be among those yet.
      const byWords = newest.some(isOurs)
        ? []
        : await client.list({ path: `${path}/issues`, query: { ...query, q: of.marker }, answer });
      return [...newest, ...byWords].filter(isOurs).sort((one, other) => one.number - other.number)[0];
    };
    const act = async () => {
      const made = await client.change({
        method: 'POST',
        path: `${path}/issues`,
        body: { title: of.title, body },
        answer: GiteaIssue,
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
      const issue = done(there, await there.client.get({ path, answer: GiteaIssue }), `issue ${of.number}`);
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
        const comments = await there.client.list({ path, answer: z.array(GiteaComment) });
        return comments.find((one) => one.body === body);
      },
      act: async () => {
        const made = await there.client.change({
          method: 'POST',
          path,
          body: { body },
          answer: GiteaComment,
        });
        return done(there, made, 'the comment');
      },
    });
  }

  async function findOrOpenPullRequest(of: {
    repository: PlannedRepository;
    branch: string;
    title: string;
    body: string;
  }): Promise<PullRequest> {
    const there = await access.of(of.repository);
    const { repository, branch, title, body } = of;
    const { base } = repository;
    const path = `${there.path}/pulls`;
    const answer = z.array(GiteaPullRequest);
    const isOurs = ({ head, base: { ref } }: GiteaPullRequest) => head.label === branch && ref === base;
    const findOpen = async () => {
      const query = { state: 'open', base_branch: base };
      const open = await there.client.list({ path, query, answer });
      return open.filter(isOurs).sort((one, other) => one.number - other.number)[0];
    };
    const look = async () => {
      const standing = await findOpen();
      if (standing) return standing;
      const query = { state: 'closed', sort: 'recentupdate', base_branch: base };
      const closed = await there.client.list({ path, query, answer, pages: newestPages });
      return closed.find((one) => isOurs(one) && one.merged);
    };
    const act = async () => {
      const request = { head: branch, base, title, body };
      const opened = await there.client.change({
        method: 'POST',
        path,
        body: request,
        answer: GiteaPullRequest,
      });
      // Somebody was quicker.
      const theirs = opened.kind === 'refused' && opened.status === 409 ? await look() : undefined;
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
        const standing = await findPullRequest(there, number);
        return standing.title === title && standing.body === body ? standing : undefined;
      },
      act: () => change(there, number, { title, body }),
    });
  }

  async function closePullRequest(of: { repository: PlannedRepository; number: number }): Promise<void> {
    const there = await access.of(of.repository);
    await lookThenAct({
      look: async () => {
        const standing = await findPullRequest(there, of.number);
        return standing.state === 'closed' ? standing : undefined;
      },
      act: () => change(there, of.number, { state: 'closed' }),
    });
  }

  async function change(
    there: RepositoryAccess,
    number: number,
    body: Record<string, unknown>,
  ): Promise<GiteaPullRequest> {
    const path = `${there.path}${pathOf`/pulls/${number}`}`;
    const changed = await there.client.change({ method: 'PATCH', path, body, answer: GiteaPullRequest });
    return done(there, changed, `the change of pull request ${number}`);
  }

  async function commitStatuses(of: { repository: PlannedRepository; sha: string }): Promise<CiContext[]> {
    const there = await access.of(of.repository);
    const path = `${there.path}${pathOf`/commits/${of.sha}/status`}`;
    return (await there.client.list({ path, answer: GiteaStatuses })).map(toContext);
  }

  /** Over git, where the head that was looked at can be named; Gitea's own call deletes whatever is there by then. */
}

function toContext(status: GiteaStatuses[number]): CiContext {
  const { context: name, description } = status;
  const state = states.get(status.status) ?? 'failed';
  return { name, state, ...(state === 'failed' && description ? { excerpt: description } : {}) };
}

/** What is not here has failed: `failure`, `error`, `warning` (Gitea itself counts that so), and what is unknown. */
const states: ReadonlyMap<string, CiContext['state']> = new Map([
  ['pending', 'pending'],
  ['success', 'passed'],
  ['skipped', 'skipped'],
]);

function toPullRequest(of: GiteaPullRequest): PullRequest {
  return {
    number: of.number,
    branch: of.head.label,
    state: of.merged ? 'merged' : of.state,
    mergeSha: of.merged ? (of.merge_commit_sha ?? null) : null,
  };
}
