/** What the fakes of forges have in common: state in memory, repositories on the disk, and faults on demand. */
import { spawnSync } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { serveGit } from './git-http.ts';
import type { RestServer } from '../support/forge-worlds.ts';
import { temporaryFolder, type AtEnd } from '../support/temporary.ts';

/** What goes wrong with a call: before the server has acted, or after it has. */
export interface Fault {
  method: string;
  path: RegExp;
  how: 'fails-before' | 'fails-after' | 'hangs-after' | 'cut-after' | 'too-many-requests' | 'unauthorized';
  /** In seconds, of too many requests; 7 without it. */
  retryAfter?: number;
}

export interface FakeIssue {
  number: number;
  state: string;
  title: string;
  body: string;
  user: { login: string };
  comments: { body: string }[];
  milestone?: { title: string } | undefined;
  pull?: { head: string; base: string; lastHead: string; mergeSha: string | null };
}

export interface FakeReviewComment {
  pull: number;
  review: number;
  id: number;
  user: { login: string };
  body: string;
  path: string;
  line: number;
  resolver: { login: string } | null;
}

export interface FakeRepository {
  name: string;
  path: string;
  issues: FakeIssue[];
  reviews: {
    pull: number;
    id: number;
    user: { login: string };
    body: string;
    commit_id: string;
    dismissed: boolean;
    state: string;
  }[];
  reviewComments: FakeReviewComment[];
  statuses: { sha: string; context: string; state: string; description: string | null }[];
  milestones: { number: number; title: string; state: string }[];
  releases: { id: number; tag_name: string }[];
}

export interface FakeForge extends RestServer {
  /** Hears of each push that came over HTTP, and of each merge, when it is there. */
  onPush(listener: (repository: FakeRepository) => void): void;
  breakNext(fault: Fault): void;
  /** So many merges or looks find that the forge does not yet know whether it can merge. */
  keepChecking(times: number): void;
  /** Calls that were let in, as `METHOD path`. */
  calls: string[];
  repositoryAt(path: string): FakeRepository;
}

export type Routes = ReturnType<Hono['basePath']>;

/** What one forge does otherwise than the other. */
export interface Flavour {
  api: string;
  /** The page that was asked for, and what its headers say of the others. */
  page: <Item>(context: Context, items: readonly Item[]) => Item[];
  /** That something of a name is there already. */
  exists: (context: Context, what: string) => Response;
  showPull: (issue: FakeIssue, repository: FakeRepository) => object;
  showMilestone: (milestone: FakeRepository['milestones'][number]) => object;
  /** A comment at a line, as a review that is posted has it. */
  reviewComment: z.ZodType<Pick<FakeReviewComment, 'path' | 'line' | 'body'>>;
  /** Adds what is its own. */
  define: (repo: Routes, app: Routes, tools: FakeTools) => void;
  tooManyRequests: string;
}

export interface FakeTools {
  /** Of the whole server. */
  site: Routes;
  at: (context: Context) => FakeRepository;
  issueAt: (context: Context) => FakeIssue | undefined;
  head: (repository: FakeRepository, branch: string) => string | undefined;
  git: (repository: FakeRepository, ...args: string[]) => { ok: boolean; text: string };
  /** Whether it is still working out if it can merge. */
  isChecking: () => boolean;
  squash: (
    repository: FakeRepository,
    issue: FakeIssue,
    of: { sha: string; message: string },
  ) => 'head-moved' | 'conflict' | { mergeSha: string };
}

const Text = z.object({ body: z.string().default('') });

export function loginOf(context: Context): string {
  return (context.req.header('authorization') ?? '').replace(/^token token-of-|#.*$/g, '');
}

export async function startFakeForge(atEnd: AtEnd, flavour: Flavour): Promise<FakeForge> {
  const root = await temporaryFolder(atEnd);
  const repositories = new Map<string, FakeRepository>();
  const faults: Fault[] = [];
  const calls: string[] = [];
  let checking = 0;
  const { page, exists, showPull, showMilestone } = flavour;
  const pushed: ((repository: FakeRepository) => void)[] = [];
  const site = new Hono().basePath('/');
  const tools: FakeTools = { site, at, issueAt, head, git, isChecking, squash };
  const app = site.basePath(flavour.api);

  // Its tests reach its repositories on the disk; an engine in a process of its own comes as to any forge.
  site.on(
    ['GET', 'POST'],
    ['/:owner/:name/info/refs', '/:owner/:name/git-upload-pack', '/:owner/:name/git-receive-pack'],
    async (context) => {
      const [, token = ''] = atob((context.req.header('authorization') ?? '').replace(/^Basic /, '')).split(
        ':',
      );
      if (!token.startsWith('token-of-')) return context.text('Who is there?', 401);
      const repository = at(context);
      const path = context.req.path.replace(`/${repository.name}`, '');
      const answer = await serveGit(context.req.raw, { repository: repository.path, path });
      if (path === '/git-receive-pack') for (const listener of pushed) listener(repository);
      return answer;
    },
  );

  site.use('/api/*', async (context, next) => {
    const { method, path } = context.req;
    calls.push(`${method} ${path}`);
    const index = faults.findIndex((fault) => fault.method === method && fault.path.test(path));
    const [fault] = index < 0 ? [] : faults.splice(index, 1);
    if (fault?.how === 'too-many-requests') {
      const { retryAfter = 7 } = fault;
      return context.json({ message: flavour.tooManyRequests }, 429, { 'retry-after': String(retryAfter) });
    }
    if (fault?.how === 'unauthorized') return context.json({ message: 'Bad credentials' }, 401);
    if (fault?.how === 'fails-before') return context.json({ message: 'down' }, 503);
    await next();
    if (fault?.how === 'fails-after') context.res = context.json({ message: 'down' }, 502);
    if (fault?.how === 'cut-after') {
      context.res = new Response('{"number": ', { headers: { 'content-type': 'application/json' } });
    }
    if (fault?.how === 'hangs-after') await new Promise((resolve) => setTimeout(resolve, 6_000));
    return undefined;
  });

  function git(repository: FakeRepository, ...args: string[]): { ok: boolean; text: string } {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    const who = ['-c', 'user.name=Forge', '-c', 'user.email=forge@forge.invalid'];
    const { status, stdout } = spawnSync('git', [...who, ...args], {
      cwd: repository.path,
      encoding: 'utf8',
      env,
    });
    return { ok: status === 0, text: stdout.trim() };
  }

  function head(repository: FakeRepository, branch: string): string | undefined {
    const { ok, text } = git(repository, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`);
    return ok ? text : undefined;
  }

  function at(context: Context): FakeRepository {
    const { owner, name } = z.object({ owner: z.string(), name: z.string() }).parse(context.req.param());
    return repositoryAt(`${owner}/${name}`);
  }

  function repositoryAt(path: string): FakeRepository {
    const repository = repositories.get(path);
    if (!repository) throw new Error(`no repository ${path}`);
    return repository;
  }

  function issueAt(context: Context): FakeIssue | undefined {
    return at(context).issues.find(({ number }) => number === Number(context.req.param('number')));
  }

  function isChecking(): boolean {
    if (checking <= 0) return false;
    checking -= 1;
    return true;
  }

  function squash(
    repository: FakeRepository,
    issue: FakeIssue,
    { sha, message }: { sha: string; message: string },
  ): 'head-moved' | 'conflict' | { mergeSha: string } {
    const { pull } = issue;
    if (!pull || head(repository, pull.head) !== sha) return 'head-moved';
    const base = head(repository, pull.base) ?? '';
    const tree = git(repository, 'merge-tree', '--write-tree', base, sha);
    if (!tree.ok) return 'conflict';
    const mergeSha = git(repository, 'commit-tree', tree.text, '-p', base, '-m', message).text;
    git(repository, 'update-ref', `refs/heads/${pull.base}`, mergeSha);
    for (const listener of pushed) listener(repository);
    Object.assign(pull, { mergeSha, lastHead: sha });
    issue.state = 'closed';
    return { mergeSha };
  }

  function show(repository: FakeRepository, issue: FakeIssue): object {
    const { pull } = issue;
    if (!pull) throw new Error(`${issue.number} is no pull request`);
    if (issue.state === 'open') pull.lastHead = head(repository, pull.head) ?? pull.lastHead;
    return showPull(issue, repository);
  }

  app.get('/user', (context) => context.json({ login: loginOf(context) }));
  app.post('/user/repos', async (context) => {
    const asked = z.object({ name: z.string() }).parse(await context.req.json());
    const name = `${loginOf(context)}/${asked.name}`;
    const path = join(root, `${name.replace('/', '-')}.git`);
    spawnSync('git', ['init', '--quiet', '--bare', path]);
    const empty = { issues: [], reviews: [], reviewComments: [], statuses: [], milestones: [], releases: [] };
    repositories.set(name, { name, path, ...empty });
    return context.json({}, 201);
  });

  const repo = app.basePath('/repos/:owner/:name');
  flavour.define(repo, app, tools);
  repo.get('/', (context) => {
    const { owner, name } = z.object({ owner: z.string(), name: z.string() }).parse(context.req.param());
    const repository = repositories.get(`${owner}/${name}`);
    if (!repository) return context.json({ message: 'Not Found' }, 404);
    const empty = head(repository, 'main') === undefined;
    return context.json({ full_name: repository.name, archived: false, empty });
  });
  repo.put('/collaborators/:who', (context) => context.body(null, 204));

  repo.post('/issues', async (context) => {
    const Asked = z.object({ title: z.string(), body: z.string(), milestone: z.int().optional() });
    const { issues, milestones } = at(context);
    const user = { login: loginOf(context) };
    const { milestone: asked, ...rest } = Asked.parse(await context.req.json());
    const milestone = milestones.find(({ number }) => number === asked);
    const issue = { number: issues.length + 1, state: 'open', ...rest, milestone, user, comments: [] };
    issues.push(issue);
    return context.json(issue, 201);
  });
  repo.get('/issues/:number', (context) => context.json(issueAt(context)));
  repo.get('/issues/:number/comments', (context) =>
    context.json(page(context, issueAt(context)?.comments ?? [])),
  );
  repo.post('/issues/:number/comments', async (context) => {
    const comment = Text.parse(await context.req.json());
    issueAt(context)?.comments.push(comment);
    return context.json(comment, 201);
  });
  repo.patch('/issues/:number', async (context) =>
    context.json(Object.assign(issueAt(context) ?? {}, await change(context))),
  );

  async function change(context: Context) {
    const Change = z.object({ state: z.string(), title: z.string(), body: z.string() }).partial();
    return Change.parse(await context.req.json());
  }

  repo.get('/pulls', (context) => {
    const { state = 'open', head: from } = context.req.query();
    const repository = at(context);
    const pulls = repository.issues.filter(
      ({ pull, ...one }) =>
        pull &&
        (state === 'all' || one.state === state) &&
        (from === undefined || `${repository.name.split('/')[0] ?? ''}:${pull.head}` === from),
    );
    const shown = pulls.reverse().map((one) => show(repository, one));
    return context.json(page(context, shown));
  });
  repo.post('/pulls', async (context) => {
    const Asked = z.object({ head: z.string(), base: z.string(), title: z.string(), body: z.string() });
    const { title, body, base, head: from } = Asked.parse(await context.req.json());
    const repository = at(context);
    const { issues } = repository;
    if (issues.some(({ state, pull }) => state === 'open' && pull?.head === from)) {
      return exists(context, `A pull request already exists for ${from}.`);
    }
    const pull = { head: from, base, lastHead: '', mergeSha: null };
    const user = { login: loginOf(context) };
    const issue = { number: issues.length + 1, state: 'open', title, body, user, comments: [], pull };
    issues.push(issue);
    return context.json(show(repository, issue), 201);
  });
  repo.get('/pulls/:number', (context) => {
    const issue = issueAt(context);
    return issue ? context.json(show(at(context), issue)) : context.json({ message: 'not found' }, 404);
  });
  repo.patch('/pulls/:number', async (context) => {
    const issue = issueAt(context);
    if (!issue) return context.json({ message: 'not found' }, 404);
    Object.assign(issue, await change(context));
    return context.json(show(at(context), issue));
  });

  repo.get('/pulls/:number/reviews', (context) => {
    const pull = Number(context.req.param('number'));
    const posted = at(context).reviews.filter((one) => one.pull === pull);
    return context.json(page(context, posted));
  });
  repo.post('/pulls/:number/reviews', async (context) => {
    const Asked = z.object({
      body: z.string(),
      commit_id: z.string(),
      event: z.string(),
      comments: z.array(flavour.reviewComment).default([]),
    });
    const { event: state, comments, ...asked } = Asked.parse(await context.req.json());
    const { reviews, reviewComments } = at(context);
    const pull = Number(context.req.param('number'));
    const user = { login: loginOf(context) };
    const id = reviews.length + 1;
    const review = { pull, id, user, dismissed: false, state, comments_count: comments.length, ...asked };
    reviews.push(review);
    for (const comment of comments) {
      const place = { pull, review: id, id: reviewComments.length + 1 };
      reviewComments.push({ ...place, user, resolver: null, ...comment });
    }
    return context.json(review);
  });

  repo.post('/statuses/:sha', async (context) => {
    const Asked = z.object({
      context: z.string(),
      state: z.string(),
      description: z.string().nullable().default(null),
    });
    const asked = Asked.parse(await context.req.json());
    at(context).statuses.push({ sha: context.req.param('sha'), ...asked });
    return context.json({}, 201);
  });

  repo.get('/milestones', (context) =>
    context.json(page(context, at(context).milestones.map(showMilestone))),
  );
  repo.post('/milestones', async (context) => {
    const { title } = z.object({ title: z.string() }).parse(await context.req.json());
    const { milestones } = at(context);
    const milestone = { number: milestones.length + 1, title, state: 'open' };
    milestones.push(milestone);
    return context.json(showMilestone(milestone), 201);
  });
  repo.on(['GET', 'PATCH'], '/milestones/:number', async (context) => {
    const milestone = at(context).milestones.find(
      ({ number }) => number === Number(context.req.param('number')),
    );
    if (!milestone) return context.json({ message: 'not found' }, 404);
    if (context.req.method === 'PATCH') Object.assign(milestone, await change(context));
    return context.json(showMilestone(milestone));
  });

  repo.get('/releases/tags/:tag', (context) => {
    const release = at(context).releases.find((one) => one.tag_name === context.req.param('tag'));
    return release ? context.json(release) : context.json({ message: 'not found' }, 404);
  });
  repo.post('/releases', async (context) => {
    const { tag_name } = z.object({ tag_name: z.string() }).parse(await context.req.json());
    const { releases } = at(context);
    if (releases.some((one) => one.tag_name === tag_name)) return exists(context, 'already_exists');
    const release = { id: releases.length + 1, tag_name };
    releases.push(release);
    return context.json(release, 201);
  });

  const server = createAdaptorServer({ fetch: app.fetch });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  atEnd(async () => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    calls,
    repositoryAt,
    onPush: (listener) => pushed.push(listener),
    author: { login: 'author', token: 'token-of-author' },
    reviewers: { 'diff-check': { login: 'reviewer', token: 'token-of-reviewer' } },
    breakNext: (fault) => faults.push(fault),
    keepChecking: (times) => (checking = times),
    // Its repositories are reached on the disk; the API alone is what is faked.
    gitSettings: async (address) => {
      const repository = repositories.get(address.replace(`${url}/`, ''));
      return repository ? { [`url.${repository.path}.insteadOf`]: address } : {};
    },
    async call({ as, method = 'GET', path, body }) {
      const response = await fetch(`${url}${flavour.api}${path}`, {
        method,
        headers: { authorization: `token ${as.token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      const answer: unknown = text === '' ? undefined : JSON.parse(text);
      return answer;
    },
  };
}
