/** What an agent may do without asking a person, by the operator's word. */
import { z } from 'zod';

/** What kinds of tools the Agent Client Protocol knows. A tool without a kind is `other`. */
export const ToolKind = z.enum([
  'read',
  'edit',
  'delete',
  'move',
  'search',
  'execute',
  'think',
  'fetch',
  'switch_mode',
  'other',
]);
export type ToolKind = z.infer<typeof ToolKind>;

/** A rule fits where all that it names does. */
export const PermissionRule = z
  .strictObject({
    kind: ToolKind.optional().describe('The kind of the tool'),
    like: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .describe('The command, or the title where there is none; * stands for any text'),
  })
  .refine(
    (rule) => rule.kind !== undefined || rule.like !== undefined,
    'fits everything: name a kind, or what it is like',
  );
export type PermissionRule = z.infer<typeof PermissionRule>;

const Rules = z.array(PermissionRule).max(200).default([]);

/** What neither list decides is asked of a person. */
export const Permissions = z.strictObject({
  allow: Rules.describe('What is allowed unasked'),
  deny: Rules.describe('What is denied unasked; it goes before what is allowed'),
});
export type Permissions = z.infer<typeof Permissions>;
