/**
 * A GitHub as its API is described, at the address of an Enterprise server. No real one could be asked: what this one
 * answers is what the description and people's reports say.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AtEnd } from '../support/temporary.ts';
import { defineThreads, nodeOf, type ThreadFaults } from './fake-github-threads.ts';
import { startFakeForge, type FakeForge, type FakeRepository, type Flavour } from './fake-forge.ts';

export interface CheckRun {
  name: string;
  /** Which of an app's suites it belongs to. */
  suite: number;
  status: string;
  conclusion: string | null;
  details_url?: string;
  output?: { title: string; summary: string };
}

interface Rule {
  type: string;
  parameters?: Record<string, unknown>;
}

/** What is on GitHub only, and set up by tests. */
interface Extras extends ThreadFaults {
  runs: (CheckRun & { sha: string })[];
  rules: Rule[];
  /** Contexts and approvals of the classic protection. */
  protection?: { contexts: string[]; approvals: number };
  /** Of jobs, by their number; what stands there is read at another address, by whoever knows it. */
  logs: Map<string, string>;
  workflowRuns: { branch: string; status: string; display_title: string; path: string }[];
  /** Answers of merges to come, in place of merging. */
  refusals: { status: 403 | 405 | 409 | 422; message: string }[];
}

export interface FakeGithub extends FakeForge {
  extrasOf(path: string): Extras;
  /** Tokens that its app was given, newest last; each lives as long as `tokenLifeMs` says. */
  appTokens: string[];
  setTokenLife(ms: number): void;
  /** Looks that were answered "not modified": they cost nothing of the account's hour. */
  notModified: string[];
}

const wrong = { message: 'Validation Failed' };

export async function startFakeGithub(atEnd: AtEnd): Promise<FakeGithub> {
  const extras = new Map<string, Extras>();
  const appTokens: string[] = [];
  const notModified: string[] = [];
  let tokenLifeMs = 3_600_000;

  function extrasOf(path: string): Extras {
    const known = extras.get(path) ?? {
      ...{ runs: [], rules: [], refusals: [], workflowRuns: [], threadErrors: [], threadsPerPage: 100 },
      logs: new Map<string, string>(),
    };
    extras.set(path, known);
    return known;
  }

  const github: Flavour = {
    api: '/api/v3',
    tooManyRequests: 'You have exceeded a secondary rate limit. Please wait.',

    page(context, items) {
      const number = Number(context.req.query('page') ?? 1);
      const size = Number(context.req.query('per_page') ?? 30);
      const next = number * size < items.length;
      if (next) context.header('link', `<${context.req.path}?page=${number + 1}>; rel="next"`);
      return items.slice((number - 1) * size, number * size);
    },

    exists: (context, message) =>
      context.json({ ...wrong, errors: [{ resource: 'X', code: 'custom', message }] }, 422),

    showPull({ pull, ...rest }) {
      const mergeSha = pull?.mergeSha ?? null;
      return {
        ...rest,
        merged_at: mergeSha === null ? null : '2026-11-22T00:00:00Z',
        // Of an open one it is a commit of its own.
        merge_commit_sha: mergeSha ?? '0'.repeat(40),
        head: { ref: pull?.head, label: `author:${pull?.head ?? ''}`, sha: pull?.lastHead },
        base: { ref: pull?.base },
      };
    },

    showMilestone: ({ number, ...rest }) => ({ id: 1_000 + number, number, ...rest }),

    reviewComment: z
      .object({ path: z.string(), line: z.int(), side: z.literal('RIGHT'), body: z.string() })
      .transform(({ path, line, body }) => ({ path, line, body })),

    define(repo, app, { site, at, issueAt, head, git, isChecking, squash }) {
      defineThreads(site, { repositoryAt: (name) => fake.repositoryAt(name), extrasOf });
      repo.use(async (context, next) => {
        await next();
        const { method, path } = context.req;
        if (method !== 'GET' || context.res.status !== 200) return;
        const text = await context.res.clone().text();
        const link = context.res.headers.get('link') ?? '';
        const etag = `W/"${createHash('sha256').update(text).update(link).digest('hex')}"`;
        if (context.req.header('if-none-match') === etag) {
          notModified.push(path);
          context.res = new Response(null, { status: 304, headers: { etag } });
        } else context.res.headers.set('etag', etag);
      });

      app.get('/app', (context) =>
        isApp(context.req.header('authorization'))
          ? context.json({ slug: 'engine' })
          : context.json({ message: 'A JSON web token could not be decoded' }, 401),
      );
      repo.get('/installation', (context) =>
        isApp(context.req.header('authorization'))
          ? context.json({ id: 77 })
          : context.json({ message: 'A JSON web token could not be decoded' }, 401),
      );
      app.post('/app/installations/:id/access_tokens', async (context) => {
        if (context.req.param('id') !== '77') return context.json({ message: 'Not Found' }, 404);
        const { repositories } = z
          .object({ repositories: z.array(z.string()) })
          .parse(await context.req.json());
        const token = `token-of-engine[bot]#${appTokens.length + 1}#${repositories.join()}`;
        appTokens.push(token);
        const expires_at = new Date(Date.now() + tokenLifeMs).toISOString();
        return context.json({ token, expires_at }, 201);
      });

      const refOf = (repository: FakeRepository, ref: string) => {
        const { ok, text } = git(repository, 'rev-parse', '--verify', '--quiet', `refs/${ref}`);
        if (!ok) return undefined;
        return { object: { type: git(repository, 'cat-file', '-t', text).text, sha: text } };
      };
      repo.get('/git/ref/:ref{.+}', (context) => {
        const ref = refOf(at(context), context.req.param('ref'));
        return ref ? context.json(ref) : context.json({ message: 'Not Found' }, 404);
      });
      repo.get('/git/tags/:sha', (context) => {
        const { text } = git(at(context), 'rev-parse', `${context.req.param('sha')}^{commit}`);
        return context.json({ object: { type: 'commit', sha: text } });
      });
      repo.post('/git/refs', async (context) => {
        const asked = z.object({ ref: z.string(), sha: z.string() }).parse(await context.req.json());
        const repository = at(context);
        const name = asked.ref.replace(/^refs\//, '');
        if (refOf(repository, name)) return context.json({ message: 'Reference already exists' }, 422);
        git(repository, 'update-ref', asked.ref, asked.sha);
        return context.json(refOf(repository, name), 201);
      });
      repo.get('/git/commits/:sha', (context) => {
        const { text } = git(at(context), 'show', '-s', '--format=%B', context.req.param('sha'));
        return context.json({ message: text });
      });

      repo.get('/issues', (context) => {
        const creator = context.req.query('creator');
        const found = at(context).issues.filter(
          ({ user }) => creator === undefined || user.login === creator,
        );
        const shown = found
          .reverse()
          .map(({ pull, ...one }) => ({ ...one, ...(pull && { pull_request: {} }) }));
        return context.json(github.page(context, shown));
      });
      app.get('/search/issues', (context) => {
        const { q = '' } = context.req.query();
        const [, name = '', words = ''] = /^repo:(\S+) is:issue in:body "(.*)"$/.exec(q) ?? [];
        const { issues } = fake.repositoryAt(name);
        // It finds words, and does not look at what stands between them.
        const plain = (text: string) => text.toLowerCase().split(/\W+/).join(' ');
        const items = issues.filter((one) => !one.pull && plain(one.body).includes(plain(words)));
        return context.json({ total_count: items.length, items });
      });

      repo.get('/pulls/:number/comments', (context) => {
        const pull = Number(context.req.param('number'));
        const found = at(context).reviewComments.filter((one) => one.pull === pull);
        const shown = found.map((one) => ({ ...one, resolver: undefined, node_id: nodeOf(one) }));
        return context.json(github.page(context, shown));
      });
      repo.post('/pulls/:number/reviews', async (context, next) => {
        const Asked = z.object({
          commit_id: z.string(),
          comments: z.array(z.object({ path: z.string(), line: z.int() })).default([]),
        });
        const { commit_id: sha, comments } = Asked.parse(await context.req.raw.clone().json());
        const base = issueAt(context)?.pull?.base ?? '';
        const shown = linesShown(git(at(context), 'diff', '--find-renames', `${base}...${sha}`).text);
        if (comments.every(({ path, line }) => shown.has(`${path}:${line}`))) return next();
        const message = 'Pull request review thread line must be part of the diff';
        return context.json({ message: 'Unprocessable Entity', errors: [message] }, 422);
      });
      repo.get('/pulls/:number', async (context, next) => {
        const issue = issueAt(context);
        // It begins to work it out when it is first asked.
        if (!issue?.pull || issue.state !== 'open') return next();
        issue.pull.lastHead = head(at(context), issue.pull.head) ?? issue.pull.lastHead;
        const mergeable = isChecking() ? null : true;
        return context.json({ ...github.showPull(issue, at(context)), mergeable });
      });
      repo.put('/pulls/:number/merge', async (context) => {
        const Asked = z.object({
          merge_method: z.literal('squash'),
          sha: z.string(),
          commit_title: z.string(),
          commit_message: z.string(),
        });
        const { sha, commit_title: title, commit_message: text } = Asked.parse(await context.req.json());
        const repository = at(context);
        const issue = issueAt(context);
        const refusal = extrasOf(repository.name).refusals.shift();
        if (refusal) return context.json({ message: refusal.message }, refusal.status);
        if (!issue?.pull) return context.json({ message: 'Not Found' }, 404);
        if (issue.state === 'closed') return context.json({ message: 'Pull Request is not mergeable' }, 405);
        const made = squash(repository, issue, { sha, message: `${title}\n\n${text}` });
        if (made === 'head-moved') {
          const message = 'Head branch was modified. Review and try the merge again.';
          return context.json({ message }, 409);
        }
        if (made === 'conflict') return context.json({ message: 'Pull Request is not mergeable' }, 405);
        return context.json({ sha: made.mergeSha, merged: true });
      });

      repo.get('/commits/:sha/status', (context) => {
        const all = at(context).statuses.filter(({ sha }) => sha === context.req.param('sha'));
        const newest = [...new Map(all.map((one) => [one.context, one])).values()];
        return context.json({ state: 'pending', statuses: github.page(context, newest) });
      });
      repo.get('/commits/:sha/check-runs', (context) => {
        const { name } = at(context);
        const all = extrasOf(name).runs.filter(({ sha }) => sha === context.req.param('sha'));
        const asked = context.req.query('check_name');
        const newest = [...new Map(all.map((run) => [`${run.suite} ${run.name}`, run])).values()].filter(
          (run) => asked === undefined || run.name === asked,
        );
        return context.json({ total_count: newest.length, check_runs: github.page(context, newest) });
      });
      repo.get('/actions/runs', (context) => {
        const { branch } = context.req.query();
        const { workflowRuns } = extrasOf(at(context).name);
        return context.json({ workflow_runs: workflowRuns.filter((run) => run.branch === branch) });
      });
      repo.get('/actions/jobs/:id/logs', (context) => {
        const { name } = at(context);
        const url = new URL(`/store/${name}/${context.req.param('id')}`, context.req.url);
        return context.redirect(`${url.origin}${github.api}${url.pathname}`, 302);
      });
      app.get('/store/:owner/:name/:id', (context) => {
        const { owner, name, id } = context.req.param();
        if (context.req.header('authorization') !== undefined) return context.text('what for?', 400);
        return context.text(extrasOf(`${owner}/${name}`).logs.get(id) ?? '');
      });
      repo.post('/check-runs', async (context) => {
        const Asked = z.object({
          head_sha: z.string(),
          name: z.string(),
          suite: z.int().default(1),
          status: z.string(),
          conclusion: z.string().nullable().default(null),
        });
        const { head_sha: sha, ...run } = Asked.parse(await context.req.json());
        extrasOf(at(context).name).runs.push({ sha, ...run });
        return context.json({}, 201);
      });

      repo.get('/branches/:branch{.+}/protection', (context) => {
        const { protection } = extrasOf(at(context).name);
        if (!protection) return context.json({ message: 'Branch not protected' }, 404);
        if (protection.approvals < 0) return context.json({ message: 'Resource not accessible' }, 403);
        const reviews = { required_approving_review_count: protection.approvals };
        return context.json({ required_pull_request_reviews: reviews });
      });
      repo.get('/branches/:branch{.+}', (context) => {
        const repository = at(context);
        if (head(repository, context.req.param('branch')) === undefined) {
          return context.json({ message: 'Branch not found' }, 404);
        }
        const { protection, rules } = extrasOf(repository.name);
        const isMain = context.req.param('branch') === 'main';
        const contexts = isMain ? (protection?.contexts ?? []) : [];
        const isProtected = isMain && (protection !== undefined || rules.length > 0);
        return context.json({
          protected: isProtected,
          protection: { enabled: isProtected, required_status_checks: { contexts } },
        });
      });
      repo.get('/rules/branches/:branch{.+}', (context) => {
        const isMain = context.req.param('branch') === 'main';
        return context.json(github.page(context, isMain ? extrasOf(at(context).name).rules : []));
      });
    },
  };

  const fake = await startFakeForge(atEnd, github);
  return {
    ...fake,
    extrasOf,
    appTokens,
    notModified,
    setTokenLife: (ms) => (tokenLifeMs = ms),
  };
}

/** Each line of the new version that a diff shows. */
function linesShown(diff: string): Set<string> {
  const shown = new Set<string>();
  let file = '';
  let line = 0;
  for (const text of diff.split('\n')) {
    // Git ends a name that has a space with a tab.
    const [, path] = /^\+\+\+ b\/(.*?)\t?$/.exec(text) ?? [];
    const [, start] = /^@@ -\S+ \+(\d+)/.exec(text) ?? [];
    if (path !== undefined) file = path;
    else if (start !== undefined) line = Number(start);
    else if (text.startsWith('+') || text.startsWith(' ')) shown.add(`${file}:${line++}`);
  }
  return shown;
}

/** Whose signature it is, it does not look at. */
function isApp(authorization = ''): boolean {
  return /^bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(authorization);
}
