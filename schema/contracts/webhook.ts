/** What forges tell by themselves. It is never believed: it only makes somebody look. */
import { z } from 'zod';
import { Sha } from './names.ts';

export const WebhookSender = z.enum(['gitea', 'github', 'woodpecker']);
export type WebhookSender = z.infer<typeof WebhookSender>;

/** That something has happened: at a commit, on a branch, or, with neither, somewhere in a repository. */
export const ForgeNews = z.object({
  /** See `repositoryTopic`. */
  topic: z.string(),
  sha: Sha.optional(),
  branch: z.string().optional(),
});
export type ForgeNews = z.infer<typeof ForgeNews>;

/**
 * What news of a repository go by: owner and name, as every forge tells them. Without the host, since a forge may call
 * itself by another address than the engine does; a namesake elsewhere costs a look.
 */
export function repositoryTopic(address: string): string {
  const path = URL.canParse(address) ? new URL(address).pathname : address;
  const parts = path.split('/').filter((part) => part !== '');
  return parts
    .slice(-2)
    .map((part) => decodeURIComponent(part))
    .join('/')
    .replace(/\.git$/, '')
    .toLowerCase();
}

/** Asks for the hook of a repository on its forge. */
export const WebhookRequest = z.strictObject({
  /** The repository's address, as a mission file has it. */
  repository: z.string().min(1).max(1_000),
  /** Where the forge reaches this API: its address without a path, or with that of a proxy. */
  url: z
    .string()
    .max(1_000)
    .regex(/^https?:\/\/[^\s/?#]+(?:\/[^\s?#]*)?$/, 'an address like https://missions.example.org is needed'),
  /** Without it: `github` for github.com, and `gitea` for all others. */
  forge: z.enum(['gitea', 'github']).optional(),
});
export type WebhookRequest = z.infer<typeof WebhookRequest>;

export const Webhook = z.object({
  repository: z.string(),
  /** Where the forge sends its deliveries. */
  url: z.string(),
  /** Whether it was made just now. */
  made: z.boolean(),
});
export type Webhook = z.infer<typeof Webhook>;

/** What the API needs of the forges' file and of the forges. */
export interface WebhookDesk {
  /** All that deliveries may be signed with, read anew each time. */
  secrets(): Promise<string[]>;
  /** Finds the hook, or makes it. */
  add(of: WebhookRequest): Promise<{ kind: 'added'; webhook: Webhook } | { kind: 'refused'; reason: string }>;
}
