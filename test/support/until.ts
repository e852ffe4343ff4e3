import { vi } from 'vitest';

/** Waits until a condition holds; what it throws or answers last is the failure. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`it did not come true: ${condition.toString()}`);
    },
    // Right before the limit of a test, which would not say what has not come true.
    { timeout: 110_000, interval: 25 },
  );
}
