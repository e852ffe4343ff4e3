import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Queries } from '../../schema/db/database.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { startKillableEngine, type KillableEngine } from './engine-process.ts';
import { giteaWorld, type RestWorld } from './forge-worlds.ts';
import type { GiteaWithPeople } from './gitea.ts';
import { until } from './until.ts';

/** A CI beside a Gitea. */
export interface CiBeside {
  /** What it reports of a commit that is to be merged. */
  contexts: readonly string[];
  /** What a repository needs for it. */
  files?: Readonly<Record<string, string>>;
  /** Has it test what is pushed to a repository from now on. */
  watch(world: RestWorld): Promise<void>;
}

/** A mission's engine in a process of its own, and its repository: on a Gitea, protected, with a CI beside it. */
export interface GiteaMissions extends KillableEngine {
  /** Has Gitea tell the engine, which has another address after each start. Without that it waits for its next look. */
  hear(): Promise<void>;
  /** A look at the repository, by its API. */
  look<Answer>(path: string, answer: z.ZodType<Answer>): Promise<Answer>;
  /** What a commit holds. Gitea gives the commit's own SHA as that of its tree. */
  filesAt(sha: string): Promise<Files>;
  /** All that a mission has left there. */
  lookAtAll(): Promise<Left>;
}

export interface Left {
  issues: { number: number; title: string; state: string }[];
  pullRequests: PullRequest[];
  branches: string[];
  tags: { name: string; sha: string }[];
  releases: string[];
  milestones: { title: string; state: string }[];
  /** Newest first. */
  commits: { sha: string; subject: string }[];
  /** Of the newest commit. */
  verdict: string;
}

export type Files = { path: string; sha: string }[];

export interface PullRequest {
  number: number;
  title: string;
  merged: boolean;
  head: string;
  /** Of its head. */
  files: Files;
  mergeSha: string | null;
  /** `counts`: for the protection of the base. */
  reviews: { id: number; by: string; state: string; sha: string; counts: boolean }[];
}

/** What the CI runs: every check that a task has added. */
const pipeline = 'for check in checks/*.sh; do sh "$check" || exit 1; done\n';

export async function startGiteaMissions(of: {
  gitea: GiteaWithPeople;
  ci: CiBeside;
  queries: Queries;
  /** What to run in place of `mission up`. */
  command?: readonly string[];
}): Promise<GiteaMissions> {
  const { gitea, ci, queries, command } = of;
  const world = await giteaWorld({ server: gitea, queries });
  const { path } = world;
  await ci.watch(world);
  const files = {
    ...{ 'ci.sh': pipeline, 'checks/greeting.sh': 'test -s greeting.txt\n', 'greeting.txt': 'hi\n' },
    ...ci.files,
  };
  const base = await world.repository.commit({ branch: 'main', files });
  await until(async () => (await verdictOf(base)) === 'success');
  await gitea.call({
    ...{ as: gitea.author, method: 'POST', path: `${path}/branch_protections` },
    body: {
      rule_name: 'main',
      enable_status_check: true,
      status_check_contexts: ci.contexts,
      required_approvals: Object.keys(gitea.reviewers).length,
      dismiss_stale_approvals: true,
    },
  });
  const { host } = new URL(gitea.url);
  const reviewers = Object.fromEntries(
    Object.entries(gitea.reviewers).map(([engine, { token }]) => [engine, token]),
  );
  const hosts = { [host]: { token: gitea.author.token, reviewers } };
  const at = await startKillableEngine({
    repository: world.repository,
    settings: {
      'engine.yaml': JSON.stringify({ allowPrivateAddresses: true }),
      'forges.yaml': JSON.stringify({ hosts }),
    },
    ...(command ? { command } : {}),
    atEnd: onTestFinished,
  });
  return { ...at, hear, look, filesAt, lookAtAll };

  async function hear(): Promise<void> {
    const url = (await readAddress(at.data))?.url ?? '';
    await (await at.api()).addWebhook({ repository: at.repository.planned.address, url });
  }

  async function look<Answer>(below: string, answer: z.ZodType<Answer>): Promise<Answer> {
    return answer.parse(await gitea.call({ as: gitea.author, path: `${path}${below}` }));
  }

  async function verdictOf(sha: string): Promise<string> {
    return (await look(`/commits/${sha}/status`, z.object({ state: z.string() }))).state;
  }

  async function filesAt(sha: string): Promise<Files> {
    return (await look(`/git/trees/${sha}?recursive=true`, Tree)).tree;
  }

  async function lookAtAll(): Promise<Left> {
    const issues = await look('/issues?type=issues&state=all', Issues);
    const pulls = await look('/pulls?state=all', Pulls);
    const pullRequests = await Promise.all(
      pulls.map(async ({ head, merge_commit_sha: mergeSha, ...pull }) => ({
        ...pull,
        mergeSha,
        head: head.sha,
        files: await filesAt(head.sha),
        reviews: (await look(`/pulls/${pull.number}/reviews`, Reviews)).map((review) => ({
          id: review.id,
          by: review.user.login,
          state: review.state,
          sha: review.commit_id,
          counts: review.official && !review.stale && !review.dismissed,
        })),
      })),
    );
    const commits = (await look('/commits?sha=main&limit=50', z.array(Commit))).map(({ sha, commit }) => ({
      sha,
      subject: commit.message.split('\n')[0] ?? '',
    }));
    expect(commits.at(-1)?.subject).toBe('first');
    return {
      ...{ issues, pullRequests, commits },
      branches: (await look('/branches', z.array(Named))).map(({ name }) => name),
      tags: (await look('/tags', Tags)).map(({ name, commit }) => ({ name, sha: commit.sha })),
      releases: (await look('/releases', Releases)).map(({ tag_name: tag }) => tag),
      milestones: await look('/milestones?state=all', Milestones),
      verdict: await verdictOf(commits[0]?.sha ?? ''),
    };
  }
}

const Tree = z.object({ tree: z.array(z.object({ path: z.string(), sha: z.string() })) });
const Issues = z.array(z.object({ number: z.int(), title: z.string(), state: z.string() }));
const Pulls = z.array(
  z.object({
    number: z.int(),
    title: z.string(),
    merged: z.boolean(),
    merge_commit_sha: z.string().nullable(),
    head: z.object({ sha: z.string() }),
  }),
);
const Reviews = z.array(
  z.object({
    id: z.int(),
    user: z.object({ login: z.string() }),
    state: z.string(),
    commit_id: z.string(),
    official: z.boolean(),
    stale: z.boolean(),
    dismissed: z.boolean(),
  }),
);
const Commit = z.object({
  sha: z.string(),
  commit: z.object({ message: z.string() }),
});
const Named = z.object({ name: z.string() });
const Tags = z.array(z.object({ name: z.string(), commit: z.object({ sha: z.string() }) }));
const Releases = z.array(z.object({ tag_name: z.string() }));
const Milestones = z.array(z.object({ title: z.string(), state: z.string() }));
