/** A Gitea as its API is seen from outside: its state in memory, its repositories on the disk, and faults on demand. */
import { spawnSync } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { temporaryFolder, type AtEnd } from '../support/temporary.ts';
import type { GiteaServer } from '../support/forge-worlds.ts';

/** What goes wrong with a call: before the server has acted, or after it has. */
export interface Fault {
  method: string;
  path: RegExp;
  how: 'fails-before' | 'fails-after' | 'hangs-after' | 'cut-after' | 'too-many-requests';
}

interface Issue {
  number: number;
  state: string;
  title: string;
  body: string;
  user: { login: string };
  comments: { body: string }[];
  pull?: { head: string; base: string; lastHead: string; mergeSha: string | null };
}
interface Repository {
  path: string;
  issues: Issue[];
  reviews: {
    pull: number;
    id: number;
    user: { login: string };
    body: string;
    commit_id: string;
    dismissed: boolean;
  }[];
  statuses: { sha: string; context: string; status: string; description: string | null }[];
  milestones: { id: number; title: string; state: string }[];
  releases: { id: number; tag_name: string }[];
}

export interface FakeGitea extends GiteaServer {
  breakNext(fault: Fault): void;
  /** So many merges are answered "try again later". */
  keepChecking(times: number): void;
  /** Calls that were let in, as `METHOD path`. */
  calls: string[];
}

const Text = z.object({ body: z.string().default('') });

export async function startFakeGitea(atEnd: AtEnd): Promise<FakeGitea> {
  const root = await temporaryFolder(atEnd);
  const repositories = new Map<string, Repository>();
  const faults: Fault[] = [];
  const calls: string[] = [];
  let checking = 0;
  const app = new Hono().basePath('/api/v1');

  app.use(async (context, next) => {
    const { method, path } = context.req;
    calls.push(`${method} ${path}`);
    const index = faults.findIndex((fault) => fault.method === method && fault.path.test(path));
    const [fault] = index < 0 ? [] : faults.splice(index, 1);
    if (fault?.how === 'too-many-requests') {
      return context.json({ message: 'slow down' }, 429, { 'retry-after': '7' });
    }
    if (fault?.how === 'fails-before') return context.json({ message: 'down' }, 503);
    await next();
    if (fault?.how === 'fails-after') context.res = context.json({ message: 'down' }, 502);
    if (fault?.how === 'cut-after') context.res = new Response('{"number": ', { status: 200 });
    if (fault?.how === 'hangs-after') await new Promise((resolve) => setTimeout(resolve, 6_000));
    return undefined;
  });

  function git(repository: Repository, ...args: string[]): { ok: boolean; text: string } {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    const who = ['-c', 'user.name=Gitea', '-c', 'user.email=gitea@gitea.invalid'];
    const { status, stdout } = spawnSync('git', [...who, ...args], {
      cwd: repository.path,
      encoding: 'utf8',
      env,
    });
    return { ok: status === 0, text: stdout.trim() };
  }

  function head(repository: Repository, branch: string): string | undefined {
    const { ok, text } = git(repository, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`);
    return ok ? text : undefined;
  }

  function at(context: Context): Repository {
    const { owner, name } = z.object({ owner: z.string(), name: z.string() }).parse(context.req.param());
    const repository = repositories.get(`${owner}/${name}`);
    if (!repository) throw new Error(`no repository ${owner}/${name}`);
    return repository;
  }

  function login(context: Context): string {
    return (context.req.header('authorization') ?? '').replace(/^token token-of-/, '');
  }

  function page<Item>(context: Context, items: readonly Item[]) {
    const number = Number(context.req.query('page') ?? 1);
    const limit = Number(context.req.query('limit') ?? 50);
    context.header('x-total-count', String(items.length));
    return items.slice((number - 1) * limit, number * limit);
  }

  function issueAt(context: Context): Issue | undefined {
    return at(context).issues.find(({ number }) => number === Number(context.req.param('number')));
  }

  function showPull(repository: Repository, issue: Issue) {
    const { pull, ...rest } = issue;
    if (!pull) throw new Error(`${issue.number} is no pull request`);
    if (issue.state === 'open') pull.lastHead = head(repository, pull.head) ?? pull.lastHead;
    return {
      ...rest,
      merged: pull.mergeSha !== null,
      merge_commit_sha: pull.mergeSha,
      head: { label: pull.head, sha: head(repository, pull.head) ?? pull.lastHead },
      base: { ref: pull.base },
    };
  }

  app.get('/user', (context) => context.json({ login: login(context) }));
  app.post('/user/repos', async (context) => {
    const { name } = z.object({ name: z.string() }).parse(await context.req.json());
    const path = join(root, `${login(context)}-${name}.git`);
    spawnSync('git', ['init', '--quiet', '--bare', path]);
    repositories.set(`${login(context)}/${name}`, {
      ...{ path, issues: [], reviews: [], statuses: [], milestones: [], releases: [] },
    });
    return context.json({}, 201);
  });

  const repo = app.basePath('/repos/:owner/:name');
  repo.put('/collaborators/:who', (context) => context.body(null, 204));
  repo.get('/', (context) => context.json({ empty: head(at(context), 'main') === undefined }));
  repo.get('/branches/:branch{.+}', (context) => {
    const id = head(at(context), context.req.param('branch'));
    if (id === undefined) return context.json({ message: 'not found' }, 404);
    const protection = { protected: false, required_approvals: 0, enable_status_check: false };
    return context.json({ commit: { id }, ...protection, status_check_contexts: null });
  });

  repo.get('/issues', (context) => {
    const words = context.req.query('q') ?? '';
    const found = at(context).issues.filter(
      (one) => !one.pull && `${one.title}\n${one.body}`.includes(words),
    );
    return context.json(page(context, found.reverse()));
  });
  repo.post('/issues', async (context) => {
    const Asked = z.object({ title: z.string(), body: z.string() });
    const { issues } = at(context);
    const user = { login: login(context) };
    const asked = Asked.parse(await context.req.json());
    const issue = { number: issues.length + 1, state: 'open', ...asked, user, comments: [] };
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
    context.json(Object.assign(issueAt(context) ?? {}, await change(context)), 201),
  );

  async function change(context: Context) {
    const Change = z.object({ state: z.string(), title: z.string(), body: z.string() }).partial();
    return Change.parse(await context.req.json());
  }

  repo.get('/pulls', (context) => {
    const state = context.req.query('state') ?? 'open';
    const repository = at(context);
    const pulls = repository.issues.filter((one) => one.pull && (state === 'all' || one.state === state));
    return context.json(
      page(
        context,
        pulls.reverse().map((one) => showPull(repository, one)),
      ),
    );
  });
  repo.post('/pulls', async (context) => {
    const Asked = z.object({ head: z.string(), base: z.string(), title: z.string(), body: z.string() });
    const asked = Asked.parse(await context.req.json());
    const repository = at(context);
    const { issues } = repository;
    const isTheSame = ({ state, pull }: Issue) => state === 'open' && pull?.head === asked.head;
    if (issues.some(isTheSame)) return context.json({ message: 'pull request already exists' }, 409);
    const { title, body, base } = asked;
    const pull = { head: asked.head, base, lastHead: '', mergeSha: null };
    const user = { login: login(context) };
    const issue = { number: issues.length + 1, state: 'open', title, body, user, comments: [], pull };
    issues.push(issue);
    return context.json(showPull(repository, issue), 201);
  });
  repo.get('/pulls/:number', (context) => {
    const issue = issueAt(context);
    return issue ? context.json(showPull(at(context), issue)) : context.json({ message: 'not found' }, 404);
  });
  repo.patch('/pulls/:number', async (context) => {
    const issue = issueAt(context);
    if (!issue) return context.json({ message: 'not found' }, 404);
    Object.assign(issue, await change(context));
    return context.json(showPull(at(context), issue), 201);
  });
  repo.post('/pulls/:number/merge', async (context) => {
    const Asked = z.object({
      head_commit_id: z.string(),
      MergeTitleField: z.string(),
      MergeMessageField: z.string(),
    });
    const asked = Asked.parse(await context.req.json());
    const repository = at(context);
    const issue = issueAt(context);
    const { pull } = issue ?? {};
    if (!issue || !pull) return context.json({ message: 'not found' }, 404);
    if (pull.mergeSha !== null) return context.json({ message: 'The PR is already merged' }, 405);
    if (issue.state === 'closed') return context.json({ message: 'not found' }, 404);
    if (checking > 0) {
      checking -= 1;
      return context.json({ message: 'Please try again later' }, 405);
    }
    const base = head(repository, pull.base) ?? '';
    if (head(repository, pull.head) !== asked.head_commit_id)
      return context.json({ message: 'head out of date' }, 409);
    const tree = git(repository, 'merge-tree', '--write-tree', base, asked.head_commit_id);
    if (!tree.ok) return context.json({ message: 'Please try again later' }, 405);
    const message = `${asked.MergeTitleField}\n\n${asked.MergeMessageField}`;
    const made = git(repository, 'commit-tree', tree.text, '-p', base, '-m', message).text;
    git(repository, 'update-ref', `refs/heads/${pull.base}`, made);
    Object.assign(pull, { mergeSha: made, lastHead: asked.head_commit_id });
    issue.state = 'closed';
    return context.body(null, 200);
  });
  repo.get('/git/commits/:sha', (context) => {
    const { text } = git(at(context), 'show', '-s', '--format=%B', context.req.param('sha'));
    return context.json({ commit: { message: text } });
  });

  repo.get('/pulls/:number/reviews', (context) => {
    const pull = Number(context.req.param('number'));
    return context.json(
      page(
        context,
        at(context).reviews.filter((one) => one.pull === pull),
      ),
    );
  });
  repo.post('/pulls/:number/reviews', async (context) => {
    const Asked = z.object({ body: z.string(), commit_id: z.string() });
    const asked = Asked.parse(await context.req.json());
    const { reviews } = at(context);
    const pull = Number(context.req.param('number'));
    const review = {
      pull,
      id: reviews.length + 1,
      user: { login: login(context) },
      dismissed: false,
      ...asked,
    };
    reviews.push(review);
    return context.json(review);
  });

  repo.get('/commits/:sha/status', (context) => {
    const all = at(context).statuses.filter(({ sha }) => sha === context.req.param('sha'));
    const newest = [...new Map(all.map((one) => [one.context, one])).values()];
    const statuses = page(context, newest);
    return context.json({ state: 'pending', statuses: statuses.length === 0 ? null : statuses });
  });
  repo.post('/statuses/:sha', async (context) => {
    const Asked = z.object({ context: z.string(), state: z.string(), description: z.string().default('') });
    const { state: status, ...asked } = Asked.parse(await context.req.json());
    at(context).statuses.push({ sha: context.req.param('sha'), status, ...asked });
    return context.json({}, 201);
  });

  repo.get('/milestones', (context) => context.json(page(context, at(context).milestones)));
  repo.post('/milestones', async (context) => {
    const { title } = z.object({ title: z.string() }).parse(await context.req.json());
    const { milestones } = at(context);
    const milestone = { id: milestones.length + 1, title, state: 'open' };
    milestones.push(milestone);
    return context.json(milestone, 201);
  });
  const milestoneAt = (context: Context) =>
    at(context).milestones.find(({ id }) => id === Number(context.req.param('id')));
  repo.get('/milestones/:id', (context) => context.json(milestoneAt(context)));
  repo.patch('/milestones/:id', async (context) =>
    context.json(Object.assign(milestoneAt(context) ?? {}, await change(context))),
  );

  function tagOf(repository: Repository, name: string) {
    const { ok, text } = git(repository, 'rev-parse', '--verify', '--quiet', `refs/tags/${name}^{commit}`);
    return ok ? { commit: { sha: text } } : undefined;
  }
  repo.get('/tags/:tag', (context) => {
    const tag = tagOf(at(context), context.req.param('tag'));
    return tag ? context.json(tag) : context.json({ message: 'not found' }, 404);
  });
  repo.post('/tags', async (context) => {
    const asked = z.object({ tag_name: z.string(), target: z.string() }).parse(await context.req.json());
    const repository = at(context);
    if (tagOf(repository, asked.tag_name)) return context.json({ message: 'tag exists' }, 409);
    git(repository, 'update-ref', `refs/tags/${asked.tag_name}`, asked.target);
    return context.json(tagOf(repository, asked.tag_name), 201);
  });
  repo.get('/releases/tags/:tag', (context) => {
    const release = at(context).releases.find((one) => one.tag_name === context.req.param('tag'));
    return release ? context.json(release) : context.json({ message: 'not found' }, 404);
  });
  repo.post('/releases', async (context) => {
    const { tag_name } = z.object({ tag_name: z.string() }).parse(await context.req.json());
    const { releases } = at(context);
    if (releases.some((one) => one.tag_name === tag_name)) return context.json({ message: 'exists' }, 409);
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
      const response = await fetch(`${url}/api/v1${path}`, {
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
