import { combineContexts, type CiContext } from '../../../schema/contracts/ci.ts';
import { foundOrNot, type RepositoryAccess } from '../rest/access.ts';
import { pathOf } from '../rest/client.ts';
import { GithubCheckRuns, GithubRuns, GithubStatuses } from './schema.ts';

/** What a check says of its failure may be a whole page; its beginning names it. */
const excerptLength = 2_000;

/** A failure stands near the end of a job's log; a megabyte of it is some ten thousand lines. */
const logBytes = 1024 * 1024;

/** How the runs of Actions link to their job. Other apps link to pages of their own. */
const jobLink = /\/actions\/runs\/\d+\/job\/(\d+)/;

/**
 * What GitHub has of a commit: statuses, and the check runs of Actions and other apps. One name counts once. Statuses
 * are the newest of each context, and runs the newest of each suite; where several suites have a run of one name, as
 * when one workflow runs for the push and for the pull request, all of them count, and the worst decides.
 */
export async function commitStatuses(there: RepositoryAccess, sha: string): Promise<CiContext[]> {
  const commit = `${there.path}${pathOf`/commits/${sha}`}`;
  const [statuses, runs] = await Promise.all([
    there.client.list({ path: `${commit}/status`, answer: GithubStatuses }),
    checkRuns(there, { sha }),
  ]);
  const byName = new Map<string, CiContext>();
  for (const context of [...statuses.map(ofStatus), ...runs.map(ofRun)]) {
    const other = byName.get(context.name);
    byName.set(context.name, other ? worst(other, context) : context);
  }
  return [...byName.values()];
}

export async function failureLog(
  there: RepositoryAccess,
  of: { sha: string; context: string },
): Promise<string | undefined> {
  const runs = await checkRuns(there, { sha: of.sha, name: of.context });
  const failed = runs.find((run) => ofRun(run).state === 'failed');
  const id = jobLink.exec(failed?.details_url ?? '')?.[1];
  if (id === undefined) return undefined;
  const path = `${there.path}${pathOf`/actions/jobs/${id}/logs`}`;
  return foundOrNot(there, await there.client.getText({ path, lastBytes: logBytes }));
}

export async function runningPipelines(there: RepositoryAccess, branch: string): Promise<string[]> {
  // The newest ones; what still runs is among them.
  const query = { branch, event: 'push', per_page: '50' };
  const said = await there.client.get({ path: `${there.path}/actions/runs`, query, answer: GithubRuns });
  // An Enterprise server without Actions.
  const runs = foundOrNot(there, said)?.workflow_runs ?? [];
  const running = runs.filter(({ status }) => status !== 'completed');
  return running.map(({ path, display_title: title }) => `${path.split('@')[0] ?? ''} (${title})`);
}

function checkRuns(
  there: RepositoryAccess,
  { sha, name }: { sha: string; name?: string },
): Promise<GithubCheckRuns> {
  const path = `${there.path}${pathOf`/commits/${sha}/check-runs`}`;
  const query = { filter: 'latest', ...(name === undefined ? {} : { check_name: name }) };
  return there.client.list({ path, query, answer: GithubCheckRuns });
}

function worst(one: CiContext, other: CiContext): CiContext {
  // One that has passed says more than one that was skipped.
  const state = combineContexts([one, other]);
  return one.state === state ? one : other;
}

function ofStatus({ context: name, state, description }: GithubStatuses[number]): CiContext {
  return contextOf({ name, state: statusStates.get(state) ?? 'failed', said: description });
}

function ofRun({ name, status, conclusion, output }: GithubCheckRuns[number]): CiContext {
  // `queued`, `in_progress`, `waiting`, `requested`, `pending`, and what is unknown: it has not said anything.
  if (status !== 'completed') return { name, state: 'pending' };
  const state = conclusions.get(conclusion ?? '') ?? 'failed';
  const said = [conclusion ?? '', output?.title ?? '', output?.summary ?? ''];
  return contextOf({ name, state, said: said.filter((part) => part !== '').join('\n') });
}

function contextOf(of: { name: string; state: CiContext['state']; said: string }): CiContext {
  const { name, state, said } = of;
  if (state !== 'failed' || said === '') return { name, state };
  return { name, state, excerpt: said.slice(0, excerptLength) };
}

/** What is not here has failed: `failure`, `error`, and what is unknown. */
const statusStates: ReadonlyMap<string, CiContext['state']> = new Map([
  ['pending', 'pending'],
  ['success', 'passed'],
]);

/**
 * What is not here has failed: `failure`, `timed_out`, `cancelled`, `startup_failure`, `action_required` (a person must
 * do something, so they are to hear of it), and what is unknown. `stale` is a run that nobody has ended within two
 * weeks: it has said nothing. `neutral` has looked, and says neither good nor bad.
 */
const conclusions: ReadonlyMap<string, CiContext['state']> = new Map([
  ['success', 'passed'],
  ['skipped', 'skipped'],
  ['neutral', 'skipped'],
  ['stale', 'pending'],
]);
