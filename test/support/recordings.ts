/** What the real programs have printed, in several versions of each: see test/conformance. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runtimes } from '../../activities/sessions/runtimes/runtimes.ts';
import {
  addUsage,
  noUsage,
  type AgentEvent,
  type AgentRuntime,
  type Usage,
} from '../../schema/contracts/agent.ts';
import { packageRoot } from '../../schema/package-root.ts';

const root = join(packageRoot(), 'test/recordings');

/** The newest comes first. */
export function recordedVersions(runtime: AgentRuntime): string[] {
  const versions = readdirSync(root).flatMap((name) =>
    name.startsWith(`${runtime}-`) ? [name.slice(runtime.length + 1)] : [],
  );
  return versions.sort((one, other) => other.localeCompare(one, 'en', { numeric: true }));
}

/** What codex writes into a file of its own, and does not print. */
export const codexRollout = 'windows-rollout';

/** The situations in which the output of a version is recorded. */
export function recordedScenarios(runtime: AgentRuntime, version: string): string[] {
  const names = readdirSync(join(root, `${runtime}-${version}`)).map((name) => basename(name, '.jsonl'));
  return names.filter((name) => name !== codexRollout).sort();
}

/** Of the newest version, unless another is named. */
export function recorded(
  runtime: AgentRuntime,
  scenario: string,
  version = recordedVersions(runtime)[0],
): string[] {
  const path = join(root, `${runtime}-${version ?? ''}`, `${scenario}.jsonl`);
  return readFileSync(path, 'utf8').split('\n');
}

export function read(runtime: AgentRuntime, lines: readonly string[], counted?: Usage): AgentEvent[] {
  return lines.flatMap(runtimes[runtime].createReader(counted));
}

/** One word or two for each event. */
export function brief(event: AgentEvent): string {
  switch (event.type) {
    case 'tool':
      return `tool ${event.name}`;
    case 'error':
      return `error ${event.fault}`;
    case 'started':
    case 'text':
    case 'usage':
    case 'windows':
    case 'retry':
    case 'question':
    case 'question-over':
    case 'final':
      return event.type;
  }
}

export function usedIn(events: readonly AgentEvent[]): Usage {
  return events.reduce(
    (used, event) => (event.type === 'usage' ? addUsage(used, event.usage) : used),
    noUsage,
  );
}
