/** `mission agent`: look at one agent of the fleet, and write to it. */
import { userInfo } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { execa } from 'execa';
import { agentName } from '../../activities/fleet/interactive.ts';
import { newLines } from '../../activities/fleet/tail.ts';
import type { AgentState, SessionState, SessionView } from '../../schema/contracts/fleet.ts';
import { Name } from '../../schema/contracts/names.ts';
import { openTerminal } from '../../workers/fleet-desk.ts';
import { command, examplesHelp, groups } from './command.ts';
import { openDesk } from './open-desk.ts';
import { exitCodes, print, show, Usage } from './output.ts';
import { ageOf, table } from './table.ts';

interface Options {
  data: string;
  json?: boolean | undefined;
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
    const agents = await openDesk(data).roster();
    const rows = agents.map(({ name, runtime, class: kind, workingDirectory, modelHint = '' }) => [
      ...[name, runtime, kind, workingDirectory, modelHint],
    ]);
    show(agents, () => table(rows), json);
  });
}

const whichSession = 'an agent of the roster, or a session of a mission';

function status(): Command {
  return command('status', 'Show one agent, or one session of a mission', [
    'mission agent status coder0',
    'mission agent status greetings.T-001.author.1',
  ])
    .argument('<agent>', whichSession)
    .action(async (name: string, { data, json }: Options) => {
      const found = await openDesk(data).status(name);
      const { state, running = '-', pid, writtenAt } = found;
      const rows = [
        ['state', state],
        ['runs', running],
        ['pid', String(pid ?? '-')],
        ['wrote', writtenAt === undefined ? '-' : `${ageOf(writtenAt, Date.now())} ago`],
        ...('session' in found ? rowsOfSession(found) : [['drift', found.drift ?? 'none']]),
      ];
      show(found, () => table(rows), json);
    });
}

function rowsOfSession({ runtime, terminal = '-' }: SessionView): string[][] {
  return [
    ['runtime', runtime],
    ['terminal', terminal],
  ];
}

function watch(): Command {
  return command(
    'watch',
    'Look at a terminal, without a way to type in it (leave with Ctrl-B D); of a session without one, follow what it tells',
    ['mission agent watch coder0', 'mission agent watch greetings.T-001.author.1'],
  )
    .argument('<agent>', whichSession)
    .action(async (name: string, { data, json }: Options) => {
      const found = await openDesk(data).status(name);
      if ('session' in found && found.terminal === undefined) {
        return printTail({ name, data, json, lines: standardLines, follow: true });
      }
      const { tmux, terminal } = await openTerminal(data, name);
      await tmux.followSize(terminal, false);
      await showTerminal(tmux.client(terminal, 'look'));
    });
}

function attach(): Command {
  return command('attach', 'Take an agent’s terminal, to type in it (leave with Ctrl-B D)', [
    'mission agent attach coder0',
  ])
    .argument('<agent>', whichSession)
    .action(async (name: string, { data }: Options) => {
      const { tmux, terminal } = await openTerminal(data, name);
      await tmux.followSize(terminal, true);
      try {
        await showTerminal(tmux.client(terminal, 'type'));
      } finally {
        await tmux.followSize(terminal, false);
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
      const verify = options.verify ?? false;
      const { message, delivery } = await openDesk(options.data).send({
        ...{ name, source: source.data, text, verify },
      });
      show({ name, message, delivery }, () => [`${name}  ${delivery}`], options.json);
      if (verify && delivery !== 'accepted') process.exitCode = exitCodes.failed;
    });
}

function reset(): Command {
  return command('reset', 'Make an agent forget its conversation, and give it its first prompt again', [
    'mission agent reset coder0',
  ])
    .argument('<agent>')
    .action(async (name: string, { data, json }: Options) => {
      const done = await openDesk(data).reset(name);
      const prompted = done.kickstarted ? ', with its first prompt' : '';
      show({ name, ...done }, () => [`${name}  ${done.how}${prompted}`], json);
    });
}

const followMs = 500;
const standardLines = 40;

/** What can be new between two looks; a terminal keeps no more. */
const followedLines = 2_000;

function tail(): Command {
  return command('tail', 'Print what an agent, or a session of a mission, has written last', [
    'mission agent tail coder0',
    'mission agent tail coder0 --lines 200 --follow',
    'mission agent tail greetings.T-001.author.1',
  ])
    .argument('<agent>', whichSession)
    .option('--lines <count>', 'how many lines', parseLines, standardLines)
    .option('--follow', 'go on with what it writes')
    .action((name: string, options: Options & { lines: number; follow?: boolean }) =>
      printTail({ name, ...options }),
    );
}

async function printTail(of: Options & { name: string; lines: number; follow?: boolean }): Promise<void> {
  const { name, data, json, lines, follow = false } = of;
  const desk = openDesk(data);
  const read = (): Promise<string[]> => desk.tail({ name, lines: followedLines });
  let seen = await read();
  tell(seen.slice(-lines), json);
  while (follow) {
    // Before the last look at what it wrote: nothing comes after its end.
    const { state } = await desk.status(name);
    const now = await read().catch(() => seen);
    const added = newLines(seen, now);
    if (added.length > 0) tell(added, json);
    seen = now;
    if (isOver.has(state)) return;
    await setTimeout(followMs);
  }
}

const isOver: ReadonlySet<AgentState | SessionState> = new Set(['stopped', 'ended', 'lost']);

function tell(lines: readonly string[], json: boolean | undefined): void {
  if (json) print(JSON.stringify({ lines }));
  else for (const line of lines) print(line);
}

function parseLines(text: string): number {
  const lines = Number(text);
  if (Number.isInteger(lines) && lines > 0) return lines;
  throw new Usage(`--lines ${text}: give it a number above 0`);
}
