/** The threads of reviews: whether one is settled, GitHub tells by its GraphQL API alone, and settles it by that. */
import { z } from 'zod';
import { unavailable } from '../../failures.ts';
import type { RepositoryAccess } from '../rest/access.ts';
import type { ForgeReviewComment } from '../rest/dialect.ts';
import { graphqlPath } from './client.ts';

type Thread = Pick<ForgeReviewComment, 'thread' | 'resolvedBy'>;

/** A review has 30 comments at most: what is on no page of these is only told. */
const mostPages = 20;

const threadsOfPullRequest = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved resolvedBy { login } comments(first: 1) { nodes { id } } }
      }
    }
  }
}`;

const GithubThreads = z
  .object({
    repository: z.object({
      pullRequest: z.object({
        reviewThreads: z.object({
          pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
          nodes: z.array(
            z.object({
              id: z.string(),
              isResolved: z.boolean(),
              /** Null for an account that is gone. */
              resolvedBy: z.object({ login: z.string() }).nullable(),
              comments: z.object({ nodes: z.array(z.object({ id: z.string() })) }),
            }),
          ),
        }),
      }),
    }),
  })
  .transform(({ repository }) => repository.pullRequest.reviewThreads);

const Said = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ type: z.string().nullish() })).nullish(),
});

/** By the id that both APIs have for the comment that began it. Empty where an account may not ask. */
export async function threadsOf(
  there: RepositoryAccess,
  pullRequest: number,
): Promise<ReadonlyMap<string, Thread>> {
  const { owner, name } = there;
  const login = await there.login();
  const threads = new Map<string, Thread>();
  let after: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const variables = { owner, name, number: pullRequest, after };
    const found = GithubThreads.safeParse(await ask(there, { query: threadsOfPullRequest, variables }));
    if (!found.success) break;
    for (const { id, isResolved, resolvedBy, comments } of found.data.nodes) {
      const [first] = comments.nodes;
      // An app's own name has no ending here.
      const told = resolvedBy?.login ?? '';
      const by = `${told}[bot]` === login ? login : told;
      if (first) threads.set(first.id, { thread: id, resolvedBy: isResolved ? by : null });
    }
    const { hasNextPage, endCursor } = found.data.pageInfo;
    if (!hasNextPage) break;
    after = endCursor;
  }
  return threads;
}

export async function settleThread(
  there: RepositoryAccess,
  { thread, isSettled }: { thread: string; isSettled: boolean },
): Promise<void> {
  const change = isSettled ? 'resolveReviewThread' : 'unresolveReviewThread';
  const query = `mutation($thread: ID!) { ${change}(input: { threadId: $thread }) { thread { isResolved } } }`;
  await ask(there, { query, variables: { thread } });
}

/** Undefined for what the account may not ask, or the server does not have: people settle it then. */
async function ask(
  there: RepositoryAccess,
  body: { query: string; variables: Record<string, unknown> },
): Promise<unknown> {
  const said = await there.client.change({ method: 'POST', path: graphqlPath, body, answer: Said });
  if (said.kind === 'refused') return undefined;
  const { data, errors } = said.body;
  if (errors?.some(({ type }) => type === 'RATE_LIMITED')) {
    throw unavailable(`${there.host} has been asked too much by GraphQL`);
  }
  return data;
}
