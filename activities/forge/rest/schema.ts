/** What all forges of this family answer, as far as it is used. */
import { z } from 'zod';

export const State = z.enum(['open', 'closed']);

/** A body that was never written is null on some. */
export const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

export const ForgeUser = z.object({ login: z.string() });
export type ForgeUser = z.infer<typeof ForgeUser>;

export const ForgeIssue = z.object({ number: z.int(), state: State, body: Text });
export type ForgeIssue = z.infer<typeof ForgeIssue>;

export const ForgeComment = z.object({ body: Text });
export type ForgeComment = z.infer<typeof ForgeComment>;

export const ForgeRelease = z.object({ id: z.int(), tag_name: z.string() });
export type ForgeRelease = z.infer<typeof ForgeRelease>;

export const ForgeRepository = z.object({
  full_name: z.string(),
  archived: z.boolean(),
  allow_squash_merge: z.boolean().optional(),
  permissions: z.object({ push: z.boolean() }).optional(),
});
export type ForgeRepository = z.infer<typeof ForgeRepository>;
