/** The worlds in which a forge's driver is tried: each has one repository, and sees what is on the forge by itself. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { createEffects } from '../../activities/effects.ts';
import type { Credentials } from '../../activities/forge/credentials.ts';
import type { Forge } from '../../activities/forge/forge.ts';
import { createGitSettings } from '../../activities/forge/git-settings.ts';
import { createGiteaForge } from '../../activities/forge/gitea/gitea-forge.ts';
import { createGiteaAccess } from '../../activities/forge/gitea/access.ts';
import { LocalStore } from '../../activities/forge/local/local-store.ts';
import type { CiContext } from '../../schema/contracts/ci.ts';
import type { Queries } from '../../schema/db/database.ts';
import {
  effects,
  forgeIssues,
  forgePullRequests,
  forgeReviews,
  forgeStatuses,
} from '../../schema/db/tables.ts';
import type { GiteaAccount } from './gitea.ts';
import { until } from './until.ts';
import { localForge, makeRepository, type Origin, type TestRepository } from './repository.ts';

export interface ForgeWorld {
  repository: TestRepository;
  /** A driver as a process has it; each call answers one that knows nothing of the others. */
  process(): Forge;
  postStatuses(of: { sha: string; contexts: CiContext[] }): Promise<void>;
  issues(): Promise<{ number: number; state: string; body: string; comments: string[] }[]>;
  pullRequests(): Promise<{ number: number; state: string; title: string; body: string }[]>;
  reviews(pullRequest: number): Promise<{ body: string; sha: string }[]>;
}

export async function localWorld(queries: Queries): Promise<ForgeWorld> {
  const tables = [effects, forgeIssues, forgePullRequests, forgeReviews, forgeStatuses];
  for (const table of tables) await queries.delete(table);
  const repository = await makeRepository({ 'README.md': 'hello\n' });
  const store = new LocalStore({ queries, tenant: 'default' });
  return {
    repository,
    process: () => localForge({ git: repository.git, queries }),
    postStatuses: (of) => store.postStatuses({ repositoryId: repository.planned.id, ...of }),
    async issues() {
      const rows = await queries.select().from(forgeIssues);
      return rows.map(({ comment, ...row }) => ({ ...row, comments: comment === null ? [] : [comment] }));
    },
    pullRequests: () => queries.select().from(forgePullRequests),
    reviews: (number) => queries.select().from(forgeReviews).where(eq(forgeReviews.pullRequest, number)),
  };
}

/** What a world of Gitea's API needs, be it the real one or a fake. */
export interface GiteaServer {
  url: string;
  author: GiteaAccount;
  /** By the engine that reviews as them. */
  reviewers: Record<string, GiteaAccount>;
  call(of: { as: GiteaAccount; method?: string; path: string; body?: unknown }): Promise<unknown>;
  /** How git reaches its repositories. */
  gitSettings?: Origin['settings'];
}

export interface GiteaWorld extends ForgeWorld {
  path: string;
  credentials: Credentials;
  /** Also one with other tokens. */
  process(credentials?: Credentials): Forge;
}

export async function giteaWorld(of: {
  server: GiteaServer;
  queries: Queries;
  timeoutMs?: number;
}): Promise<GiteaWorld> {
  const { server, queries, timeoutMs } = of;
  const { author, reviewers } = server;
  await queries.delete(effects);
  const name = `greeter-${randomBytes(4).toString('hex')}`;
  const call = (method: string, path: string, body?: unknown) =>
    server.call({ as: author, method, path, ...(body === undefined ? {} : { body }) });
  await call('POST', '/user/repos', { name, default_branch: 'main' });
  const path = `/repos/${author.login}/${name}`;
  for (const { login } of Object.values(reviewers)) {
    await call('PUT', `${path}/collaborators/${login}`, { permission: 'write' });
  }
  const tokens = Object.entries(reviewers).map(([engine, { token }]) => [engine, token]);
  const credentials: Credentials = {
    of: async () => ({
      token: author.token,
      reviewers: z.record(z.string(), z.string()).parse(Object.fromEntries(tokens)),
    }),
  };
  const settings = server.gitSettings ?? createGitSettings({ credentials });
  const origin: Origin = { forge: 'gitea', address: `${server.url}/${author.login}/${name}`, settings };
  const repository = await makeRepository({ 'README.md': 'hello\n' }, undefined, origin);
  // Gitea notes a first push a moment later; until then its calls on branches fail.
  await until(async () => !z.object({ empty: z.boolean() }).parse(await call('GET', path)).empty);
  return {
    path,
    credentials,
    repository,
    process: (theirs = credentials) =>
      createGiteaForge({
        access: createGiteaAccess({ credentials: theirs, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
        git: repository.git,
        workspace: repository.workspace,
        effects: createEffects({ queries }),
        tenant: 'default',
      }),
    async postStatuses({ sha, contexts }) {
      for (const { name: context, state, excerpt: description } of contexts) {
        await call('POST', `${path}/statuses/${sha}`, { context, state: giteaState[state], description });
      }
    },
    async issues() {
      const issues = z
        .array(z.object({ number: z.int(), state: z.string(), body: z.string() }))
        .parse(await call('GET', `${path}/issues?type=issues&state=all`));
      return Promise.all(
        issues.map(async (issue) => ({
          ...issue,
          comments: z
            .array(z.object({ body: z.string() }))
            .parse(await call('GET', `${path}/issues/${issue.number}/comments`))
            .map(({ body }) => body),
        })),
      );
    },
    async pullRequests() {
      const found = z
        .array(
          z.object({
            number: z.int(),
            state: z.string(),
            merged: z.boolean(),
            title: z.string(),
            body: z.string(),
          }),
        )
        .parse(await call('GET', `${path}/pulls?state=all`));
      return found.map(({ merged, state, ...rest }) => ({ ...rest, state: merged ? 'merged' : state }));
    },
    async reviews(number) {
      const found = z
        .array(z.object({ body: z.string(), commit_id: z.string() }))
        .parse(await call('GET', `${path}/pulls/${number}/reviews`));
      return found.map(({ body, commit_id: sha }) => ({ body, sha }));
    },
  };
}

const giteaState = { pending: 'pending', failed: 'failure', passed: 'success', skipped: 'skipped' };
