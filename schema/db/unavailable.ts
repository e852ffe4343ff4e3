import { DrizzleQueryError } from 'drizzle-orm';

/** The database can't be had just now. Nothing is wrong with what was asked: it may be asked again. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
}

/**
 * SQLSTATEs that pass by themselves or by an operator's hand, by class or in full: connection, authentication,
 * resources, the server's stop and start, time-outs, a standby that was not promoted yet, deadlocks.
 * From appendix A of the manual of Postgres.
 */
const passing = /^(?:08|28|53|57P|57014|55P03|25P03|25006|40001|40P01)/;

const network = /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/;

/** What the driver says of itself; it gives these errors no code. */
const driver =
  /^(?:Connection terminated|Query read timeout|timeout ex|Client (?:has|was)|Cannot use a pool)/;

/**
 * Why the database can't be had, if that is what an error means; undefined if it means anything else. The words are
 * the server's or the driver's: they name hosts and users, never passwords, and no statement with its values.
 */
export function whyUnavailable(error: unknown): string | undefined {
  if (error instanceof DatabaseUnavailable) return error.message;
  // Only below a query: a program of ours may fail with EPIPE too.
  return error instanceof DrizzleQueryError ? whyConnectionFailed(error.cause) : undefined;
}

/** The same for an error that is known to come from the driver. */
export function whyConnectionFailed(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Several addresses were tried, each with an error of its own; the whole has no words.
  if (error instanceof AggregateError) return whyConnectionFailed(error.errors[0]);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (passing.test(code) || network.test(code) || driver.test(error.message)) return error.message;
  return undefined;
}
