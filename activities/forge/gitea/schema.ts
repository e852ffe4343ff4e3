/** What Gitea answers, as far as it is used. Forgejo answers the same. */
import { z } from 'zod';
import { Sha } from '../../../schema/contracts/names.ts';

export const GiteaUser = z.object({ login: z.string() });
export type GiteaUser = z.infer<typeof GiteaUser>;

export const GiteaRepository = z.object({
  full_name: z.string(),
  archived: z.boolean(),
  allow_squash_merge: z.boolean().optional(),
  permissions: z.object({ push: z.boolean() }).optional(),
});
export type GiteaRepository = z.infer<typeof GiteaRepository>;

export const GiteaBranch = z.object({
  commit: z.object({ id: Sha }),
  protected: z.boolean(),
  required_approvals: z.int(),
  enable_status_check: z.boolean(),
  status_check_contexts: z.array(z.string()).nullish(),
});
export type GiteaBranch = z.infer<typeof GiteaBranch>;

const State = z.enum(['open', 'closed']);

export const GiteaIssue = z.object({ number: z.int(), state: State, body: z.string() });
export type GiteaIssue = z.infer<typeof GiteaIssue>;

export const GiteaComment = z.object({ body: z.string() });
export type GiteaComment = z.infer<typeof GiteaComment>;

export const GiteaPullRequest = z.object({
  number: z.int(),
  state: State,
  title: z.string(),
  body: z.string(),
  user: GiteaUser,
  merged: z.boolean(),
  merge_commit_sha: z.string().nullish(),
  /** `label` keeps the branch's name when the branch is gone; then `sha` is the last head. */
  head: z.object({ label: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string() }),
});
export type GiteaPullRequest = z.infer<typeof GiteaPullRequest>;

export const GiteaReview = z.object({
  user: GiteaUser.nullish(),
  body: z.string(),
  commit_id: z.string(),
  dismissed: z.boolean(),
});
export type GiteaReview = z.infer<typeof GiteaReview>;

/** Text in place of Gitea's enum: a state of tomorrow must not make the whole answer unreadable. */
export const GiteaStatuses = z
  .object({
    statuses: z
      .array(z.object({ context: z.string(), status: z.string(), description: z.string().nullish() }))
      .nullish(),
  })
  .transform(({ statuses }) => statuses ?? []);
export type GiteaStatuses = z.infer<typeof GiteaStatuses>;

export const GiteaCommit = z.object({ commit: z.object({ message: z.string() }) });
export type GiteaCommit = z.infer<typeof GiteaCommit>;

export const GiteaMilestone = z.object({ id: z.int(), title: z.string(), state: State });
export type GiteaMilestone = z.infer<typeof GiteaMilestone>;

export const GiteaTag = z.object({ commit: z.object({ sha: Sha }) });
export type GiteaTag = z.infer<typeof GiteaTag>;

export const GiteaRelease = z.object({ id: z.int(), tag_name: z.string() });
export type GiteaRelease = z.infer<typeof GiteaRelease>;

/** What an error says of itself. */
export const GiteaFault = z.object({ message: z.string() });
