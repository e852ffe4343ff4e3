import {
  chooseAgent,
  isAgent,
  runtimeName,
  type AgentChoice,
  type AgentRuntime,
} from '../../schema/contracts/agent.ts';
import type { Program } from '../../schema/contracts/plan.ts';

/** What the next session runs, or until when all that it may run is closed. */
export type Choice = { kind: 'open'; program: Program } | { kind: 'closed'; runtime: string; until: number };

/**
 * The first program whose quota is not known to be closed: the task's own before those that may stand in for it.
 * `closed` has the runtimes that were rate-limited, and when their windows open.
 */
export function chooseProgram(of: {
  program: Program;
  fallback: readonly AgentRuntime[];
  closed: ReadonlyMap<string, number>;
  now: number;
}): Choice {
  const { program, closed, now } = of;
  const candidates = withStandIns(program, of.fallback).map((candidate) => ({
    program: candidate,
    until: closed.get(runtimeName(candidate)) ?? 0,
  }));
  const open = candidates.find(({ until }) => until <= now);
  if (open) return { kind: 'open', program: open.program };
  const soonest = candidates.reduce((one, other) => (other.until < one.until ? other : one));
  return { kind: 'closed', runtime: runtimeName(soonest.program), until: soonest.until };
}

/** What an author runs that was sent back so often: what the first remediation could not mend is for who can do more. */
export function programAfter(of: {
  program: Program;
  stronger: AgentChoice | undefined;
  remediations: number;
}): Program {
  const { program, stronger, remediations } = of;
  if (stronger === undefined || remediations < 2 || !isAgent(program)) return program;
  return chooseAgent(program, stronger);
}

/**
 * All that a session may run, whatever is closed: the program before those that stand in for it. A model belongs to its
 * runtime: another has the one that its operator has set.
 */
export function withStandIns(program: Program, fallback: readonly AgentRuntime[] = []): Program[] {
  if (!isAgent(program)) return [program];
  const others = fallback.filter((runtime) => runtime !== program.runtime);
  return [program, ...others.map((runtime) => chooseAgent(program, { runtime }))];
}
