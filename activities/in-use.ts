/** Who is at work on what in this process, so that nothing is cleaned up under the hands of somebody. */
export interface InUse {
  /** Waits while somebody has the key alone; any number may use it at once. */
  using<T>(key: string, action: () => Promise<T>): Promise<T>;
  /** Acts while nobody else may begin to use the key; undefined, and nothing is done, if somebody uses it. */
  alone<T>(key: string, action: () => Promise<T>): Promise<T | undefined>;
}

export function createInUse(): InUse {
  const users = new Map<string, number>();
  const loners = new Map<string, Promise<unknown>>();
  return { using, alone };

  async function using<T>(key: string, action: () => Promise<T>): Promise<T> {
    for (let loner = loners.get(key); loner; loner = loners.get(key)) await loner.catch(() => undefined);
    users.set(key, (users.get(key) ?? 0) + 1);
    try {
      return await action();
    } finally {
      const left = (users.get(key) ?? 1) - 1;
      if (left === 0) users.delete(key);
      else users.set(key, left);
    }
  }

  async function alone<T>(key: string, action: () => Promise<T>): Promise<T | undefined> {
    if (users.has(key) || loners.has(key)) return undefined;
    const acting = action();
    loners.set(key, acting);
    try {
      return await acting;
    } finally {
      loners.delete(key);
    }
  }
}
