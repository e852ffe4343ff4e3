/** `mission agent`: look at one agent of the fleet, and write to it. */
import { hostname, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { execa } from 'execa';
import type { Fleet } from '../../activities/fleet/fleet.ts';
import { agentName } from '../../activities/fleet/interactive.ts';
import { resetAgent, sendMessage } from '../../activities/fleet/messages.ts';
import { newLines, written } from '../../activities/fleet/tail.ts';
import { Name } from '../../schema/contracts/names.ts';
import { runtimeOf, workingDirectoryOf } from '../../schema/contracts/roster.ts';
import { readRosterFile, rosterPath } from '../../workers/roster-file.ts';
import { command, examplesHelp, groups } from './command.ts';
import { ageOf, openFleet } from './open-fleet.ts';
import { exitCodes, print, show, Usage } from './output.ts';
import { table } from './table.ts';

interface Options {
  data: string;
  json?: boolean;
}

export function agentCommand(): Command {
  const agent = new Command('agent')
    .description('One agent of the fleet: look at it, and write to it')
    .helpGroup(groups.engine)
    .addHelpText(
      'after',
      examplesHelp(['mission agent roster', 'mission agent watch coder0', 'mission agent help send']),
    );
  for (const each of [roster(), status(), watch(), attach(), send(), reset(), tail()]) agent.addCommand(each);
  return agent;
}

function roster(): Command {
  return command('roster', 'List the agents that the roster names', [
    'mission agent roster',
    'mission agent roster --json',
  ]).action(async ({ data, json }: Options) => {
    const { roster: read } = await readRosterFile(rosterPath(resolve(data)));
    const agents = read.agents.map((agent) => ({
      ...agent,
      workingDirectory: workingDirectoryOf(read, agent),
      resetCommand: runtimeOf(read, agent.runtime).resetCommand,
    }));
    const rows = agents.map((agent) => [
      agent.name,
      agent.runtime,
      agent.class,
      agent.workingDirectory,
      agent.modelHint ?? '',
    ]);
    show(agents, () => table(rows), json);
  });
}

function status(): Command {
  return command('status', 'Show one agent', ['mission agent status coder0'])
    .argument('<agent>')
    .action(async (name: string, { data, json }: Options) => {
      const fleet = await openFleet(data);
      fleet.agent(name);
      const [found] = (await fleet.status()).filter((each) => each.name === name);
      if (found === undefined) throw new Error(`${name} can not be seen`);
      const { state, running, pid, writtenAt, drift } = found;
      const shown = { host: hostname(), name, state, running, pid, writtenAt, drift };
      const rows = [
        ['state', state],
        ['runs', running ?? '-'],
        ['pid', String(pid ?? '-')],
        ['wrote', writtenAt === undefined ? '-' : `${ageOf(writtenAt, Date.now())} ago`],
        ['drift', drift ?? 'none'],
      ];
      show(shown, () => table(rows), json);
    });
}

function watch(): Command {
  return command('watch', 'Look at an agent’s terminal, without a way to type in it (leave with Ctrl-B D)', [
    'mission agent watch coder0',
  ])
    .argument('<agent>')
    .action(async (name: string, { data }: Options) => {
      const { tmux } = await running(name, data);
      await tmux.followSize(name, false);
      await showTerminal(tmux.client(name, 'look'));
    });
}

function attach(): Command {
  return command('attach', 'Take an agent’s terminal, to type in it (leave with Ctrl-B D)', [
    'mission agent attach coder0',
  ])
    .argument('<agent>')
    .action(async (name: string, { data }: Options) => {
      const { tmux } = await running(name, data);
      await tmux.followSize(name, true);
      try {
        await showTerminal(tmux.client(name, 'type'));
      } finally {
        await tmux.followSize(name, false);
      }
    });
}

async function showTerminal({ argv, env }: { argv: string[]; env: Record<string, string> }): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new Usage('this needs a terminal: read what is written with `mission agent tail`');
  }
  const [program = '', ...args] = argv;
  const { exitCode } = await execa(program, args, { env, extendEnv: false, stdio: 'inherit', reject: false });
  if (exitCode !== 0) process.exitCode = exitCodes.failed;
}

function send(): Command {
  return command('send', 'Write a message to an agent, and send it off', [
    'mission agent send coder0 "go on with T-002"',
    'mission agent send coder0 "stop" --verify --from lead',
  ])
    .argument('<agent>')
    .argument('<text>')
    .option('--from <name>', 'who says it (default: the agent in whose terminal this is typed, else you)')
    .option('--verify', 'look for up to 6 s whether it was accepted; ends with 1 if that was not seen')
    .action(async (name: string, text: string, options: Options & { from?: string; verify?: boolean }) => {
      const source = Name.safeParse(options.from ?? process.env[agentName] ?? userInfo().username);
      if (!source.success) throw new Usage(`--from ${source.error.issues[0]?.message ?? 'is no name'}`);
      if (text.trim() === '') throw new Usage('the message is empty');
      const { tmux } = await running(name, options.data);
      const verify = options.verify ?? false;
      const sent = await sendMessage({ tmux, source: source.data, target: name, text, verify });
      const { delivery = 'sent' } = sent;
      show({ name, message: sent.message, delivery }, () => [`${name}  ${delivery}`], options.json);
      if (verify && delivery !== 'accepted') process.exitCode = exitCodes.failed;
    });
}

function reset(): Command {
  return command('reset', 'Make an agent forget its conversation, and give it its first prompt again', [
    'mission agent reset coder0',
  ])
    .argument('<agent>')
    .action(async (name: string, { data, json }: Options) => {
      const fleet = await openFleet(data);
      const templates = join(resolve(data), 'templates');
      const done = await resetAgent({ fleet, agent: fleet.agent(name), templates });
      const prompted = done.kickstarted ? ', with its first prompt' : '';
      show({ name, ...done }, () => [`${name}  ${done.how}${prompted}`], json);
    });
}

const followMs = 500;

function tail(): Command {
  return command('tail', 'Print what an agent has written last', [
    'mission agent tail coder0',
    'mission agent tail coder0 --lines 200 --follow',
  ])
    .argument('<agent>')
    .option('--lines <count>', 'how many lines', parseLines, 40)
    .option('--follow', 'go on with what it writes')
    .action(async (name: string, options: Options & { lines: number; follow?: boolean }) => {
      const { tmux } = await running(name, options.data);
      const read = async (): Promise<string[]> => written(await tmux.capture({ name, history: 2_000 }));
      let seen = await read();
      tell(seen.slice(-options.lines), options.json);
      while (options.follow === true && (await tmux.has(name))) {
        await setTimeout(followMs);
        const now = await read().catch(() => seen);
        const added = newLines(seen, now);
        if (added.length > 0) tell(added, options.json);
        seen = now;
      }
    });
}

function tell(lines: readonly string[], json: boolean | undefined): void {
  if (json) print(JSON.stringify({ lines }));
  else for (const line of lines) print(line);
}

function parseLines(text: string): number {
  const lines = Number(text);
  if (Number.isInteger(lines) && lines > 0) return lines;
  throw new Usage(`--lines ${text}: give it a number above 0`);
}

async function running(name: string, data: string): Promise<Fleet> {
  const fleet = await openFleet(data);
  fleet.agent(name);
  if (await fleet.tmux.has(name)) return fleet;
  throw new Error(`${name} does not run: start it with \`mission fleet start ${name}\``);
}
