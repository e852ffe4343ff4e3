/** What GitHub's GraphQL API knows of the threads of reviews: exactly what the driver asks of it, and no more. */
import { z } from 'zod';
import { loginOf, type FakeRepository, type FakeReviewComment, type Routes } from './fake-forge.ts';

export interface ThreadFaults {
  /** Types of errors that calls to come are answered with, by the body alone; `none` is let in, `404` is no page. */
  threadErrors: string[];
  threadsPerPage: number;
}

const Asked = z.object({ query: z.string(), variables: z.unknown() });
const List = z.object({
  owner: z.string(),
  name: z.string(),
  number: z.int(),
  after: z.string().nullable(),
});
const Change = z.object({ thread: z.string() });

export function nodeOf({ id }: Pick<FakeReviewComment, 'id'>): string {
  return `PRRC_${id}`;
}

export function defineThreads(
  site: Routes,
  of: { repositoryAt: (name: string) => FakeRepository; extrasOf: (name: string) => ThreadFaults },
): void {
  site.post('/api/graphql', async (context) => {
    const { query, variables } = Asked.parse(await context.req.json());
    const [, change] = /^mutation.*\b(resolve|unresolve)ReviewThread\(/.exec(query) ?? [];
    const list = change === undefined ? List.parse(variables) : undefined;
    const thread = list ? '' : Change.parse(variables).thread;
    const [, its = ''] = /^PRRT_(.*)#/.exec(thread) ?? [];
    const repository = of.repositoryAt(list ? `${list.owner}/${list.name}` : its);
    const faults = of.extrasOf(repository.name);
    const type = faults.threadErrors.shift();
    if (type === '404') return context.json({ message: 'Not Found' }, 404);
    if (type !== undefined && type !== 'none')
      return context.json({ data: null, errors: [{ type, message: type }] });
    if (list)
      return context.json({ data: { repository: { pullRequest: threads(repository, list, faults) } } });
    const comment = repository.reviewComments.find((one) => threadOf(repository, one) === thread);
    if (comment) comment.resolver = change === 'resolve' ? { login: loginOf(context) } : null;
    return context.json({ data: {} });
  });
}

function threadOf({ name }: FakeRepository, { id }: FakeReviewComment): string {
  return `PRRT_${name}#${id}`;
}

/** Each comment has a thread of its own: nobody answers here. */
function threads(repository: FakeRepository, of: z.infer<typeof List>, { threadsPerPage }: ThreadFaults) {
  const all = repository.reviewComments.filter(({ pull }) => pull === of.number);
  const end = Number(of.after ?? 0) + threadsPerPage;
  const nodes = all.slice(end - threadsPerPage, end).map((comment) => ({
    id: threadOf(repository, comment),
    isResolved: comment.resolver !== null,
    // An app is called without its ending.
    resolvedBy: comment.resolver && { login: comment.resolver.login.replace(/\[bot\]$/, '') },
    comments: { nodes: [{ id: nodeOf(comment) }] },
  }));
  return { reviewThreads: { pageInfo: { hasNextPage: end < all.length, endCursor: String(end) }, nodes } };
}
