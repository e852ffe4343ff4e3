/** What Gitea answers, as far as it is used. Forgejo answers the same. */
import { z } from 'zod';
import { Sha } from '../../../schema/contracts/names.ts';
import { ForgeUser, State, Text } from '../rest/schema.ts';

export const GiteaBranch = z.object({
  commit: z.object({ id: Sha }),
  protected: z.boolean(),
  required_approvals: z.int(),
  enable_status_check: z.boolean(),
  status_check_contexts: z.array(z.string()).nullish(),
});
export type GiteaBranch = z.infer<typeof GiteaBranch>;

export const GiteaPullRequest = z
  .object({
    number: z.int(),
    state: State,
    title: z.string(),
    body: Text,
    user: ForgeUser,
    merged: z.boolean(),
    merge_commit_sha: z.string().nullish(),
    /** `label` keeps the branch's name when the branch is gone; then `sha` is the last head. */
    head: z.object({ label: z.string(), sha: z.string() }),
    base: z.object({ ref: z.string() }),
  })
  .transform(({ user, head, base, merge_commit_sha: mergeSha, ...rest }) => ({
    ...rest,
    author: user.login,
    mergeSha: mergeSha ?? null,
    branch: head.label,
    headSha: head.sha,
    base: base.ref,
    // It tells by refusing the merge.
    isChecking: false,
  }));

export const GiteaReview = z
  .object({
    id: z.int(),
    user: ForgeUser.nullish(),
    body: Text,
    commit_id: z.string(),
    dismissed: z.boolean(),
    comments_count: z.int(),
  })
  .transform(({ id, user, body, commit_id: sha, dismissed, comments_count: comments }) => ({
    ...{ id, comments },
    author: user?.login,
    body,
    sha,
    isDismissed: dismissed,
  }));

export const GiteaReviewComment = z
  .object({
    id: z.int(),
    user: ForgeUser.nullish(),
    body: Text,
    path: z.string(),
    /** The line in the new version; 0 for one of the old. */
    position: z.int(),
    resolver: ForgeUser.nullish(),
  })
  .transform(({ id, user, body, path, position, resolver }) => ({
    ...{ body, path },
    // It has no threads: each comment is settled by itself.
    thread: String(id),
    author: user?.login,
    line: position === 0 ? null : position,
    resolvedBy: resolver?.login ?? null,
  }));

/** Text in place of Gitea's enum: a state of tomorrow must not make the whole answer unreadable. */
export const GiteaStatuses = z
  .object({
    statuses: z
      .array(
        z.object({
          context: z.string(),
          status: z.string(),
          description: z.string().nullish(),
          target_url: z.string().nullish(),
        }),
      )
      .nullish(),
  })
  .transform(({ statuses }) => statuses ?? []);
export type GiteaStatuses = z.infer<typeof GiteaStatuses>;

export const GiteaJob = z.object({ head_sha: z.string() });

export const GiteaRuns = z.object({
  workflow_runs: z
    .array(z.object({ status: z.string(), display_title: z.string(), path: z.string() }))
    .nullish(),
});

export const GiteaCommitMessage = z
  .object({ commit: z.object({ message: z.string() }) })
  .transform(({ commit }) => commit.message);

export const GiteaMilestone = z.object({ id: z.int(), title: z.string(), state: State });

export const GiteaTag = z.object({ commit: z.object({ sha: Sha }) });
