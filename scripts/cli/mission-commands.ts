import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { MissionStatus } from '../../schema/contracts/gates.ts';
import { Resolution } from '../../schema/contracts/messages.ts';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import type { Api, Mission } from './api-client.ts';
import { apiOf, command, groups, mutation } from './command.ts';
import { readMissionFile } from './files.ts';
import { followMission } from './follow.ts';
import { exitCodes, print, show, warn } from './output.ts';
import { eventLine, findingLines, oneLine, questionLines, taskLine, timelineLine } from './timeline.ts';

export function missionCommands(): Command[] {
  const look = [list(), showCommand(), watch(), events()];
  const steer = [start(), approve(), resolveCommand(), pause(), resume(), cancel()];
  return [
    ...look.map((each) => each.helpGroup(groups.look)),
    ...steer.map((each) => each.helpGroup(groups.steer)),
  ];
}

function start(): Command {
  return mutation('start', 'Start a mission from its file', [
    'mission start mission.yaml',
    'mission start m.yaml --watch',
  ])
    .argument('<file>', 'a mission file, YAML or JSON')
    .option('--watch', 'follow it to its end')
    .action(async (path: string, options: { watch?: boolean }, self: Command) => {
      const file = await readMissionFile(path);
      const { api, json } = await apiOf(self);
      const mission = await api.create(JSON.stringify(file), 'application/json');
      warn(mission.warnings);
      if (!options.watch) {
        show(mission, () => [missionLine(mission), `follow it with: mission watch ${mission.id}`], json);
        return;
      }
      await follow(api, mission.id, json);
    });
}

function list(): Command {
  return command('list', 'List missions, newest first', [
    'mission list',
    'mission list --status running paused --repository /srv/repositories/hello.git',
    'mission list --needs-human --json',
  ])
    .addOption(new Option('--status <status...>', 'only those that stand so').choices(MissionStatus.options))
    .option('--repository <repository>', 'only those of this repository')
    .option('--needs-human', 'only those that wait for a person')
    .addOption(limitOption('missions'))
    .option('--cursor <cursor>', 'go on where the page before ended')
    .action(async (options: ListOptions, self: Command) => {
      const { api, json } = await apiOf(self);
      const { limit, cursor, status, repository, needsHuman } = options;
      const page = await api.list({ limit, cursor, status, repository, needsHuman });
      const more = page.nextCursor === null ? [] : [`more: the same with --cursor ${page.nextCursor}`];
      show(page, () => [...page.missions.map(missionLine), ...more], json);
    });
}

interface ListOptions {
  limit: number;
  cursor?: string;
  status?: string[];
  repository?: string;
  needsHuman?: boolean;
}

/** How much of a list is asked for at once; the API gives no more than 200. */
export function limitOption(of: string): Option {
  return new Option('--limit <n>', `${of} on a page`).default(50).argParser(parseLimit);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw new InvalidArgumentError('a page has 1 to 200 entries');
}

function showCommand(): Command {
  return command('show', 'Show a mission: each task, its gate, what it waits on and for whom', [
    'mission show greetings',
  ])
    .argument('<id>')
    .action(async (id: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      const found = await api.show(id);
      const now = Date.now();
      show(
        found,
        () => [
          missionLine(found.mission),
          ...found.tasks.flatMap((task) => [
            taskLine(task, now),
            ...questionLines(task),
            ...findingLines(task),
          ]),
        ],
        json,
      );
    });
}

function watch(): Command {
  return command('watch', 'Follow a mission to its end', [
    'mission watch greetings',
    'mission watch greetings --json',
  ])
    .argument('<id>')
    .action(async (id: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      await follow(api, id, json);
    });
}

function events(): Command {
  return command('events', 'Print what has happened, one line for each event', [
    'mission events greetings',
    'mission events greetings --after 120 --follow --json',
  ])
    .argument('<id>')
    .addOption(new Option('--after <n>', 'only those after this number').default(0).argParser(parseSequence))
    .option('--follow', 'go on to the end of the mission')
    .action(async (id: string, options: { after: number; follow?: boolean }, self: Command) => {
      const { api, json } = await apiOf(self);
      const { after } = options;
      const onEvent = (event: MissionEvent): void => print(json ? JSON.stringify(event) : eventLine(event));
      if (options.follow) return followMission({ findApi: () => Promise.resolve(api), id, after, onEvent });
      for await (const event of api.events({ id, after, follow: false })) onEvent(event);
    });
}

function parseSequence(text: string): number {
  const sequence = Number(text);
  if (Number.isInteger(sequence) && sequence >= 0) return sequence;
  throw new InvalidArgumentError('events are numbered from 1; 0 is before the first');
}

async function follow(api: Api, id: string, json: boolean | undefined): Promise<void> {
  let startedAt: number | undefined;
  await followMission({
    findApi: () => Promise.resolve(api),
    id,
    onEvent: (event) => {
      startedAt ??= event.at;
      print(json ? JSON.stringify(event) : timelineLine(event, startedAt));
    },
  });
  const { mission } = await api.show(id);
  if (mission.status !== 'completed') process.exitCode = exitCodes.incomplete;
}

function approve(): Command {
  return mutation('approve', 'Give the merge go-ahead for the head of a task', [
    'mission approve greetings T-001',
    'mission approve greetings T-001 --head 3f786850e387550fdab836ed7e6dc881de23001b',
  ])
    .argument('<id>')
    .argument('<task>')
    .option('--head <sha>', 'the head that you have read; without it, the present one')
    .action(async (id: string, task: string, options: { head?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      const headSha = options.head ?? (await headOf(api, id, task));
      const goAhead = await api.goAhead({ id, task, headSha });
      const { standing } = goAhead;
      const count = standing ? `, ${standing.given} of ${standing.needed}` : '';
      show(goAhead, () => [`go-ahead for ${task} at ${goAhead.sha}, by ${goAhead.by}${count}`], json);
    });
}

async function headOf(api: Api, id: string, taskId: string): Promise<string> {
  const { tasks } = await api.show(id);
  const task = tasks.find((candidate) => candidate.id === taskId);
  if (!task)
    throw new Error(`${id} has no task ${taskId}; it has ${tasks.map((known) => known.id).join(', ')}`);
  if (task.headSha === null) throw new Error(`${taskId} has delivered nothing yet`);
  return task.headSha;
}

function resolveCommand(): Command {
  return mutation('resolve', 'Answer a blocked task', [
    'mission resolve greetings T-001 retry --guidance "the API key is in place now"',
    'mission resolve greetings T-001 abandon',
  ])
    .argument('<id>')
    .argument('<task>')
    .addArgument(new Argument('<action>', 'what is to become of it').choices(Resolution.shape.action.options))
    .option('--guidance <text>', 'what the next session is told')
    .action(
      async (id: string, task: string, action: string, options: { guidance?: string }, self: Command) => {
        const { api, json } = await apiOf(self);
        await api.resolve({ id, task, action, guidance: options.guidance });
        show({ task, action }, () => [`${task}: ${action}`], json);
      },
    );
}

function cancel(): Command {
  return mutation('cancel', 'Cancel a mission: stop its sessions and clean up', [
    'mission cancel greetings --reason "wrong branch"',
  ])
    .argument('<id>')
    .option('--reason <text>', 'why, for the record')
    .action(async (id: string, options: { reason?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      await api.cancel({ id, reason: options.reason });
      show({ id, cancelled: true }, () => [`${id} is being cancelled`], json);
    });
}

function pause(): Command {
  return mutation('pause', 'Start nothing more in a mission; what runs comes to its next gate', [
    'mission pause greetings --reason "the release is being cut"',
  ])
    .argument('<id>')
    .option('--reason <text>', 'why, for the record')
    .action(async (id: string, options: { reason?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      await api.pause({ id, reason: options.reason });
      show({ id, paused: true }, () => [`${id} is paused; go on with: mission resume ${id}`], json);
    });
}

function resume(): Command {
  return mutation('resume', 'Go on with a paused mission', ['mission resume greetings'])
    .argument('<id>')
    .action(async (id: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      await api.resume({ id });
      show({ id, paused: false }, () => [`${id} goes on`], json);
    });
}

function missionLine(mission: Mission): string {
  const reason = mission.reason === null ? '' : `  (${oneLine(mission.reason)})`;
  return `${mission.id.padEnd(20)} ${mission.status.padEnd(11)} ${oneLine(mission.title)}${reason}`;
}
