import { describe, expect, it } from 'vitest';
import type { Review } from '../../schema/contracts/review.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import { authorsOf, verdictFault } from './verdict.ts';

const headSha = 'a'.repeat(40);
const review: Review = { engine: 'claude', sha: headSha, verdict: 'approve', summary: 'good', findings: [] };

function session(id: string, role: string, conversation?: string | null): SessionSummary {
  const usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsd: null };
  const agent = { outcome: 'done' as const, message: '', usage, retryAt: null };
  return {
    ...{ id, role, runtime: 'claude', host: 'h1', end: 'exited', exitCode: 0, startedAt: 0, endedAt: 1 },
    ...(conversation === undefined ? {} : { agent: { ...agent, conversation } }),
  };
}

const sessions = [
  session('m.T.author.1', 'author', 'c1'),
  session('m.T.author.2', 'author', null),
  session('m.T.author.3', 'author'),
  session('m.T.review-codex.1', 'review-codex', 'c9'),
];
const asked = { engine: 'claude', headSha, authors: authorsOf(sessions) };

describe('a verdict counts for nothing', () => {
  it.each<{ name: string; of: Partial<Parameters<typeof verdictFault>[0]>; says: string }>([
    {
      name: 'of the author’s session',
      of: { session: session('m.T.author.2', 'author') },
      says: 'm.T.author.2',
    },
    {
      name: 'of the author’s conversation under another session',
      of: { session: session('m.T.review-claude.1', 'review-claude', 'c1') },
      says: 'has read it in c1, where the change was written',
    },
    {
      name: 'of an older head',
      of: { review: { ...review, sha: 'b'.repeat(40) } },
      says: `has read ${'b'.repeat(40)}, not ${headSha}`,
    },
    {
      name: 'of another engine',
      of: { review: { ...review, engine: 'codex' } },
      says: 'has answered for claude',
    },
  ])('that is $name', ({ of, says }) => {
    const own = session('m.T.review-claude.1', 'review-claude', 'c2');
    expect(verdictFault({ review, session: own, asked, ...of })).toContain(says);
  });
});

it.each([undefined, null, 'c2', 'c9'])(
  'a verdict of a reviewer’s own conversation counts: %s',
  (conversation) => {
    const own = session('m.T.review-claude.1', 'review-claude', conversation);
    expect(verdictFault({ review, session: own, asked })).toBeUndefined();
  },
);
