import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { DatabaseUnavailable, whyUnavailable } from './unavailable.ts';

function failed(code: string, message: string): DrizzleQueryError {
  return new DrizzleQueryError('select $1', ['secret'], Object.assign(new Error(message), { code }));
}

describe('an error of the database', () => {
  it.each([
    {
      name: 'a server that stops',
      error: failed('57P01', 'terminating connection'),
      says: 'terminating connection',
    },
    { name: 'a server that is not there', error: failed('ECONNREFUSED', 'connect'), says: 'connect' },
    {
      name: 'a statement that took too long',
      error: failed('57014', 'statement timeout'),
      says: 'statement timeout',
    },
    { name: 'too many connections', error: failed('53300', 'too many clients'), says: 'too many clients' },
    {
      name: 'a driver that waited in vain',
      error: failed('', 'Query read timeout'),
      says: 'Query read timeout',
    },
    { name: 'a connection that was not had', error: new DatabaseUnavailable('none'), says: 'none' },
  ])('means that it is unavailable: $name', ({ error, says }) => {
    expect(whyUnavailable(error)).toBe(says);
  });

  it.each([
    { name: 'a row that is there already', error: failed('23505', 'duplicate key') },
    { name: 'a table that is not there', error: failed('42P01', 'relation does not exist') },
    { name: 'another program’s broken pipe', error: Object.assign(new Error('write'), { code: 'EPIPE' }) },
  ])('means something else: $name', ({ error }) => {
    expect(whyUnavailable(error)).toBeUndefined();
  });
});
