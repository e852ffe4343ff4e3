/** Lets one caller at a time pass for each key, in order of arrival, within this process. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  async with<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(action, action);
    const tail = mine.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

/**
 * A task's turn on its host. A task that is cancelled in its push begins its clean-up at once, and the forge is tidied
 * after that: so the clean-up waits for the push, or the branch would be there again.
 */
export function taskKey({ mission, task }: { mission: string; task: string }): string {
  return `${mission}/${task}`;
}
