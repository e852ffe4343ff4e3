/** A host: a process that runs sessions on its machine for engines elsewhere. It reaches Temporal, and nothing else. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  ApplicationFailure,
  Client,
  Connection,
  WithStartWorkflowOperation,
  WorkflowIdConflictPolicy,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createAttendance } from '../activities/hosts/attendance.ts';
import { createLease, type Lease } from '../activities/processes/lease.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import { runtimeName, type RuntimeName } from '../schema/contracts/agent.ts';
import type { HostFacts } from '../schema/contracts/host.ts';
import { updates, workflowTypes, type DrainRequest, type HostInput } from '../schema/contracts/messages.ts';
import { controlQueue, hostWorkflowId } from '../schema/contracts/names.ts';
import { createCloneActivities, knownAgents, knownForges, knownScrub, openSpawner } from './activities.ts';
import { startOrClose, type Closers } from './closers.ts';
import {
  openDataDirectory,
  readInstallationFile,
  writeInstallationFile,
  type DataDirectory,
} from './data-directory.ts';
import { readEngineConfig } from './engine-config.ts';
import { hostFacts, learnVersions } from './hosts.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { Occupancy } from './occupancy.ts';
import { preflight, refuseBroken } from './probes.ts';
import { readRosterFile, rosterPath } from './roster-file.ts';
import { serveMetrics } from './serve-metrics.ts';
import { clientTracing, startTracing } from './tracing.ts';
import { createHostWorkers, runUntilClosed } from './workers.ts';

export interface HostOptions {
  name: string;
  data: string;
  temporal: string;
  namespace: string;
  /** The engines that it works for. */
  installation: string;
  tenant: string;
  /** Each of these in place of what `engine.yaml` says. */
  slots: number | undefined;
  labels: string[] | undefined;
  /** Only these agents, of those that are there. */
  runtimes: RuntimeName[] | undefined;
  leaseSeconds: number;
  allowRoot: boolean;
  /** On loopback; 0: any free port; undefined: none. */
  metricsPort: number | undefined;
  sdkMetricsPort: number | undefined;
  log: Log;
}

export interface HostProcess {
  facts: HostFacts;
  metricsUrl: string | undefined;
  /** Resolves when the host has been drained and has left, rejects when it has failed. */
  done: Promise<void>;
  /** Asks for its own draining. */
  drain(): Promise<void>;
  /** Stops serving at once. What runs goes on, and is taken up by the next start. */
  stop(): Promise<void>;
}

/** How long an answer to a join may take; then it is asked again. */
const joinWithinMs = 10_000;
const joinAgainMs = 2_000;

export function startHost(options: HostOptions): Promise<HostProcess> {
  return startOrClose((closers) => start(options, closers));
}

async function start(options: HostOptions, closers: Closers): Promise<HostProcess> {
  const { name, temporal: address, namespace, installation, leaseSeconds, log } = options;
  await refuseWrongUser(options);
  refuseBroken(await preflight({ ...options, databaseUrl: undefined }));
  const data = await openDataDirectory(options.data);
  closers.add(() => data.release());
  const { root } = data.paths;
  await refuseOtherInstallation(data, installation);
  const read = await readEngineConfig({ data: root, roots: [] });
  const config = { ...read, slots: options.slots ?? read.slots, labels: options.labels ?? read.labels };
  const { roster } = await readRosterFile(rosterPath(root));
  const agents = await onlyThese(knownAgents(roster), options.runtimes);
  const { tenant } = options;
  const versions = await learnVersions(agents, new Map());
  const told = { name, tenant, identity: await data.identity(), config, agents, versions };
  const facts: HostFacts = { ...(await hostFacts(told)), leaseSeconds };
  const lease = createLease({ file: join(root, 'lease'), seconds: leaseSeconds });
  await lease.shorten();

  const connection = await Connection.connect({ address });
  closers.add(() => connection.close());
  const native = await NativeConnection.connect({ address });
  closers.add(() => native.close());
  const tracing = startTracing({ installation, log });
  closers.add(() => tracing.stop());
  const metrics = createMetrics({ queries: undefined, sdkPort: options.sdkMetricsPort, log });
  const metricsUrl = await serveMetrics({ port: options.metricsPort, metrics, closers });
  const client = new Client({ connection, namespace, interceptors: clientTracing(tracing) });
  const occupancy = new Occupancy();
  const left = new Signal();
  const heard = new LastHeard();
  const attendance = createAttendance({
    ...{ beats: client.activity, lease, leaseSeconds },
    quietFor: () => occupancy.quietFor(root),
    onBeat: () => heard.now(),
    onLeft: () => left.set(),
    onTrouble: (error) => log.warn('a beat of this host was not heard', { error: String(error) }),
  });
  const forges = knownForges(data.paths);
  const scrub = await knownScrub({ roster, credentials: forges.credentials });
  const workers = await createHostWorkers({
    ...{ connection: native, namespace, installation, host: name, slots: config.slots, tracing },
    sessionWatched: metrics.sessionWatched,
    interceptor: occupancy.interceptor,
    scrub,
    activities: {
      ...createCloneActivities({
        ...{ paths: data.paths, config, agents, roster, client, log, scrub, leaseFile: lease.file },
        knownForges: forges,
        programs: openSpawner(closers),
      }),
      ...attendance,
    },
  });
  // Before it takes any work: the name may be somebody else's.
  const membership = { client, facts, installation, lease, log };
  await joinUntilHeard(membership);
  heard.now();
  const { done } = runUntilClosed({ workers, log, closers });
  const watching = new AbortController();
  closers.add(() => watching.abort());
  const unheard = rejoin({ ...membership, heard, signal: watching.signal });
  log.info('the host is up', { name, installation, temporal: address, namespace });
  return {
    facts,
    metricsUrl,
    done: Promise.race([done, left.promise, unheard]),
    stop: () => closers.close(),
    async drain() {
      const by: DrainRequest = { by: facts.user };
      await client.workflow
        .getHandle(hostWorkflowId({ installation, host: name }))
        .executeUpdate(updates.drain, { args: [by] });
    },
  };
}

/** Whatever works here can read all that the user can: so that is one tenant's user, and nobody else's data. */
async function refuseWrongUser({ data, allowRoot }: HostOptions): Promise<void> {
  const uid = process.getuid?.();
  if (uid === 0 && !allowRoot) {
    throw new Error(
      'a host runs what agents write as its own user, and serves one tenant under that tenant’s Linux user: ' +
        'start it as that user, or give --allow-root on a machine that is thrown away afterwards',
    );
  }
  const owner = await stat(data).then(
    (folder) => folder.uid,
    () => uid,
  );
  if (owner === uid) return;
  throw new Error(`${data} belongs to another user (${owner}): choose another folder with --data`);
}

/** Ids of sessions are told apart within one installation only. */
async function refuseOtherInstallation(data: DataDirectory, installation: string): Promise<void> {
  const { root } = data.paths;
  const standing = await readInstallationFile(root);
  if (standing === undefined) return writeInstallationFile(root, installation);
  if (standing === installation) return;
  throw new Error(
    `${root} holds the sessions of the installation ${standing}: choose another folder with --data, or mend --installation`,
  );
}

async function onlyThese(agents: Agents, runtimes: RuntimeName[] | undefined): Promise<Agents> {
  if (runtimes === undefined) return agents;
  const known = agents.known.filter((named) => runtimes.includes(runtimeName(named)));
  for (const runtime of runtimes) {
    const named = known.find((each) => runtimeName(each) === runtime);
    if (named && (await agents.find(named)).kind === 'found') continue;
    throw new Error(`${runtime} is not on this host: install it, or leave it out of --runtimes`);
  }
  return { ...agents, known };
}

interface Membership {
  client: Client;
  facts: HostFacts;
  installation: string;
  lease: Lease;
  log: Log;
}

/** Each call has an id of its own: the answer of an earlier one would say nothing of when this one was heard. */
async function joinOnce(of: Membership): Promise<void> {
  const { client, facts, installation, lease } = of;
  const input: HostInput = { installation, host: facts.name };
  const startWorkflowOperation = new WithStartWorkflowOperation(workflowTypes.host, {
    workflowId: hostWorkflowId(input),
    taskQueue: controlQueue(installation),
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    staticSummary: `the host ${facts.name}`,
  });
  const since = lease.now();
  await client.withDeadline(Date.now() + joinWithinMs, () =>
    client.workflow.executeUpdateWithStart(updates.join, { args: [facts], startWorkflowOperation }),
  );
  await lease.renew(since);
}

/** Throws when it is refused. */
async function joinUntilHeard(of: Membership & { signal?: AbortSignal }): Promise<void> {
  for (let tries = 1; of.signal?.aborted !== true; tries++) {
    try {
      return await joinOnce(of);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) throw new Error(refusal);
      if (tries === 1) {
        of.log.warn(
          `nobody answers for the installation ${of.installation}: see that its engine is up, and that --installation is what \`mission up\` has printed`,
        );
      }
      of.log.debug('a join was not answered', { error: String(error) });
    }
    await pause(joinAgainMs);
  }
}

function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof WorkflowUpdateFailedError)) return undefined;
  return error.cause instanceof ApplicationFailure ? error.cause.message : undefined;
}

/** Whoever looks after the host may be gone, as when somebody has terminated it: then it is started anew. */
async function rejoin(of: Membership & { heard: LastHeard; signal: AbortSignal }): Promise<void> {
  const { heard, signal, facts } = of;
  // Half of the lease is left to be heard in.
  const unheardMs = (facts.leaseSeconds ?? 60) * 500;
  for (;;) {
    await pause(joinAgainMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return new Promise(() => undefined);
    if (heard.agoMs() < unheardMs) continue;
    await joinUntilHeard(of);
    heard.now();
  }
}

class LastHeard {
  #at = 0;

  now(): void {
    this.#at = performance.now();
  }

  agoMs(): number {
    return performance.now() - this.#at;
  }
}

class Signal {
  set: () => void = () => undefined;
  readonly promise = new Promise<void>((resolve) => {
    this.set = resolve;
  });
}
