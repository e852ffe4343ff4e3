/** What was started, to be stopped in reverse. */
export class Closers {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.unshift(close);
  }

  /** Closes all of it, also when a part fails to; then says so. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.splice(0)) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `not all was closed: ${failures.join('; ')}`);
  }
}

/** Starts something of several parts; when that fails half way, what stands already is stopped again. */
export async function startOrClose<T>(start: (closers: Closers) => Promise<T>): Promise<T> {
  const closers = new Closers();
  try {
    return await start(closers);
  } catch (error) {
    // Why it did not start matters more than what went wrong on the way back.
    await closers.close().catch(() => undefined);
    throw error;
  }
}
