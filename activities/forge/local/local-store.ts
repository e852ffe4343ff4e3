import { and, eq, gt, ne, sql } from 'drizzle-orm';
import type { Queries } from '../../../schema/db/database.ts';
import { storable } from '../../../schema/db/storable.ts';
import {
  forgeIssues,
  forgeNumbers,
  forgePullRequests,
  forgeReviews,
  forgeStatuses,
} from '../../../schema/db/tables.ts';
import type { CiContext } from '../../../schema/contracts/ci.ts';
import type { Review } from '../../../schema/contracts/review.ts';
import type { ComposedReview } from '../compose-review.ts';
import type { Issue, PullRequest } from '../forge.ts';

type PullRequestRow = typeof forgePullRequests.$inferSelect;

/** Issues, pull requests and reviews of the local forge. Unique indexes make each of them once. */
export class LocalStore {
  readonly #queries: Queries;
  readonly #tenantId: string;

  constructor(deps: { queries: Queries; tenant: string }) {
    this.#queries = deps.queries;
    this.#tenantId = deps.tenant;
  }

  async findOrCreateIssue(of: {
    repositoryId: string;
    marker: string;
    title: string;
    body: string;
  }): Promise<Issue> {
    const { repositoryId, marker } = of;
    return this.#queries.transaction(async (tx) => {
      const byMarker = and(eq(forgeIssues.repositoryId, repositoryId), eq(forgeIssues.marker, marker));
      const last = await lockNumbers(tx, repositoryId);
      const [standing] = await tx.select().from(forgeIssues).where(byMarker);
      if (standing) return standing;
      const number = await takeNumber(tx, { repositoryId, number: last + 1 });
      const row = storable({ ...of, tenantId: this.#tenantId, number });
      await tx.insert(forgeIssues).values(row);
      return { number, state: 'open' };
    });
  }

  async closeIssue(of: { repositoryId: string; number: number; comment: string }): Promise<void> {
    await this.#queries
      .update(forgeIssues)
      .set({ state: 'closed', comment: storable(of.comment), closedAt: sql`now()` })
      .where(
        and(
          eq(forgeIssues.repositoryId, of.repositoryId),
          eq(forgeIssues.number, of.number),
          eq(forgeIssues.state, 'open'),
        ),
      );
  }

  async findOrOpenPullRequest(of: {
    repositoryId: string;
    branch: string;
    base: string;
    title: string;
    body: string;
    after?: number | undefined;
  }): Promise<PullRequest> {
    const { after = 0, ...asked } = of;
    const { repositoryId, branch } = asked;
    return this.#queries.transaction(async (tx) => {
      const last = await lockNumbers(tx, repositoryId);
      const standing = await findPullRequest(tx, { repositoryId, branch, after });
      if (standing) return standing;
      const number = await takeNumber(tx, { repositoryId, number: last + 1 });
      const [opened] = await tx
        .insert(forgePullRequests)
        .values(storable({ ...asked, tenantId: this.#tenantId, number }))
        .returning();
      if (!opened) throw new Error(`pull request ${number} was not answered`);
      return opened;
    });
  }

  findPullRequest(of: { repositoryId: string; branch: string }): Promise<PullRequest | undefined> {
    return findPullRequest(this.#queries, of);
  }

  async readPullRequest(of: { repositoryId: string; number: number }): Promise<PullRequestRow | undefined> {
    const [row] = await this.#queries.select().from(forgePullRequests).where(isPullRequest(of));
    return row;
  }

  async markMerged(of: {
    repositoryId: string;
    number: number;
    headSha: string;
    mergeSha: string;
  }): Promise<void> {
    await this.#queries
      .update(forgePullRequests)
      .set({ state: 'merged', headSha: of.headSha, mergeSha: of.mergeSha, mergedAt: sql`now()` })
      .where(and(isPullRequest(of), eq(forgePullRequests.state, 'open')));
  }

  async updatePullRequest(of: {
    repositoryId: string;
    number: number;
    title: string;
    body: string;
  }): Promise<void> {
    const { title, body } = storable(of);
    await this.#queries.update(forgePullRequests).set({ title, body }).where(isPullRequest(of));
  }

  async closePullRequest(of: { repositoryId: string; number: number }): Promise<void> {
    await this.#queries
      .update(forgePullRequests)
      .set({ state: 'closed' })
      .where(and(isPullRequest(of), eq(forgePullRequests.state, 'open')));
  }

  /** What an engine has said of a pull request at other heads, the oldest first. */
  async readReviews(of: {
    repositoryId: string;
    pullRequest: number;
    author: string;
    except: string;
  }): Promise<Pick<typeof forgeReviews.$inferSelect, 'body' | 'comments'>[]> {
    return this.#queries
      .select({ body: forgeReviews.body, comments: forgeReviews.comments })
      .from(forgeReviews)
      .where(
        and(
          eq(forgeReviews.repositoryId, of.repositoryId),
          eq(forgeReviews.pullRequest, of.pullRequest),
          eq(forgeReviews.author, of.author),
          ne(forgeReviews.sha, of.except),
        ),
      )
      .orderBy(forgeReviews.createdAt);
  }

  async postReview(
    of: { repositoryId: string; pullRequest: number; review: Review } & ComposedReview,
  ): Promise<void> {
    const { review, body, comments } = storable(of);
    const { engine, sha, verdict } = review;
    await this.#queries
      .insert(forgeReviews)
      .values({
        tenantId: this.#tenantId,
        repositoryId: of.repositoryId,
        pullRequest: of.pullRequest,
        author: engine,
        sha,
        verdict,
        body,
        comments,
      })
      // A reviewer that has read the same head again has another word.
      .onConflictDoUpdate({
        target: [forgeReviews.repositoryId, forgeReviews.pullRequest, forgeReviews.author, forgeReviews.sha],
        set: { verdict, body, comments },
      });
  }

  /** Sets the status of each context of a commit; the newest word on a context stands. */
  async postStatuses(of: { repositoryId: string; sha: string; contexts: CiContext[] }): Promise<void> {
    for (const { name, state, excerpt = null } of storable(of.contexts)) {
      const { repositoryId, sha } = of;
      await this.#queries
        .insert(forgeStatuses)
        .values({ tenantId: this.#tenantId, repositoryId, sha, context: name, state, excerpt })
        .onConflictDoUpdate({
          target: [forgeStatuses.repositoryId, forgeStatuses.sha, forgeStatuses.context],
          set: { state, excerpt, updatedAt: sql`now()` },
        });
    }
  }

  async readStatuses(of: { repositoryId: string; sha: string }): Promise<CiContext[]> {
    const rows = await this.#queries
      .select()
      .from(forgeStatuses)
      .where(and(eq(forgeStatuses.repositoryId, of.repositoryId), eq(forgeStatuses.sha, of.sha)))
      .orderBy(forgeStatuses.context);
    return rows.map(({ context, state, excerpt }) => ({
      name: context,
      state,
      ...(excerpt === null ? {} : { excerpt }),
    }));
  }
}

async function findPullRequest(
  queries: Pick<Queries, 'select'>,
  of: { repositoryId: string; branch: string; after?: number },
): Promise<PullRequestRow | undefined> {
  const { repositoryId, branch, after = 0 } = of;
  const [found] = await queries
    .select()
    .from(forgePullRequests)
    .where(
      and(
        eq(forgePullRequests.repositoryId, repositoryId),
        eq(forgePullRequests.branch, branch),
        ne(forgePullRequests.state, 'closed'),
        gt(forgePullRequests.number, after),
      ),
    );
  return found;
}

function isPullRequest(of: { repositoryId: string; number: number }) {
  return and(eq(forgePullRequests.repositoryId, of.repositoryId), eq(forgePullRequests.number, of.number));
}

/**
 * The last number of a repository. Its row is also the lock that puts makers in line, before they look: the second
 * maker of one thing sees what the first has made.
 */
async function lockNumbers(tx: Queries, repositoryId: string): Promise<number> {
  await tx.insert(forgeNumbers).values({ repositoryId, last: 0 }).onConflictDoNothing();
  const [row] = await tx
    .select()
    .from(forgeNumbers)
    .where(eq(forgeNumbers.repositoryId, repositoryId))
    .for('update');
  if (!row) throw new Error(`the counter of ${repositoryId} vanished between two statements`);
  return row.last;
}

async function takeNumber(tx: Queries, of: { repositoryId: string; number: number }): Promise<number> {
  const { repositoryId, number } = of;
  await tx.update(forgeNumbers).set({ last: number }).where(eq(forgeNumbers.repositoryId, repositoryId));
  return number;
}
