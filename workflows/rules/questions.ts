import type { Resolution } from '../../schema/contracts/messages.ts';
import {
  blockedItem,
  describePast,
  type PastQuestion,
  type Question,
  type QuestionPolicy,
} from '../../schema/contracts/question.ts';
import type { TaskView } from '../../schema/contracts/views.ts';

/** Nobody is reminded more seldom than that, unless the policy says so, nor so often that it fills a history. */
const longestPauseSeconds = 24 * 60 * 60;

/**
 * What the policy makes of a question that is heard now: until when it is open, and what is taken then. When it was
 * asked is told by the clock of another machine, and maybe long ago: nobody could have answered it since.
 */
export function withExpiry(question: Question, policy: QuestionPolicy | undefined, now: number): Question {
  const { expireSeconds } = policy ?? {};
  const option = defaultOf(question, policy);
  if (expireSeconds === undefined || option === undefined) return question;
  return { ...question, expiresAt: now + expireSeconds * 1_000, default: option };
}

/** Nothing where the question does not offer it: agents name their options as they like. */
function defaultOf(question: Question, policy: QuestionPolicy | undefined): string | undefined {
  const { kind, options } = question;
  if (kind === 'law' || kind === 'irreversible') return undefined;
  const option = policy?.default?.[kind ?? 'permission'];
  return options.some(({ id }) => id === option) ? option : undefined;
}

/** Why an answer to a block does not count: most likely somebody was there first. */
export function blockFault(of: {
  mission: string;
  view: Pick<TaskView, 'id' | 'status' | 'blocked' | 'reason'>;
  past: readonly PastQuestion[];
  resolution: Pick<Resolution, 'action' | 'since'>;
}): string | undefined {
  const { mission, view, past, resolution } = of;
  const { id: task, status, blocked, reason } = view;
  const { action, since } = resolution;
  const answered = past.findLast(({ id }) =>
    since === undefined ? id.startsWith('blocked-') : id === blockedItem(since),
  );
  const before = answered === undefined ? '' : `; ${describePast(answered)}`;
  if (status !== 'blocked') return `${task} is not blocked: there is nothing to ${action}${before}`;
  if (since === undefined || !blocked || blocked.at === since) return undefined;
  const [late, now] = [since, blocked.at].map((at) => `${mission}.${task}.${blockedItem(at)}`);
  return `${late ?? ''} was answered; what waits now is ${now ?? ''}: ${reason ?? ''}${before}`;
}

/** How long it is until a person is reminded for the first time, the second, and so on; in seconds. */
export function pauseBeforeReminder(of: { remindSeconds: number; reminded: number }): number {
  const { remindSeconds, reminded } = of;
  return Math.max(remindSeconds, Math.min(remindSeconds * 2 ** reminded, longestPauseSeconds));
}
