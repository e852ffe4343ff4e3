/** What Gitea tells of pipelines: the statuses of commits, whoever has posted them, and its own Actions. */
import type { CiContext } from '../../../schema/contracts/ci.ts';
import { foundOrNot, type RepositoryAccess } from '../rest/access.ts';
import { pathOf } from '../rest/client.ts';
import { GiteaJob, GiteaRuns, GiteaStatuses } from './schema.ts';

/** A failure stands near the end of a job's log; a megabyte of it is some ten thousand lines. */
const logBytes = 1024 * 1024;

/** How Gitea Actions link a status to its job: by the job's id, since Gitea 1.26. */
const jobLink = /\/actions\/runs\/\d+\/jobs\/(\d+)$/;

/** What is not here has failed: `failure`, `error`, `warning` (Gitea itself counts that so), and what is unknown. */
const states: ReadonlyMap<string, CiContext['state']> = new Map([
  ['pending', 'pending'],
  ['success', 'passed'],
  ['skipped', 'skipped'],
]);

export async function commitStatuses(there: RepositoryAccess, sha: string): Promise<CiContext[]> {
  return (await statusesOf(there, sha)).map(toContext);
}

export async function failureLog(
  there: RepositoryAccess,
  of: { sha: string; context: string },
): Promise<string | undefined> {
  const status = (await statusesOf(there, of.sha)).find(({ context }) => context === of.context);
  const id = jobLink.exec(status?.target_url ?? '')?.[1];
  if (id === undefined) return undefined;
  const path = `${there.path}${pathOf`/actions/jobs/${id}`}`;
  // Older ones link by the number of the job in its run: then this is some other job.
  const job = foundOrNot(there, await there.client.get({ path, answer: GiteaJob }));
  if (job?.head_sha !== of.sha) return undefined;
  return foundOrNot(there, await there.client.getText({ path: `${path}/logs`, lastBytes: logBytes }));
}

export async function runningPipelines(there: RepositoryAccess, branch: string): Promise<string[]> {
  // The newest ones; what still runs is among them.
  const query = { branch, event: 'push', limit: '50' };
  const said = await there.client.get({ path: `${there.path}/actions/runs`, query, answer: GiteaRuns });
  // Gitea before 1.25, Forgejo, and a repository that has switched Actions off.
  const runs = foundOrNot(there, said)?.workflow_runs ?? [];
  const running = runs.filter(({ status }) => status !== 'completed');
  return running.map(({ path, display_title: title }) => `${path.split('@')[0] ?? ''} (${title})`);
}

function statusesOf(there: RepositoryAccess, sha: string): Promise<GiteaStatuses> {
  return there.client.list({ path: `${there.path}${pathOf`/commits/${sha}/status`}`, answer: GiteaStatuses });
}

function toContext(status: GiteaStatuses[number]): CiContext {
  const { context: name, description } = status;
  const state = states.get(status.status) ?? 'failed';
  return { name, state, ...(state === 'failed' && description ? { excerpt: description } : {}) };
}
