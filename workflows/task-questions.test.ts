import { describe, expect, it } from 'vitest';
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

describe('the questions of a task', () => {
  it('are open once, however often they are told', () => {
    const questions = new TaskQuestions([]);
    expect(questions.hear(asked)).toEqual(asked);
    expect(questions.hear(asked)).toBeUndefined();
    expect(questions.open).toEqual([question]);
  });

  it('take one answer, of those that are offered', () => {
    const questions = new TaskQuestions([]);
    questions.hear(asked);
    expect(questions.fault({ ...answer, question: 'author-9-9' })).toContain('open is author-1-1');
    expect(questions.fault({ ...answer, option: 'maybe' })).toBe('author-1-1 can be answered with yes');
    expect(questions.fault(answer)).toBeUndefined();
    questions.answer(answer);
    expect(questions.open).toEqual([]);
    expect(questions.fault({ ...answer, by: 'other' })).toBe('author-1-1 was answered already: yes by lead');
    expect(questions.hear(asked)).toBeUndefined();
  });

  it('are open again where the answer did not reach the session', () => {
    const questions = new TaskQuestions([]);
    questions.hear(asked);
    questions.answer(answer);
    questions.reopen(question.id);
    expect(questions.fault(answer)).toBeUndefined();
  });

  it('are over when their agent takes them back, and when its session has ended', () => {
    const sessions: SessionSummary[] = [];
    const questions = new TaskQuestions(sessions);
    questions.hear(asked);
    expect(questions.hear({ kind: 'over', id: question.id })).toEqual({ kind: 'over', id: question.id });
    expect(questions.fault(answer)).toContain('waits for no answer any more');
    questions.hear({ kind: 'asked', question: { ...question, id: 'author-1-2' } });
    sessions.push(ended());
    expect(questions.open).toEqual([]);
    expect(questions.fault({ ...answer, question: 'author-1-2' })).toContain('its session has ended');
    expect(questions.hear({ kind: 'asked', question: { ...question, id: 'author-1-3' } })).toBeUndefined();
  });

  it('are none where what is told is no question', () => {
    expect(new TaskQuestions([]).hear({ kind: 'asked' })).toBe('malformed');
  });
});
