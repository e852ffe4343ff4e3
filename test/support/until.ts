import { vi } from 'vitest';

/** Waits until a condition holds; what it throws or answers last is the failure. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`it did not come true: ${condition.toString()}`);
    },
    { timeout: 60_000, interval: 25 },
  );
}
