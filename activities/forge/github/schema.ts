/** What GitHub answers, as far as it is used. */
import { z } from 'zod';
import { Sha } from '../../../schema/contracts/names.ts';
import { ForgeIssue, ForgeUser, State, Text } from '../rest/schema.ts';

const GitObject = z.object({ type: z.string(), sha: Sha });

/** A branch or a tag; the object of a tag with a message of its own is that message. */
export const GithubRef = z.object({ object: GitObject }).transform(({ object }) => object);

/** Pull requests are listed among the issues. */
export const GithubIssues = z
  .array(z.intersection(ForgeIssue, z.object({ pull_request: z.unknown().optional() })))
  .transform((issues) => ({
    count: issues.length,
    issues: issues.filter((one) => one.pull_request === undefined),
  }));

export const GithubFoundIssues = z
  .object({ items: z.array(z.intersection(ForgeIssue, z.object({ user: ForgeUser.nullish() }))) })
  .transform(({ items }) => items);

export const GithubPullRequest = z
  .object({
    number: z.int(),
    state: State,
    title: z.string(),
    body: Text,
    /** Null for an account that is gone. */
    user: ForgeUser.nullish(),
    merged_at: z.string().nullish(),
    /** Before the merge it is a commit that GitHub tries it with. */
    merge_commit_sha: z.string().nullish(),
    /** Null while GitHub works it out, and not there in lists. */
    mergeable: z.boolean().nullish(),
    head: z.object({ ref: z.string(), sha: z.string() }),
    base: z.object({ ref: z.string() }),
  })
  .transform(({ number, state, title, body, user, head, base, ...of }) => ({
    ...{ number, state, title, body },
    author: user?.login ?? '',
    merged: typeof of.merged_at === 'string',
    mergeSha: of.merge_commit_sha ?? null,
    branch: head.ref,
    headSha: head.sha,
    base: base.ref,
    isChecking: of.mergeable === null,
  }));

export const GithubReview = z
  .object({
    id: z.int(),
    user: ForgeUser.nullish(),
    body: Text,
    commit_id: z.string().nullish(),
    state: z.string(),
  })
  .transform(({ id, user, body, commit_id: sha, state }) => ({
    id,
    author: user?.login,
    body,
    sha: sha ?? '',
    isDismissed: state === 'DISMISSED',
  }));

export const GithubReviewComment = z
  .object({
    /** Its id in the GraphQL API. */
    node_id: z.string(),
    user: ForgeUser.nullish(),
    body: Text,
    path: z.string(),
    /** Null when the diff has it no more. */
    line: z.int().nullish(),
  })
  .transform(({ node_id: node, user, line, ...rest }) => ({
    ...rest,
    node,
    author: user?.login,
    line: line ?? null,
  }));

export const GithubMilestone = z
  .object({ number: z.int(), title: z.string(), state: State })
  .transform(({ number: id, ...rest }) => ({ id, ...rest }));

export const GithubCommitMessage = z.object({ message: z.string() }).transform(({ message }) => message);

/** Text in place of GitHub's enums: a state of tomorrow must not make the whole answer unreadable. */
export const GithubStatuses = z
  .object({
    statuses: z.array(z.object({ context: z.string(), state: z.string(), description: Text })),
  })
  .transform(({ statuses }) => statuses);
export type GithubStatuses = z.infer<typeof GithubStatuses>;

export const GithubCheckRuns = z
  .object({
    check_runs: z.array(
      z.object({
        name: z.string(),
        status: z.string(),
        conclusion: z.string().nullish(),
        details_url: z.string().nullish(),
        output: z.object({ title: Text, summary: Text }).optional(),
      }),
    ),
  })
  .transform(({ check_runs: runs }) => runs);
export type GithubCheckRuns = z.infer<typeof GithubCheckRuns>;

export const GithubRuns = z.object({
  workflow_runs: z.array(z.object({ status: z.string(), display_title: Text, path: Text })),
});

/** What of a classic protection everybody sees who may read the repository. */
export const GithubBranch = z.object({
  protected: z.boolean(),
  protection: z
    .object({ required_status_checks: z.object({ contexts: z.array(z.string()).optional() }).nullish() })
    .optional(),
});

/** What only administrators see of it. */
export const GithubProtection = z.object({
  required_pull_request_reviews: z.object({ required_approving_review_count: z.int().optional() }).nullish(),
});

/** A rule of any kind; only two kinds have these parameters. */
export const GithubRules = z.array(
  z.object({
    parameters: z
      .object({
        required_status_checks: z.array(z.object({ context: z.string() })).optional(),
        required_approving_review_count: z.int().optional(),
      })
      .optional(),
  }),
);
