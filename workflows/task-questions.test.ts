import { describe, expect, it } from 'vitest';
import type { QuestionPolicy } from '../schema/contracts/question.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import { TaskQuestions } from './task-questions.ts';

const question = {
  id: 'author-1-1',
  session: 'm.A.author.1',
  title: 'Run it',
  detail: null,
  options: [{ id: 'yes', name: 'Yes' }],
  at: 0,
};
const asked = { kind: 'asked', question };
const answer = { question: 'author-1-1', option: 'yes', by: 'lead' };

function ended(): SessionSummary {
  return {
    id: question.session,
    role: 'author',
    runtime: 'acp:stub',
    host: 'local',
    end: 'exited',
    exitCode: 0,
    startedAt: 0,
    endedAt: 1,
  };
}

/** Asked at 0; what is over without an answer was so at 9. */
function questionsOf(of: { sessions?: SessionSummary[]; policy?: QuestionPolicy } = {}): TaskQuestions {
  const { sessions = [], policy } = of;
  return new TaskQuestions({ view: { sessions, blocked: null, reason: null }, policy, now: () => 9 });
}

describe('the questions of a task', () => {
  it('are open once, however often they are told', () => {
    const questions = questionsOf();
    expect(questions.hear(asked)).toEqual(asked);
    expect(questions.hear(asked)).toBeUndefined();
    expect(questions.open).toEqual([question]);
  });

  it('take one answer, of those that are offered', () => {
    const questions = questionsOf();
    questions.hear(asked);
    expect(questions.fault({ ...answer, question: 'author-9-9' })).toContain('open is author-1-1');
    expect(questions.fault({ ...answer, option: 'maybe' })).toBe('author-1-1 can be answered with yes');
    expect(questions.fault(answer)).toBeUndefined();
    questions.answer({ ...answer, at: 0, expired: false });
    expect(questions.open).toEqual([]);
    expect(questions.fault({ ...answer, by: 'other' })).toBe(
      'author-1-1 was answered already: yes by lead at 1970-01-01T00:00:00.000Z; it asked: Run it',
    );
    expect(questions.hear(asked)).toBeUndefined();
  });

  it('are open again where the answer did not reach the session', () => {
    const questions = questionsOf();
    questions.hear(asked);
    questions.answer({ ...answer, at: 0, expired: false });
    questions.reopen(question.id);
    expect(questions.fault(answer)).toBeUndefined();
  });

  it('are over when their agent takes them back, and when its session has ended', () => {
    const sessions: SessionSummary[] = [];
    const questions = questionsOf({ sessions });
    questions.hear(asked);
    expect(questions.hear({ kind: 'over', id: question.id })).toEqual({ kind: 'over', id: question.id });
    expect(questions.fault(answer)).toBe(
      'author-1-1 is over since 1970-01-01T00:00:00.009Z, without an answer; it asked: Run it',
    );
    questions.hear({ kind: 'asked', question: { ...question, id: 'author-1-2' } });
    sessions.push(ended());
    expect(questions.open).toEqual([]);
    expect(questions.fault({ ...answer, question: 'author-1-2' })).toBe(
      'author-1-2 is over since 1970-01-01T00:00:00.001Z, without an answer; it asked: Run it',
    );
    expect(questions.hear({ kind: 'asked', question: { ...question, id: 'author-1-3' } })).toBeUndefined();
  });

  it('of the engine are one for each id, and open until they are answered or taken back', () => {
    const questions = questionsOf();
    const own = { ...question, id: 'law-1', session: null, kind: 'law' as const };
    expect(questions.ask(own)).toEqual(own);
    expect(questions.ask({ ...own, at: 5 })).toBeUndefined();
    expect(questions.open).toEqual([own]);
    questions.takeBack('law-1');
    expect(questions.fault({ ...answer, question: 'law-1' })).toBe(
      'law-1 is over since 1970-01-01T00:00:00.009Z, without an answer; it asked: Run it',
    );
    expect(questions.ask(own)).toEqual(own);
    const answered = { option: 'yes', by: 'lead', at: 7, expired: false };
    questions.answer({ question: 'law-1', ...answered });
    questions.takeBack('law-1');
    expect(questions.answerTo('law-1')).toEqual(answered);
    expect(questions.ask(own)).toBeUndefined();
  });

  it('are over with their task, and what is told after its end is asked of nobody', () => {
    const questions = questionsOf();
    questions.hear(asked);
    questions.end();
    expect(questions.open).toEqual([]);
    expect(questions.fault(answer)).toContain('author-1-1 is over since');
    questions.reopen(question.id);
    expect(questions.hear({ kind: 'asked', question: { ...question, id: 'author-1-2' } })).toBeUndefined();
    expect(questions.open).toEqual([]);
  });

  it('say what the policy has taken to whoever answers after they have expired', () => {
    const policy = { expireSeconds: 60, default: { permission: 'yes' } };
    const questions = questionsOf({ policy });
    expect(questions.hear(asked)).toEqual({
      kind: 'asked',
      question: { ...question, expiresAt: 60_009, default: 'yes' },
    });
    questions.answer({ ...answer, by: 'policy', at: 60_000, expired: true });
    expect(questions.fault(answer)).toBe(
      'author-1-1 has expired at 1970-01-01T00:01:00.000Z: yes was taken by policy; it asked: Run it',
    );
  });

  it('are told in the order in which they were over, the newest 20 and shortened', () => {
    const questions = questionsOf();
    for (let n = 1; n <= 30; n++)
      questions.ask({ ...question, id: `law-${n}`, session: null, title: 'x'.repeat(400) });
    questions.answer({ ...answer, question: 'law-30', at: 4, expired: false });
    for (let n = 1; n < 30; n++)
      questions.answer({ ...answer, question: `law-${n}`, at: 4 + n, expired: false });
    expect(questions.past.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, n) => `law-${n + 10}`));
    expect(questions.past[0]).toEqual({
      id: 'law-10',
      title: `${'x'.repeat(300)}…`,
      answer: { option: 'yes', by: 'lead', expired: false },
      at: 14,
    });
  });

  it('are none where what is told is no question', () => {
    expect(questionsOf().hear({ kind: 'asked' })).toBe('malformed');
  });
});
