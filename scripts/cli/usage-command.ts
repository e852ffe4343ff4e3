import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  UsageBy,
  type AccountWindow,
  type UsageReport,
  type UsageRow,
  type UsageSum,
} from '../../schema/contracts/usage.ts';
import { apiOf, command, groups } from './command.ts';
import { show } from './output.ts';
import { table } from './table.ts';

export function usageCommand(): Command {
  return command('usage', 'Show what agents have used: tokens, money and time', [
    'mission usage',
    'mission usage greetings --by session',
    'mission usage --by runtime --since 2026-11-01 --json',
  ])
    .helpGroup(groups.look)
    .argument('[id]', 'only this mission')
    .addOption(
      new Option(
        '--by <what>',
        'what to sum up for; by itself missions, and of one mission its tasks',
      ).choices(UsageBy.options),
    )
    .addOption(new Option('--since <time>', 'only sessions that ended then or later').argParser(parseTime))
    .action(async (id: string | undefined, options: { by?: string; since?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      const { by = id === undefined ? 'mission' : 'task', since } = options;
      const report = await api.usage({ by, mission: id, since });
      show(report, () => [...usageLines(report), ...windowLines(report, Date.now())], json);
    });
}

function parseTime(text: string): string {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new InvalidArgumentError('a time is like 2026-11-01 or 2026-11-01T08:00:00Z');
}

const headings = ['sessions', 'tokens read', 'cached', 'written', 'cost', 'time'];

/** A table with its total in the last line. */
export function usageLines({ by, rows, more, total }: UsageReport): string[] {
  const lines = table(
    [[by, ...headings], ...rows.map((row) => [nameOf(row), ...cellsOf(row)]), ['total', ...cellsOf(total)]],
    { numbersFrom: 1 },
  );
  if (more > 0) lines.splice(-1, 0, `and ${more} more, which used less`);
  if (total.unpriced > 0) lines.push(`* leaves out sessions that told no price: ${total.unpriced}`);
  return lines;
}

/** What is used of the windows of each account, and how old that word is. */
export function windowLines({ windows }: Pick<UsageReport, 'windows'>, now: number): string[] {
  if (windows.length === 0) return [];
  const rows = windows.map((one) => [one.account, one.window, ...windowCells(one, now)]);
  const lines = table([['account', 'window', 'used', 'opens again', 'told'], ...rows]);
  return ['', ...lines, 'of the accounts themselves: use outside of the engine counts too'];
}

function windowCells({ usedPercent, resetsAt, toldAt }: AccountWindow, now: number): string[] {
  if (toldAt === null) return ['-', '-', 'not told'];
  const told = `${spanOf(now - toldAt)} ago`;
  // What was told is of a window that is over.
  if (resetsAt !== null && resetsAt <= now) return ['-', `${spanOf(now - resetsAt)} ago`, told];
  const used = usedPercent === null ? '-' : `${Math.round(usedPercent)}%`;
  return [used, resetsAt === null ? '-' : `in ${spanOf(resetsAt - now)}`, told];
}

/** Never less than nothing: clocks differ. */
function spanOf(ms: number): string {
  const hours = ms / 3_600_000;
  return hours < 48
    ? timeOf(Math.max(0, ms) / 1_000)
    : `${Math.floor(hours / 24)}d${Math.floor(hours % 24)}h`;
}

function nameOf({ mission, task, session, runtime, model, outcome }: UsageRow): string {
  const program = [runtime, model].filter((part) => part !== null).join(' ');
  if (session !== null) return [session, program, outcome].filter((part) => part !== null).join('  ');
  if (task !== null) return `${mission ?? ''} ${task}`;
  return mission ?? program;
}

function cellsOf(sum: UsageSum): string[] {
  const { sessions, inputTokens, cachedTokens, outputTokens } = sum;
  const tokens = [inputTokens, cachedTokens, outputTokens].map((each) => each.toLocaleString('en'));
  return [String(sessions), ...tokens, costOf(sum), timeOf(sum.seconds)];
}

/** A star: there is more to it than was told. */
function costOf({ costUsd, unpriced }: UsageSum): string {
  const star = unpriced === 0 ? '' : '*';
  return costUsd === null ? `-${star}` : `$${costUsd.toFixed(2)}${star}`;
}

function timeOf(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${whole % 60}s`;
  return `${Math.floor(whole / 3_600)}h${Math.floor((whole % 3_600) / 60)}m`;
}
