import type { BranchProtection } from '../forge.ts';
import { done, foundOrNot, type RepositoryAccess } from '../rest/access.ts';
import { pathOf } from '../rest/client.ts';
import { GithubBranch, GithubProtection, GithubRules } from './schema.ts';

/** What GitHub demands before a merge, by the branch's own protection and by all rulesets that cover it. */
export async function branchProtection(
  there: RepositoryAccess,
  name: string,
): Promise<BranchProtection | undefined> {
  const { client, path } = there;
  const branchPath = `${path}${pathOf`/branches/${name}`}`;
  const branch = foundOrNot(there, await client.get({ path: branchPath, answer: GithubBranch }));
  const rules = await client.list({ path: `${path}${pathOf`/rules/branches/${name}`}`, answer: GithubRules });
  if (branch?.protected !== true && rules.length === 0) return undefined;
  const classic = branch?.protection?.required_status_checks?.contexts ?? [];
  const ruled = rules.flatMap(({ parameters }) => parameters?.required_status_checks ?? []);
  const approvals = [
    branch?.protected === true ? await classicApprovals(there, branchPath) : 0,
    ...rules.map(({ parameters }) => parameters?.required_approving_review_count ?? 0),
  ];
  return {
    requiredContexts: [...new Set([...classic, ...ruled.map(({ context }) => context)])],
    requiredApprovals: Math.max(...approvals),
  };
}

/** Only administrators are told. For others it is 0, and GitHub's refusal of the merge says how many there must be. */
async function classicApprovals(there: RepositoryAccess, branchPath: string): Promise<number> {
  const said = await there.client.get({ path: `${branchPath}/protection`, answer: GithubProtection });
  // 404: only rulesets protect it.
  if (said.kind === 'refused' && (said.status === 403 || said.status === 404)) return 0;
  const { required_pull_request_reviews: reviews } = done(there, said, 'a look at the protection');
  return reviews?.required_approving_review_count ?? 0;
}
