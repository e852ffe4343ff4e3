import { Command, InvalidArgumentError, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { MissionFile } from '../../schema/contracts/mission-file.ts';
import { z } from 'zod';
import { findApi, type Api, type Mission } from './api-client.ts';
import { followMission } from './follow.ts';
import { dataOption, exitCodes, print, show } from './output.ts';
import { taskLine, timelineLine } from './timeline.ts';

interface Common {
  data: string;
  json?: boolean;
}

function command(name: string, description: string, examples: string[]): Command {
  return new Command(name)
    .description(description)
    .addOption(dataOption())
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
}

async function apiOf(of: Command): Promise<{ api: Api; json: boolean | undefined }> {
  const { data, json } = of.opts<Common>();
  return { api: await findApi(data), json };
}

export function missionCommands(): Command[] {
  return [start(), list(), showCommand(), watch(), approve(), resolveCommand(), cancel()];
}

function start(): Command {
  return command('start', 'Start a mission from its file', [
    'mission start mission.yaml',
    'mission start m.yaml --watch',
  ])
    .argument('<file>', 'a mission file, YAML or JSON')
    .option('--watch', 'follow it to its end')
    .action(async (path: string, options: { watch?: boolean }, self: Command) => {
      const { api, json } = await apiOf(self);
      const file = await readMissionFile(path);
      const mission = await api.create(JSON.stringify(file), 'application/json');
      if (!options.watch) {
        show(mission, () => [missionLine(mission), `follow it with: mission watch ${mission.id}`], json);
        return;
      }
      await follow(api, mission.id, json);
    });
}

/** Paths in a mission file are meant from where it lies; the engine gets them absolute. */
async function readMissionFile(path: string): Promise<MissionFile> {
  const text = await readFile(path, 'utf8');
  const parsed = MissionFile.safeParse(parse(text, { maxAliasCount: 100 }));
  if (!parsed.success) throw new Error(`${path}:\n${z.prettifyError(parsed.error)}`);
  const file = parsed.data;
  const absolute = (relative: string): string => resolve(dirname(path), relative);
  if (!/^[a-z]+:\/\/|^[^/]+@[^/]+:/i.test(file.repository.path)) {
    file.repository.path = absolute(file.repository.path);
  }
  for (const task of file.milestones.flatMap((milestone) => milestone.tasks)) {
    if (task.runtime === 'script') task.script = absolute(task.script);
  }
  return file;
}

function list(): Command {
  return command('list', 'List missions, newest first', ['mission list', 'mission list --limit 10 --json'])
    .addOption(new Option('--limit <n>', 'missions on a page').default(50).argParser(parseLimit))
    .option('--cursor <cursor>', 'go on where the page before ended')
    .action(async (options: { limit: number; cursor?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      const page = await api.list({ limit: options.limit, cursor: options.cursor });
      const more = page.nextCursor === null ? [] : [`more: mission list --cursor ${page.nextCursor}`];
      show(page, () => [...page.missions.map(missionLine), ...more], json);
    });
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw new InvalidArgumentError('a page has 1 to 200 missions');
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
        () => [missionLine(found.mission), ...found.tasks.map((task) => taskLine(task, now))],
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
  return command('approve', 'Give the merge go-ahead for the head of a task', [
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
      show(goAhead, () => [`go-ahead for ${task} at ${goAhead.sha}, by ${goAhead.by}`], json);
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
  return command('resolve', 'Answer a blocked task', [
    'mission resolve greetings T-001 retry --guidance "the API key is in place now"',
    'mission resolve greetings T-001 abandon',
  ])
    .argument('<id>')
    .argument('<task>')
    .argument('<action>', 'retry, skip or abandon')
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
  return command('cancel', 'Cancel a mission: stop its sessions and clean up', [
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

function missionLine(mission: Mission): string {
  const reason = mission.reason === null ? '' : `  (${mission.reason})`;
  return `${mission.id.padEnd(20)} ${mission.status.padEnd(11)} ${mission.title}${reason}`;
}
