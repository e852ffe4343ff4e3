/** What was started, to be stopped in reverse. */
export class Closers {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.unshift(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }
}

/** Starts something of several parts; when that fails half way, what stands already is stopped again. */
export async function startOrClose<T>(start: (closers: Closers) => Promise<T>): Promise<T> {
  const closers = new Closers();
  try {
    return await start(closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}
