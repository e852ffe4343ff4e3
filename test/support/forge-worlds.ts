/** The worlds in which a forge's driver is tried: each has one repository, and sees what is on the forge by itself. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { createEffects } from '../../activities/effects.ts';
import type { Credentials } from '../../activities/forge/credentials.ts';
import type { Forge } from '../../activities/forge/forge.ts';
import { createGitSettings } from '../../activities/forge/git-settings.ts';
import { createGiteaAccess } from '../../activities/forge/gitea/access.ts';
import { giteaDialect } from '../../activities/forge/gitea/dialect.ts';
import { createGithubAccess } from '../../activities/forge/github/access.ts';
import { appTokenOf, createApps } from '../../activities/forge/github/apps.ts';
import { githubDialect } from '../../activities/forge/github/dialect.ts';
import type { ForgeAccess } from '../../activities/forge/rest/access.ts';
import type { Dialect } from '../../activities/forge/rest/dialect.ts';
import { createRestForge } from '../../activities/forge/rest/rest-forge.ts';
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
  /** What stands at lines, oldest first, each as its place and the first line of its text. */
  comments(pullRequest: number): Promise<string[]>;
}

/** A pull request of one commit on the branch `topic`, and what is needed to merge it. */
export async function openPullRequest(of: {
  world: ForgeWorld;
  forge: Forge;
  files?: Record<string, string>;
  title?: string;
  body?: string;
}) {
  const { world, forge, files = { a: 'a' }, title = 'T', body = '' } = of;
  const { planned: repository } = world.repository;
  const baseSha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
  const headSha = await world.repository.commit({ branch: 'topic', files });
  const asked = { repository, branch: 'topic', title, body };
  const { number: pullRequest } = await forge.findOrOpenPullRequest(asked);
  const merge = { repository, pullRequest, headSha, baseSha, title, effectKey: 'k' };
  return { asked, merge };
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
    async comments(number) {
      const at = eq(forgeReviews.pullRequest, number);
      const rows = await queries.select().from(forgeReviews).where(at).orderBy(forgeReviews.createdAt);
      return rows.flatMap(({ comments }) =>
        comments.map(({ file, line, body }) => placed({ path: file, line, body })),
      );
    },
  };
}

/** What a world of a forge's API needs, be it a real one or a fake. */
export interface RestServer {
  url: string;
  author: GiteaAccount;
  /** By the engine that reviews as them. */
  reviewers: Record<string, GiteaAccount>;
  call(of: { as: GiteaAccount; method?: string; path: string; body?: unknown }): Promise<unknown>;
  /** How git reaches its repositories. */
  gitSettings?: Origin['settings'];
}

export interface RestWorld extends ForgeWorld {
  path: string;
  credentials: Credentials;
  /** Also one with other tokens. */
  process(credentials?: Credentials): Forge;
}

function placed({ path, line, body }: { path: string; line: number; body: string }): string {
  return `${path}:${line} ${body.split('\n')[0] ?? ''}`;
}

interface WorldOf {
  server: RestServer;
  queries: Queries;
  timeoutMs?: number;
}

export function giteaWorld({ server, queries, timeoutMs }: WorldOf): Promise<RestWorld> {
  return restWorld({
    ...{ server, queries },
    forge: 'gitea',
    dialect: giteaDialect,
    connect: (credentials) => createGiteaAccess({ credentials, ...(timeoutMs ? { timeoutMs } : {}) }),
    async commentsOf(call, number) {
      const Reviews = z.array(z.object({ id: z.int() }));
      const reviews = Reviews.parse(await call('GET', `/pulls/${number}/reviews`));
      const Comments = z.array(
        z.object({ id: z.int(), path: z.string(), position: z.int(), body: z.string() }),
      );
      const found = [];
      for (const { id } of reviews) {
        found.push(...Comments.parse(await call('GET', `/pulls/${number}/reviews/${id}/comments`)));
      }
      return found
        .sort((one, other) => one.id - other.id)
        .map(({ position: line, path, body }) => ({ line, path, body }));
    },
    statusCall: ({ sha, context: { name, state, excerpt } }) => ({
      path: `/statuses/${sha}`,
      body: { context: name, state: stateNames[state], description: excerpt },
    }),
  });
}

/** Without its pace, which would have each test wait for seconds, unless it is asked for. */
export function githubWorld(
  of: WorldOf & { isPaced?: boolean; credentials?: Credentials },
): Promise<RestWorld> {
  const { server, queries, timeoutMs, isPaced = false, credentials: ours } = of;
  const apps = createApps();
  return restWorld({
    ...{ server, queries, ...(ours ? { credentials: ours } : {}) },
    forge: 'github',
    dialect: githubDialect,
    connect: (credentials) =>
      createGithubAccess({ credentials, apps, isPaced, ...(timeoutMs ? { timeoutMs } : {}) }),
    async commentsOf(call, number) {
      const Comments = z.array(z.object({ path: z.string(), line: z.int(), body: z.string() }));
      return Comments.parse(await call('GET', `/pulls/${number}/comments`));
    },
    statusCall: ({ sha, context: { name, state, excerpt } }) =>
      // A status can't be skipped, a check run can.
      state === 'skipped'
        ? { path: '/check-runs', body: { head_sha: sha, name, status: 'completed', conclusion: 'skipped' } }
        : {
            path: `/statuses/${sha}`,
            body: { context: name, state: stateNames[state], description: excerpt },
          },
  });
}

/** The credentials of an engine with an account for itself, and others by reviewing engine. */
export function credentialsOf(of: { token: string; reviewers?: Record<string, string> }): Credentials {
  const others = Object.entries(of.reviewers ?? {});
  const reviewers = Object.fromEntries(
    others.map(([engine, token]) => [engine, { kind: 'token' as const, token }]),
  );
  return { of: async () => ({ account: { kind: 'token', token: of.token }, reviewers, selfSigned: false }) };
}

async function restWorld(of: {
  server: RestServer;
  queries: Queries;
  forge: Origin['forge'];
  dialect: Dialect;
  connect: (credentials: Credentials) => ForgeAccess;
  credentials?: Credentials;
  /** How somebody else's CI says something of a commit. */
  statusCall: (of: { sha: string; context: CiContext }) => { path: string; body: unknown };
  /** The comments at lines of a pull request, oldest first. `call` begins its paths with the repository's. */
  commentsOf: (
    call: (method: string, path: string) => Promise<unknown>,
    number: number,
  ) => Promise<{ path: string; line: number; body: string }[]>;
}): Promise<RestWorld> {
  const { server, queries, forge, dialect, connect, statusCall } = of;
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
  const tokens = Object.entries(reviewers).map(([engine, { token }]) => [engine, token] as const);
  const { credentials = credentialsOf({ token: author.token, reviewers: Object.fromEntries(tokens) }) } = of;
  const settings =
    server.gitSettings ?? createGitSettings({ credentials, appToken: appTokenOf(createApps()) });
  const origin: Origin = { forge, address: `${server.url}/${author.login}/${name}`, settings };
  const repository = await makeRepository({ 'README.md': 'hello\n' }, undefined, origin);
  // Gitea notes a first push a moment later; until then its calls on branches fail.
  await until(async () => !z.object({ empty: z.boolean() }).parse(await call('GET', path)).empty);
  return {
    path,
    credentials,
    repository,
    process: (theirs = credentials) =>
      createRestForge({
        access: connect(theirs),
        dialect,
        git: repository.git,
        workspace: repository.workspace,
        effects: createEffects({ queries }),
        tenant: 'default',
      }),
    async postStatuses({ sha, contexts }) {
      for (const context of contexts) {
        const post = statusCall({ sha, context });
        await call('POST', `${path}${post.path}`, post.body);
      }
    },
    async issues() {
      const listed = await call('GET', `${path}/issues?type=issues&state=all`);
      const issues = z.array(
        z.object({
          number: z.int(),
          state: z.string(),
          body: z.string(),
          pull_request: z.unknown().optional(),
        }),
      );
      return Promise.all(
        issues
          .parse(listed)
          // GitHub has pull requests among them.
          .filter((issue) => !issue.pull_request)
          .map(async (issue) => ({
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
            // Gitea has both, GitHub tells when only.
            merged: z.boolean().optional(),
            merged_at: z.string().nullish(),
            title: z.string(),
            body: z.string(),
          }),
        )
        .parse(await call('GET', `${path}/pulls?state=all`));
      return found.map(({ merged, merged_at: at, state, ...rest }) => ({
        ...rest,
        state: (merged ?? typeof at === 'string') ? 'merged' : state,
      }));
    },
    async reviews(number) {
      const found = z
        .array(z.object({ body: z.string(), commit_id: z.string() }))
        .parse(await call('GET', `${path}/pulls/${number}/reviews`));
      return found.map(({ body, commit_id: sha }) => ({ body, sha }));
    },
    async comments(number) {
      const found = await of.commentsOf((method, below) => call(method, `${path}${below}`), number);
      return found.map(placed);
    },
  };
}

const stateNames = { pending: 'pending', failed: 'failure', passed: 'success', skipped: 'skipped' };
