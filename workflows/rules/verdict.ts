import type { Review } from '../../schema/contracts/review.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';

/** The sessions and conversations that a change was written in: none of them reads it as a reviewer. */
export function authorsOf(sessions: readonly SessionSummary[]): string[] {
  return sessions
    .filter(({ role }) => role === 'author')
    .flatMap(({ id, agent }) => [id, agent?.conversation ?? id]);
}

/** The session or conversation of a change's authors that somebody has worked in who is to be none of them. */
export function authorOf(
  { id, agent }: Pick<SessionSummary, 'id' | 'agent'>,
  authors: readonly string[] = [],
): string | undefined {
  return [id, agent?.conversation ?? id].find((one) => authors.includes(one));
}

/** Why a verdict counts for nothing: it is for another head, or given by who wrote the change. */
export function verdictFault(of: {
  review: Review;
  session: SessionSummary;
  asked: { engine: string; headSha: string; authors?: readonly string[] };
}): string | undefined {
  const { review, session, asked } = of;
  const { engine, headSha, authors } = asked;
  if (review.engine !== engine) return `${review.engine} has answered for ${engine}`;
  if (review.sha !== headSha) return `${engine} has read ${review.sha}, not ${headSha}`;
  const own = authorOf(session, authors);
  return own === undefined ? undefined : `${engine} has read it in ${own}, where the change was written`;
}
