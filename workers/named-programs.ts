/** What missions and amendments want run, and whether the hosts that are known have it. */
import { fits } from '../activities/sessions/choose-place.ts';
import { AgentRuntime, isAgent, runtimeName, type RuntimeName } from '../schema/contracts/agent.ts';
import type { PlanChange } from '../schema/contracts/amendment.ts';
import type { AmendedMission, Fault } from '../schema/contracts/door.ts';
import type { Host } from '../schema/contracts/host.ts';
import type { MissionFile, Policy } from '../schema/contracts/mission-file.ts';
import {
  startedProgram,
  toStartedTask,
  type Plan,
  type PlannedChange,
  type Program,
} from '../schema/contracts/plan.ts';

/** What the hosts that are known can do, together. */
export interface Fleet {
  /** Agents of the mission's own host. */
  here: RuntimeName[];
  finds(runtime: RuntimeName, labels: readonly string[]): boolean;
  /** Whether another than the mission's own host has an agent. */
  isElsewhere(runtime: AgentRuntime): boolean;
  faults(program: NamedProgram): Fault[];
}

export function createFleet(of: {
  hosts: readonly Host[];
  own: Host | undefined;
  machine: string | undefined;
}): Fleet {
  const { hosts, own, machine } = of;
  const here = own?.runtimes.map(({ name }) => name) ?? [];
  return { here, finds, isElsewhere, faults };

  function finds(runtime: RuntimeName, labels: readonly string[]): boolean {
    return hosts.some((host) => fits(host, { runtime, labels, machine }));
  }

  function isElsewhere(runtime: AgentRuntime): boolean {
    return hosts.some((host) => host !== own && fits(host, { runtime, labels: [], machine }));
  }

  function faults(program: NamedProgram): Fault[] {
    const { runtime = 'script', agent, labels = [] } = program;
    // A mission's own host runs what asks for nothing.
    if (labels.length === 0 && agent === undefined && !isAgent({ runtime })) return [];
    const name = runtimeName({ runtime, agent });
    if (finds(name, labels)) return [];
    const path = placeOf(program, finds(name, []) ? 'labels' : 'runtime');
    return [{ path, message: misnamed({ runtime, agent }) ?? missing(name, labels) }];
  }

  function misnamed({ runtime, agent }: Pick<NamedProgram, 'runtime' | 'agent'>): string | undefined {
    if (runtime === 'acp' && agent === undefined) {
      const agents = known().filter((name) => name.startsWith('acp:'));
      return `the runtime acp needs agent: ${thereIs(agents.map((name) => name.slice('acp:'.length)))}`;
    }
    if (runtime === 'acp' || agent === undefined) return undefined;
    return `agent goes with the runtime acp, and not with ${runtime ?? ''}`;
  }

  function missing(runtime: RuntimeName, labels: readonly string[]): string {
    if (!isAgent({ runtime }) || (labels.length > 0 && finds(runtime, []))) {
      const what = isAgent({ runtime }) ? ` and ${runtime}` : '';
      return `no host ${machine === undefined ? '' : 'of this machine '}has the labels ${labels.join(', ')}${what}: see labels in engine.yaml, and mission host`;
    }
    const where =
      hosts.length === 1 ? 'this host' : machine === undefined ? 'any host' : 'any host of this machine';
    const remedy = runtime.startsWith('acp:')
      ? 'name it under acp: in the roster, and install its program'
      : 'install it, see mission fleet verify';
    return `${runtime} is not on ${where} (${thereIs(known())}): ${remedy}`;
  }

  function known(): RuntimeName[] {
    const names = new Set(hosts.flatMap(({ runtimes }) => runtimes.map(({ name }) => name)));
    return [...names].filter((name) => finds(name, []));
  }
}

function thereIs(agents: readonly string[]): string {
  return agents.length === 0 ? 'no other agent is' : `there is ${agents.join(', ')}`;
}

/** A program as a file or an amendment names it, and where. */
export interface NamedProgram {
  at: string;
  runtime?: Program['runtime'] | undefined;
  agent?: string | undefined;
  labels?: readonly string[] | undefined;
  script?: string | undefined;
  command?: string | undefined;
}

/** Whether it is an agent's, be it the mission's own where it names none. */
export function isOfAnAgent({ script, command }: NamedProgram): boolean {
  return script === undefined && command === undefined;
}

export function programsOf(file: MissionFile): NamedProgram[] {
  return file.milestones.flatMap((milestone, m) =>
    milestone.tasks.map((task, t) => ({ ...task, at: `milestones.${m}.tasks.${t}` })),
  );
}

export function programOfChange(change: PlanChange, index: number): NamedProgram[] {
  if (change.change === 'add') return [{ ...change.task, at: `changes.${index}.task` }];
  if (change.change === 'edit') return [{ ...change.set, at: `changes.${index}.set` }];
  return [];
}

/** What each task of a plan runs, and where. */
export function agentsOf(plan: Plan): NamedProgram[] {
  return plan.milestones.flatMap((milestone, m) =>
    milestone.tasks.map((task, t) => {
      const { program, labels } = toStartedTask({ plan, milestone, task });
      return { ...program, labels, at: `milestones.${m}.tasks.${t}` };
    }),
  );
}

/** What tasks run after changes of a plan: what these don't say of it is said by milestone and mission. */
export function agentsOfChanges(
  { plan, tasks }: AmendedMission,
  changes: readonly PlannedChange[],
): NamedProgram[] {
  // Where each task is when the change before this one is made.
  const places = new Map(tasks.map(({ id, milestone }) => [id, milestone]));
  const milestones = new Map(plan.milestones.map((milestone) => [milestone.id, milestone]));
  return changes.flatMap((change, index): NamedProgram[] => {
    const at = `changes.${index}`;
    switch (change.change) {
      case 'policy':
        return fallbackOf(change, at);
      case 'defer':
        return [];
      case 'move':
        places.set(change.task, change.milestone);
        return [];
      case 'add': {
        places.set(change.task.id, change.milestone);
        const milestone = milestones.get(change.milestone);
        // The mission itself refuses what has no place in it.
        if (!milestone) return [];
        const { program, labels } = toStartedTask({ plan, milestone, task: change.task });
        return [{ ...program, labels, at: `${at}.task` }];
      }
      case 'edit': {
        const { program, labels } = change.set;
        const milestone = milestones.get(places.get(change.task) ?? '');
        const agent = program && startedProgram({ plan, milestone, program });
        return [{ ...agent, labels, at: `${at}.set` }];
      }
    }
  });
}

export function fallbackOf(
  { fallback }: { fallback?: readonly AgentRuntime[] | null | undefined },
  at: string,
): NamedProgram[] {
  return (fallback ?? []).map((runtime, index) => ({ runtime, at: `${at}.fallback.${index}` }));
}

export function strongerOf({ stronger }: Pick<Policy, 'stronger'>): NamedProgram[] {
  return stronger?.runtime === undefined ? [] : [{ ...stronger, at: 'policy.stronger' }];
}

/** Each agent program, and the first place where it is named. */
export function firstPlaces(programs: readonly NamedProgram[]): Map<AgentRuntime, string> {
  const named = new Map<AgentRuntime, string>();
  for (const program of programs) {
    const agent = AgentRuntime.safeParse(program.runtime).data;
    if (agent !== undefined && !named.has(agent)) named.set(agent, placeOf(program, 'runtime'));
  }
  return named;
}

/** A fallback is named by itself, and not by a field of something. */
function placeOf({ at }: NamedProgram, field: 'labels' | 'runtime'): string {
  return /\bfallback\.\d+$/.test(at) ? at : `${at}.${field}`;
}
