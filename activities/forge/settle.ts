import { setTimeout as sleep } from 'node:timers/promises';
import { isOutcomeUnknown } from '../failures.ts';

/**
 * How long an effect whose answer was lost is looked for: its request may still be on its way. Seen: Gitea opens a pull
 * request in 0.8 s and merges in 1.2 s. What comes later is found by the next attempt, which looks first.
 */
const lookForMs = 5_000;
const lookAgainMs = 250;

/** Looks before it acts; and when the answer is lost, looks again in place of acting again. */
export async function lookThenAct<Found>(of: {
  look: () => Promise<Found | undefined>;
  act: () => Promise<Found>;
}): Promise<Found> {
  return (await of.look()) ?? actThenLook(of);
}

/** The same for who has looked. */
export async function actThenLook<Found>(of: {
  look: () => Promise<Found | undefined>;
  act: () => Promise<Found>;
}): Promise<Found> {
  const { look, act } = of;
  try {
    return await act();
  } catch (error) {
    if (!isOutcomeUnknown(error)) throw error;
    const found = await lookForAWhile(look);
    if (found === undefined) throw error;
    return found;
  }
}

/** Looks until there is something, for as long as an earlier request may still be on its way. */
export async function lookForAWhile<Found>(
  look: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const deadline = Date.now() + lookForMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || Date.now() > deadline) return found;
    await sleep(lookAgainMs);
  }
}
