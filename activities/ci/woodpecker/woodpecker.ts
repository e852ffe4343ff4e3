import type { CiContext } from '../../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import type { Credentials } from '../../forge/credentials.ts';
import { foundOrNot, readAddress, type RepositoryAccess } from '../../forge/rest/access.ts';
import {
  callTimeoutMs,
  createForgeClient,
  pathOf,
  type ForgeClient,
  type Paging,
} from '../../forge/rest/client.ts';
import { fetchTransport } from '../../forge/rest/fetch-transport.ts';
import type { StatusSource, StatusSources } from '../ci.ts';
import type { Looks } from '../looks.ts';
import {
  WoodpeckerLog,
  WoodpeckerPipelines,
  WoodpeckerRepository,
  WoodpeckerWorkflows,
  type WoodpeckerPipeline,
  type WoodpeckerStep,
  type WoodpeckerWorkflow,
} from './schema.ts';

const paging: Paging = {
  /** Woodpecker's own limit. */
  size: 50,
  sizeKey: 'perPage',
  isLast: ({ count }) => count % paging.size !== 0,
};

/** Woodpecker finds no pipelines by commit: so many pages of the newest are looked through. */
const mostPages = 4;

/** What is not here has failed: `failure`, `error`, `killed`, `canceled`, `declined`, and what is unknown. */
const states: ReadonlyMap<string, CiContext['state']> = new Map([
  ['success', 'passed'],
  ['skipped', 'skipped'],
  ['created', 'pending'],
  ['pending', 'pending'],
  ['running', 'pending'],
  ['blocked', 'pending'],
]);

/** Events that say something of a change, and what Woodpecker calls them in the names of its statuses. */
const events: ReadonlyMap<string, string> = new Map([
  ['push', 'push'],
  ['pull_request', 'pr'],
]);

/** A repository as Woodpecker knows it. */
type Place = Pick<RepositoryAccess, 'client' | 'path' | 'host'>;

/** A context, and the step that its log is of. */
interface Told {
  context: CiContext;
  log: string | undefined;
}

/** Commits whose failures are remembered until their logs are asked for, which is at once. */
const mostRemembered = 200;

/**
 * The pipelines of a Woodpecker beside what a forge tells: known before a status is posted, and with their logs. For the
 * repositories of hosts that have one in `forges.yaml`; of all others it tells what the forge does. What it is asked
 * counts in the budget of the repository's polls.
 */
export function besideWoodpecker(deps: {
  credentials: Credentials;
  statuses: StatusSources;
  looks: Pick<Looks, 'createShare' | 'spend'>;
}): StatusSources {
  const { credentials, statuses, looks } = deps;
  const shareContexts = looks.createShare<Told[]>();
  const shareNewest = looks.createShare<WoodpeckerPipeline[]>();
  /** The newest contexts of commits of which any has failed: their logs are found without another look. */
  const failures = new Map<string, Told[]>();
  const clients = new Map<string, ForgeClient>();
  const ids = new Map<string, number>();
  return (repository) => {
    const forge = statuses(repository);
    return { ...forge, ...besideOf(forge) };
  };

  function besideOf(forge: StatusSource): Required<Omit<StatusSource, 'branchProtection'>> {
    return {
      async commitStatuses(of) {
        const [posted, told] = await Promise.all([forge.commitStatuses(of), contextsOf(of)]);
        const own = told.map(({ context }) => context);
        return [...posted.filter(({ name }) => own.every((one) => one.name !== name)), ...own];
      },
      async failureLog(of) {
        const told = failures.get(`${of.repository.id} ${of.sha}`) ?? (await contextsOf(of));
        const own = told.find(({ context }) => context.name === of.context);
        if (!own) return forge.failureLog?.(of);
        return own.log === undefined ? undefined : logAt(of.repository, own.log);
      },
      async runningPipelines(of) {
        const [known, own] = await Promise.all([forge.runningPipelines?.(of), runningOn(of)]);
        return [...(known ?? []), ...own];
      },
    };
  }

  function contextsOf(of: { repository: PlannedRepository; sha: string }): Promise<Told[]> {
    const { repository, sha } = of;
    return shareContexts({
      ...{ repository, what: `Woodpecker at ${sha}` },
      isAskedFor: (looking) => looking.sha === sha,
      ask: async () => remember(of, await readContexts(of)),
    });
  }

  function remember(of: { repository: PlannedRepository; sha: string }, told: Told[]): Told[] {
    const key = `${of.repository.id} ${of.sha}`;
    failures.delete(key);
    if (told.some(({ context }) => context.state === 'failed')) failures.set(key, told);
    const [oldest] = failures.keys();
    if (oldest !== undefined && failures.size > mostRemembered) failures.delete(oldest);
    return told;
  }

  async function readContexts(of: { repository: PlannedRepository; sha: string }): Promise<Told[]> {
    const { repository, sha } = of;
    const there = await find(repository);
    if (!there) return [];
    const newest = new Map<string, WoodpeckerPipeline>();
    const pipelines = await shareNewest({
      ...{ repository, what: 'Woodpecker' },
      isAskedFor: (looking) => looking.sha === sha,
      ask: () => list(there, mostPages),
    });
    for (const pipeline of pipelines) {
      if (pipeline.commit !== of.sha || !events.has(pipeline.event)) continue;
      const standing = newest.get(pipeline.event);
      // A pipeline that is started again has a new number.
      if (!standing || standing.number < pipeline.number) newest.set(pipeline.event, pipeline);
    }
    const told = await Promise.all([...newest.values()].map((pipeline) => toContexts(there, pipeline)));
    return told.flat();
  }

  async function runningOn(of: { repository: PlannedRepository; branch: string }): Promise<string[]> {
    const there = await find(of.repository);
    if (!there) return [];
    const pipelines = await list(there, 1, { branch: of.branch, event: 'push' });
    return pipelines
      .filter(({ branch, event }) => branch === of.branch && event === 'push')
      .filter(({ status }) => states.get(status) === 'pending' && status !== 'blocked')
      .map(({ number, message }) => `Woodpecker ${number} (${message.split('\n')[0] ?? ''})`);
  }

  /** Newest first. Woodpecker before 3.0 knows no filters: what is asked for is looked at again. */
  function list(
    there: Place,
    pages: number,
    query: Record<string, string> = {},
  ): Promise<WoodpeckerPipeline[]> {
    const path = `${there.path}/pipelines`;
    return there.client.list({ path, query, answer: WoodpeckerPipelines, pages });
  }

  async function toContexts(there: Place, pipeline: WoodpeckerPipeline): Promise<Told[]> {
    const { number } = pipeline;
    const path = `${there.path}${pathOf`/pipelines/${number}`}`;
    const alone = foundOrNot(there, await there.client.get({ path, answer: WoodpeckerWorkflows }));
    if (!alone) return [];
    const { workflows, errors } = alone;
    const prefix = `ci/woodpecker/${events.get(pipeline.event) ?? pipeline.event}`;
    if (!workflows || workflows.length === 0) {
      const state = states.get(alone.status) ?? 'failed';
      const faults = (errors ?? []).filter(({ is_warning: isWarning }) => !isWarning);
      const said =
        alone.status === 'blocked' ? ['an approval in Woodpecker'] : faults.map(({ message }) => message);
      const excerpt = said.length === 0 ? {} : { excerpt: said.join('\n') };
      return [{ context: { name: prefix, state, ...excerpt }, log: undefined }];
    }
    return named(workflows).map(([name, workflow]) => {
      const state = states.get(workflow.state) ?? 'failed';
      const step = workflow.children?.find(({ state: of }) => (states.get(of) ?? 'failed') === 'failed');
      const excerpt = state === 'failed' ? { excerpt: describe(workflow, step) } : {};
      return {
        context: { name: `${prefix}/${name}`, state, ...excerpt },
        log: step === undefined ? undefined : pathOf`/logs/${number}/${step.id}`,
      };
    });
  }

  async function logAt(repository: PlannedRepository, log: string): Promise<string | undefined> {
    const there = await find(repository);
    if (!there) return undefined;
    const said = await there.client.get({ path: `${there.path}${log}`, answer: WoodpeckerLog });
    const lines = (foundOrNot(there, said) ?? []).filter(({ type }) => type === 0 || type === 1);
    return lines
      .sort((one, other) => one.line - other.line)
      .map(({ data }) =>
        Buffer.from(data ?? '', 'base64')
          .toString('utf8')
          .replace(/\n$/, ''),
      )
      .join('\n');
  }

  /** Undefined for a repository that has no Woodpecker, or that it does not know. */
  async function find(repository: PlannedRepository): Promise<Place | undefined> {
    const at = readAddress(repository.address);
    const { woodpecker } = await credentials.of(at.host);
    if (!woodpecker) return undefined;
    const key = `${JSON.stringify(woodpecker)} ${repository.id}`;
    const { host } = new URL(woodpecker.url);
    const spend = () => looks.spend({ repository, requests: 1 });
    const client = clients.get(key) ?? connect({ ...woodpecker, host, spend });
    clients.set(key, client);
    const name = pathOf`${at.owner}/${at.name}`;
    const known = ids.get(`${key} ${name}`);
    if (known !== undefined) return { client, host, path: pathOf`/repos/${known}` };
    const there = { client, host, path: `/repos/lookup/${name}` };
    const found = foundOrNot(there, await client.get({ path: there.path, answer: WoodpeckerRepository }));
    if (!found) return undefined;
    ids.set(`${key} ${name}`, found.id);
    return { client, host, path: pathOf`/repos/${found.id}` };
  }
}

function connect(of: { url: string; token: string; host: string; spend: () => Promise<void> }): ForgeClient {
  const base = `${of.url.replace(/\/+$/, '')}/api`;
  const send = fetchTransport({ base, authorization: `Bearer ${of.token}`, timeoutMs: callTimeoutMs });
  return createForgeClient({
    host: of.host,
    async transport(call) {
      await of.spend();
      return send(call);
    },
    paging,
    timeoutMs: callTimeoutMs,
  });
}

/** The legs of a matrix have one name; Woodpecker counts them in its statuses. */
function named(workflows: readonly WoodpeckerWorkflow[]): [string, WoodpeckerWorkflow][] {
  const inOrder = [...workflows].sort((one, other) => one.pid - other.pid);
  return inOrder.map((workflow) => {
    const legs = inOrder.filter(({ name }) => name === workflow.name);
    const leg = legs.length === 1 ? '' : `/${legs.indexOf(workflow) + 1}`;
    return [`${workflow.name}${leg}`, workflow];
  });
}

function describe(workflow: WoodpeckerWorkflow, step: WoodpeckerStep | undefined): string {
  if (!step) return workflow.error ?? `the workflow is ${workflow.state}`;
  const { name, state, error = '' } = step;
  if (error !== '') return `step ${name}: ${error}`;
  return state === 'failure'
    ? `step ${name} ended with exit code ${step.exit_code}`
    : `step ${name} is ${state}`;
}
