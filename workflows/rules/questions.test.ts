import { describe, expect, it } from 'vitest';
import type { Question } from '../../schema/contracts/question.ts';
import { pauseBeforeReminder, withExpiry } from './questions.ts';

const question: Question = {
  id: 'budget-1',
  session: null,
  kind: 'budget',
  title: 'More?',
  detail: null,
  options: [
    { id: 'more', name: 'More' },
    { id: 'stop', name: 'Stop' },
  ],
  at: 1_000,
};

describe('a question expires', () => {
  it('to the option that the policy names for its kind, counted from when it is heard', () => {
    const policy = { expireSeconds: 60, default: { budget: 'stop' } };
    expect(withExpiry(question, policy, 5_000)).toEqual({ ...question, expiresAt: 65_000, default: 'stop' });
    const permission = { ...question, kind: undefined };
    expect(withExpiry(permission, policy, 5_000)).toEqual(permission);
    expect(withExpiry(permission, { ...policy, default: { permission: 'more' } }, 5_000)).toMatchObject({
      default: 'more',
    });
  });

  it('never without one, nor to what it does not offer', () => {
    expect(withExpiry(question, {}, 5_000)).toEqual(question);
    expect(withExpiry(question, { expireSeconds: 60 }, 5_000)).toEqual(question);
    expect(withExpiry(question, { default: { budget: 'stop' } }, 5_000)).toEqual(question);
    expect(withExpiry(question, { expireSeconds: 60, default: { budget: 'wait' } }, 5_000)).toEqual(question);
  });

  it('never where the policy has no say', () => {
    const expires = { budget: 'stop', law: 'stop', irreversible: 'stop' };
    for (const kind of ['law', 'irreversible'] as const) {
      const asked = { ...question, kind };
      expect(withExpiry(asked, { expireSeconds: 60, default: expires }, 5_000)).toEqual(asked);
    }
  });
});

it('reminders come twice as late each time, and once a day at last', () => {
  const pauses = (remindSeconds: number) =>
    [0, 1, 2, 50].map((reminded) => pauseBeforeReminder({ remindSeconds, reminded }));
  expect(pauses(3_600)).toEqual([3_600, 7_200, 14_400, 86_400]);
  expect(pauses(200_000)).toEqual([200_000, 200_000, 200_000, 200_000]);
});
