/** What no configuration loosens: a change that breaks a law is merged only when a person says so. */
import { z } from 'zod';
import { Sha } from './names.ts';

export const Law = z.enum([
  /** A secret in any commit that would be pushed. */
  'secret',
  /** Checks or tests that are weakened, skipped or deleted. */
  'weakened-checks',
]);
export type Law = z.infer<typeof Law>;

export const Breach = z.object({
  law: Law,
  /** Of a secret the commit that has brought it, otherwise the head. */
  sha: Sha,
  file: z.string(),
  line: z.int().optional(),
  /** Never has the secret in it. */
  message: z.string(),
});
export type Breach = z.infer<typeof Breach>;

/** A breach that a person has let through. It counts for that commit. */
export const LiftedBreach = Breach.extend({
  by: z.string(),
  /** In milliseconds since 1970. */
  at: z.number(),
});
export type LiftedBreach = z.infer<typeof LiftedBreach>;

/** Names the question whether a breach is let through. Who answers it needs the authority of a go-ahead. */
export function lawQuestion(count: number): string {
  return `law-${count}`;
}

export function isLawQuestion(id: string): boolean {
  return /^law-\d+$/.test(id);
}
