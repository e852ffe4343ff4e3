/** What Prometheus is told: the engine's own numbers, those of the process, and those of Temporal's SDK. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { readCounts } from '../schema/db/counts.ts';
import type { Queries } from '../schema/db/database.ts';
import type { AnsweredRequest } from '../api/telemetry.ts';
import type { Log } from './log.ts';

export interface Metrics {
  contentType: string;
  text(): Promise<string>;
  requestAnswered(request: Pick<AnsweredRequest, 'method' | 'route' | 'status' | 'ms'>): void;
  sessionWatched: (of: { activity: string; by: 1 | -1 }) => void;
}

/** Two scrapers, or one in a hurry, should not make the database count twice. */
const countsMaxAgeMs = 5_000;

/** The core answers from memory on loopback; a scrape is given up after 10 s by default. */
const sdkTimeoutMs = 2_000;

/** From a look at memory to an answer that waits for Temporal. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(deps: {
  /** Without a database there are no counts: a worker beside an engine would repeat the engine's. */
  queries: Queries | undefined;
  /** The loopback port of `installRuntimeWithMetrics`. */
  sdkPort: number | undefined;
  log: Log;
}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: 'mission_engine_http_request_duration_seconds',
    help: 'Time until the answer to an API request begins',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
    registers,
  });
  const sessions = new Gauge({
    name: 'mission_engine_sessions_supervised',
    help: 'Sessions that this process watches now',
    labelNames: ['activity'],
    registers,
  });
  const partUp = new Gauge({
    name: 'mission_engine_metrics_part_up',
    help: 'Whether the last look at a source of metrics has succeeded; without it its metrics are missing',
    labelNames: ['part'],
    registers,
  });
  const { queries, sdkPort, log } = deps;
  const countAll = queries && cached(createCounters(queries, registry), countsMaxAgeMs);
  const failing = new Set<string>();

  return {
    contentType: registry.contentType,
    text,
    requestAnswered({ method, route, status, ms }) {
      requests.observe({ method, route, status }, ms / 1_000);
    },
    sessionWatched({ activity, by }) {
      sessions.inc({ activity }, by);
    },
  };

  async function text(): Promise<string> {
    const [sdk = ''] = await Promise.all([
      sdkPort && part('sdk', () => readSdkMetrics(sdkPort)),
      countAll && part('database', countAll),
    ]);
    return `${await registry.metrics()}${sdk}`;
  }

  async function part<T>(name: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await read();
      partUp.set({ part: name }, 1);
      failing.delete(name);
      return result;
    } catch (error) {
      partUp.set({ part: name }, 0);
      // Once for each failure that lasts, however often it is scraped.
      if (!failing.has(name)) log.error(`metrics are missing: the ${name} does not answer`, error);
      failing.add(name);
      return undefined;
    }
  }
}

async function readSdkMetrics(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
    signal: AbortSignal.timeout(sdkTimeoutMs),
  });
  if (!response.ok) throw new Error(`the SDK's metrics were answered with ${response.status}`);
  return response.text();
}

function createCounters(queries: Queries, registry: Registry): () => Promise<void> {
  const registers = [registry];
  const missions = new Gauge({
    name: 'mission_engine_missions',
    help: 'Missions by status',
    labelNames: ['status'],
    registers,
  });
  const tasks = new Gauge({
    name: 'mission_engine_tasks',
    help: 'Tasks by status',
    labelNames: ['status'],
    registers,
  });
  const waiting = new Gauge({
    name: 'mission_engine_tasks_waiting',
    help: 'Tasks that wait now, by whom they wait for',
    labelNames: ['for'],
    registers,
  });
  const effects = new Gauge({
    name: 'mission_engine_effects',
    help: 'Effects outside the engine in its ledger, by kind and state; claimed means begun and not known to be done',
    labelNames: ['kind', 'state'],
    registers,
  });
  return async () => {
    const counts = await readCounts(queries);
    for (const gauge of [missions, tasks, waiting, effects]) gauge.reset();
    for (const { count, status } of counts.missions) missions.set({ status }, count);
    for (const { count, status } of counts.tasks) tasks.set({ status }, count);
    for (const { count, ...labels } of counts.waiting) waiting.set(labels, count);
    for (const { count, ...labels } of counts.effects) effects.set(labels, count);
  };
}

/** Does it again only when the last time is long ago; who comes meanwhile waits for the same. */
function cached(action: () => Promise<void>, maxAgeMs: number): () => Promise<void> {
  let last: Promise<void> | undefined;
  let goodUntil = 0;
  return () => {
    if (last && performance.now() < goodUntil) return last;
    goodUntil = performance.now() + maxAgeMs;
    last = action();
    return last;
  };
}
