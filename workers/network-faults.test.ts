import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { stillWaiting, unavailable } from '../activities/failures.ts';
import { createNetworkFaults } from './network-faults.ts';

const networkFaults = createNetworkFaults();

/** What an attempt at an activity ends with; each activity has a number of its own. */
async function attempt(activityType: string, activityId: string, error: Error): Promise<unknown> {
  const { context } = new MockActivityEnvironment({ activityType, activityId });
  const { inbound } = networkFaults(context);
  const execute = inbound?.execute?.bind(inbound);
  return execute?.({ args: [], headers: {} }, () => Promise.reject(error)).catch(
    (failure: unknown) => failure,
  );
}

const away = unavailable('git fetch origin ended with 128: no route to host');

/** How long it is until the next attempt, of each that fails in a row; at last none is made. */
async function pauses(activityType: string, activityId: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (;;) {
    const failure = await attempt(activityType, activityId, away);
    if (!(failure instanceof ApplicationFailure)) throw failure;
    expect(failure).toMatchObject({ type: 'Unavailable', message: away.message });
    if (failure.nonRetryable === true) return found;
    found.push(failure.nextRetryDelay);
  }
}

it('asks a network four times more for a session, 2, 4, 8 and 16 s later, and then is a person’s', async () => {
  for (const name of ['runSession', 'verifyDelivery', 'verifyMilestone', 'review']) {
    expect(await pauses(name, name)).toEqual([2_000, 4_000, 8_000, 16_000]);
  }
  // Whoever tries again has as many.
  expect(await pauses('review', 'review')).toHaveLength(4);
});

it('waits for a CI that is away for an hour', async () => {
  const found = await pauses('awaitCi', '1');
  expect(found.slice(0, 6)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(found).toHaveLength(120);
});

it('counts what is in a row: a look that was too early, or a worker that is up again, ends it', async () => {
  for (let round = 0; round < 10; round++) {
    expect(await attempt('awaitCi', '2', away)).toMatchObject({ nextRetryDelay: 2_000 });
    const pending = stillWaiting('CiPending', 'ci/test is pending');
    expect(await attempt('awaitCi', '2', pending)).toBe(pending);
  }
});

it('leaves a time that the other side has named, and what others are called with', async () => {
  const limited = unavailable('too many requests', { retryAfterMs: 600_000 });
  expect(await attempt('review', '3', limited)).toBe(limited);
  for (let times = 0; times < 10; times++) expect(await attempt('merge', '4', away)).toBe(away);
});
