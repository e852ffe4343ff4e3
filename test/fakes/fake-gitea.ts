/** A Gitea as its API is seen from outside. */
import { z } from 'zod';
import type { AtEnd } from '../support/temporary.ts';
import { loginOf, startFakeForge, type FakeForge, type Flavour } from './fake-forge.ts';

export function startFakeGitea(atEnd: AtEnd): Promise<FakeForge> {
  return startFakeForge(atEnd, gitea);
}

const gitea: Flavour = {
  api: '/api/v1',
  tooManyRequests: 'slow down',

  page(context, items) {
    const number = Number(context.req.query('page') ?? 1);
    const limit = Number(context.req.query('limit') ?? 50);
    context.header('x-total-count', String(items.length));
    return items.slice((number - 1) * limit, number * limit);
  },

  exists: (context, what) => context.json({ message: what }, 409),

  showPull({ pull, ...rest }) {
    return {
      ...rest,
      merged: typeof pull?.mergeSha === 'string',
      merge_commit_sha: pull?.mergeSha,
      head: { label: pull?.head, sha: pull?.lastHead },
      base: { ref: pull?.base },
    };
  },

  showMilestone: ({ number: id, ...rest }) => ({ id, ...rest }),

  reviewComment: z
    .object({ path: z.string(), new_position: z.int(), body: z.string() })
    .transform(({ new_position: line, ...rest }) => ({ line, ...rest })),

  define(repo, _app, { at, issueAt, head, git, isChecking, squash }) {
    repo.get('/branches/:branch{.+}', (context) => {
      const id = head(at(context), context.req.param('branch'));
      if (id === undefined) return context.json({ message: 'not found' }, 404);
      const protection = { protected: false, required_approvals: 0, enable_status_check: false };
      return context.json({ commit: { id }, ...protection, status_check_contexts: null });
    });

    repo.get('/pulls/:number/reviews/:id/comments', (context) => {
      const review = Number(context.req.param('id'));
      const found = at(context).reviewComments.filter((one) => one.review === review);
      return context.json(found.map(({ line: position, ...rest }) => ({ ...rest, position })));
    });
    repo.post('/pulls/comments/:id/:what{resolve|unresolve}', (context) => {
      const { id, what } = context.req.param();
      const comment = at(context).reviewComments.find((one) => one.id === Number(id));
      if (!comment) return context.json({ message: 'not found' }, 404);
      comment.resolver = what === 'resolve' ? { login: loginOf(context) } : null;
      return context.body(null, 204);
    });

    repo.get('/issues', (context) => {
      const words = context.req.query('q') ?? '';
      const found = at(context).issues.filter(
        (one) => !one.pull && `${one.title}\n${one.body}`.includes(words),
      );
      return context.json(gitea.page(context, found.reverse()));
    });

    repo.post('/pulls/:number/merge', async (context) => {
      const Asked = z.object({
        head_commit_id: z.string(),
        MergeTitleField: z.string(),
        MergeMessageField: z.string(),
      });
      const asked = Asked.parse(await context.req.json());
      const issue = issueAt(context);
      if (!issue?.pull) return context.json({ message: 'not found' }, 404);
      if (issue.pull.mergeSha !== null) return context.json({ message: 'The PR is already merged' }, 405);
      if (issue.state === 'closed') return context.json({ message: 'not found' }, 404);
      if (isChecking()) return context.json({ message: 'Please try again later' }, 405);
      const message = `${asked.MergeTitleField}\n\n${asked.MergeMessageField}`;
      const made = squash(at(context), issue, { sha: asked.head_commit_id, message });
      if (made === 'head-moved') return context.json({ message: 'head out of date' }, 409);
      if (made === 'conflict') return context.json({ message: 'Please try again later' }, 405);
      return context.body(null, 200);
    });
    repo.get('/git/commits/:sha', (context) => {
      const { text } = git(at(context), 'show', '-s', '--format=%B', context.req.param('sha'));
      return context.json({ commit: { message: text } });
    });

    repo.get('/commits/:sha/status', (context) => {
      const all = at(context).statuses.filter(({ sha }) => sha === context.req.param('sha'));
      const newest = [...new Map(all.map((one) => [one.context, one])).values()];
      const statuses = gitea.page(context, newest).map(({ state: status, ...rest }) => ({ status, ...rest }));
      return context.json({ state: 'pending', statuses: statuses.length === 0 ? null : statuses });
    });

    repo.get('/tags/:tag', (context) => {
      const { ok, text } = git(
        at(context),
        ...['rev-parse', '--verify', '--quiet', `refs/tags/${context.req.param('tag')}^{commit}`],
      );
      return ok ? context.json({ commit: { sha: text } }) : context.json({ message: 'not found' }, 404);
    });
    repo.post('/tags', async (context) => {
      const asked = z.object({ tag_name: z.string(), target: z.string() }).parse(await context.req.json());
      const { tag_name: name, target } = asked;
      const isThere = git(at(context), 'rev-parse', '--verify', '--quiet', `refs/tags/${name}`).ok;
      if (isThere) return gitea.exists(context, 'tag exists');
      git(at(context), 'update-ref', `refs/tags/${name}`, target);
      return context.json({ commit: { sha: target } }, 201);
    });
  },
};
