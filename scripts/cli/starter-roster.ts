import type { AgentRuntime } from '../../schema/contracts/agent.ts';
import { agentClasses, Roster, runtimeOf } from '../../schema/contracts/roster.ts';

/** A first roster of what was found on this machine, with a word on each key. */
export function starterRoster(found: { runtimes: readonly AgentRuntime[]; tmux: boolean }): string {
  const { runtimes, tmux } = found;
  return `# The agents of this machine. Look at it with \`mission fleet verify\`; every key is in docs/operations.md.
version: 1

# tmux: agents run in sessions that you can attach to. process: without a terminal.
transport: ${tmux ? 'tmux' : 'process'}
tmux:
  # tmux -L mosaic-factory attach
  socketName: mosaic-factory
  # Keeps the server up while no agent runs.
  holderSession: _holder

defaults:
  # Where agents work, unless they name a workingDirectory of their own.
  workingDirectory: ~/src

# How each program is run. Missions can not change this.
${runtimes.length === 0 ? 'runtimes: {}' : ['runtimes:', ...runtimes.map(runtimeLines)].join('\n')}

# class: ${agentClasses.join(', ')}, or one of your own.
${agentsOf(runtimes)}
`;
}

const empty = Roster.parse({ version: 1 });

function runtimeLines(runtime: AgentRuntime): string {
  return `  ${runtime}:
    # Typed before an agent's next task where resetBetweenTasks is true.
    resetCommand: ${runtimeOf(empty, runtime).resetCommand}
    # args: [--flag]
    # env: { NAME: value } # the values are never shown
    # model: name`;
}

function agentsOf(runtimes: readonly AgentRuntime[]): string {
  if (runtimes.length > 0) return ['agents:', ...runtimes.map(agentLines)].join('\n');
  const example = asComment(`agents:\n${agentLines('codex')}`);
  return `agents: []\n# No program of an agent was found here; with one write instead of the line above\n${example}`;
}

function agentLines(runtime: AgentRuntime): string {
  return `  - name: coder-${runtime}
    runtime: ${runtime}
    class: implementer
    resetBetweenTasks: true
  - name: reviewer-${runtime}
    runtime: ${runtime}
    class: reviewer
    resetBetweenTasks: true`;
}

function asComment(lines: string): string {
  return lines.replaceAll(/^/gm, '# ');
}
