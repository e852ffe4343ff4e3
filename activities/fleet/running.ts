/** Which agent program runs in a pane, judged by its processes. */
import { basename } from 'node:path';
import { agentRuntimes, type AgentRuntime } from '../../schema/contracts/agent.ts';
import type { Process } from '../processes/tree.ts';

/** What runs: a runtime; `node`, which may be pi; or another program by its name. */
export function runningProgram(processes: readonly Process[]): string | undefined {
  const [first] = processes;
  if (first === undefined) return undefined;
  for (const { argv } of processes) {
    const program = runtimeOf(argv) ?? programOf(argv);
    // What descends from it is a tool of its own, even where that is another agent's program.
    if (program === 'node' || isRuntime(program)) return program;
  }
  return programOf(first.argv);
}

/** `node` counts for pi: it does not always give its process a name of its own. */
export function isRunning(runtime: AgentRuntime, running: string): boolean {
  return running === runtime || (runtime === 'pi' && running === 'node');
}

/** Programs that npm installed are scripts: their name is the second word, after that of what runs them. */
function runtimeOf(argv: readonly string[]): AgentRuntime | undefined {
  const names = argv.slice(0, 2).map(nameOf);
  return agentRuntimes.find((runtime) => names.includes(runtime));
}

function isRuntime(program: string): boolean {
  return agentRuntimes.some((runtime) => runtime === program);
}

function programOf(argv: readonly string[]): string {
  return nameOf(argv[0] ?? '') || 'unknown';
}

/** A program may have given itself a title of several words. A login shell has a dash before its name. */
export function nameOf(word: string): string {
  const [path = ''] = word.split(' ');
  return basename(path).replace(/^-/, '');
}
