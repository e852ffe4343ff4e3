import { ApplicationFailure } from '@temporalio/common';
import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { databaseFaults } from './database-faults.ts';

/** What an activity fails with that has thrown an error. */
async function failureOf(error: Error): Promise<unknown> {
  const { inbound } = databaseFaults();
  const execute = inbound?.execute?.bind(inbound);
  return execute?.({ args: [], headers: {} }, () => Promise.reject(error)).catch(
    (failure: unknown) => failure,
  );
}

describe('an activity whose database is away', () => {
  it('fails as unavailable, to be tried again, without the statement and its values', async () => {
    const cause = Object.assign(new Error('terminating connection'), { code: '57P01' });
    const failure = await failureOf(new DrizzleQueryError('insert $1', ['secret'], cause));
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({
      type: 'Unavailable',
      nonRetryable: false,
      message: 'the database can not be had: terminating connection',
    });
  });

  it('fails as it did when that is not the reason', async () => {
    const bug = new TypeError('undefined is not a function');
    expect(await failureOf(bug)).toBe(bug);
  });
});
