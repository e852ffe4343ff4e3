import type { Command } from 'commander';
import { describeHandoff } from '../../schema/contracts/handoff-text.ts';
import type { Evidence, GateState, Why } from '../../schema/contracts/why.ts';
import { apiOf, command, groups } from './command.ts';
import { show } from './output.ts';
import { oneLine } from './timeline.ts';

export function whyCommand(): Command {
  return command('why', 'Say why a task may not be merged yet, gate by gate', [
    'mission why greetings T-001',
    'mission why greetings T-001 --json',
  ])
    .helpGroup(groups.look)
    .argument('<id>')
    .argument('<task>')
    .action(async (id: string, task: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      const found = await api.why({ id, task });
      show(found, () => whyLines(found), json);
    });
}

export function handoffCommand(): Command {
  return command('handoff', 'Print all that somebody needs to carry on with a mission, as Markdown', [
    'mission handoff greetings',
    'mission handoff greetings --json',
  ])
    .helpGroup(groups.look)
    .argument('<id>')
    .action(async (id: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      const found = await api.handoff({ id });
      show(found, () => [describeHandoff(found)], json);
    });
}

const marks: Record<GateState, string> = {
  passed: '✔',
  here: '▸',
  'not-yet': '·',
  failed: '✘',
  'not-needed': '-',
};

/** Beneath each gate what it has seen, what is missing, and the command that would move it. */
function whyLines({ answer, gates }: Why): string[] {
  const lines = gates.flatMap(({ gate, state, evidence, missing, for: whose, since, command: line }) => {
    const turn = whose === null ? '' : `, for: ${whose}`;
    const when = since === null ? '' : `, since ${new Date(since).toISOString()}`;
    return [
      `${marks[state]} ${gate.padEnd(18)} ${state}`,
      ...evidence.map((one) => `    ${evidenceLine(one)}`),
      ...(missing === null ? [] : [`    missing: ${missing}${turn}${when}`]),
      ...(line === null ? [] : [`    do: ${line}`]),
    ];
  });
  // Reasons and questions are in the words of agents and programs.
  return [answer, ...lines].map(oneLine);
}

function evidenceLine({ what, says, sha, counts }: Evidence): string {
  const at = sha === undefined ? '' : ` at ${sha}`;
  return `${what}: ${says}${at}${counts === false ? ' (of another head: it does not count)' : ''}`;
}
