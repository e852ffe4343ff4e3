/** What GitHub's GraphQL API knows of the threads of reviews: exactly what the driver asks of it, and no more. */
import { z } from 'zod';
import { loginOf, type FakeRepository, type FakeReviewComment, type Routes } from './fake-forge.ts';

export interface ThreadFaults {
  /**
   * How calls to come are answered: with a type of error, which is told in the body alone, with the status `404` and
   * nothing done, with `502` though it is done, or, as `none`, as they should be.
   */
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
    const error = faults.threadErrors.shift() ?? 'none';
    if (error === '404') return context.json({ message: 'Not Found' }, 404);
    if (!['none', '502'].includes(error)) return context.json({ data: null, errors: [{ type: error }] });
    const comment = repository.reviewComments.find((one) => threadOf(repository, one) === thread);
    if (comment) comment.resolver = change === 'resolve' ? { login: loginOf(context) } : null;
    if (error === '502') return context.json({ message: 'down' }, 502);
    const data = list && { repository: { pullRequest: threads(repository, list, faults) } };
    return context.json({ data: data ?? {} });
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
