import { basename, dirname } from 'node:path';
import { agentRuntimes, type AgentRuntime } from '../../schema/contracts/agent.ts';
import { ownProcesses, type OwnProcess } from '../processes/tree.ts';
import { nameOf } from './running.ts';

/** What runs a program that npm has installed. */
const interpreters: ReadonlySet<string> = new Set(['node', 'bun', 'deno']);

/**
 * Agents at work on this machine that no engine has launched for a task, those in the fleet's terminals among them. They
 * use the same logins. What an agent has started itself is a part of it.
 */
export function outsideAgents(processes: readonly OwnProcess[] = ownProcesses()): AgentRuntime[] {
  const agents = new Map(
    processes.flatMap((process) => {
      const runtime = agentOf(process.argv);
      return runtime === undefined ? [] : [[process.pid, { ...process, runtime }] as const];
    }),
  );
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  return [...agents.values()]
    .filter(({ run, parent }) => (run === undefined || isOfFleet(run)) && !isBelowAgent(parent))
    .map(({ runtime }) => runtime);

  function isBelowAgent(pid: number): boolean {
    for (let above: number | undefined = pid; above !== undefined; above = parents.get(above)) {
      if (agents.has(above)) return true;
    }
    return false;
  }
}

/** See `tagOf` in `fleet.ts`. */
function isOfFleet(run: string): boolean {
  return basename(dirname(run)) === 'fleet';
}

function agentOf(argv: readonly string[]): AgentRuntime | undefined {
  const [first = '', second = ''] = argv.map(nameOf);
  const name = interpreters.has(first) ? second : first;
  return agentRuntimes.find((runtime) => runtime === name);
}
