import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Sweep, SweepReport } from '../../schema/contracts/sweep.ts';
import type { Api } from './api-client.ts';
import { apiOf, command, groups } from './command.ts';
import { exitCodes, show, Usage } from './output.ts';

/** How often a running sweep is asked for; most take a second or two. */
const askEveryMs = 1_000;

/** Thousands of folders take minutes. After this the sweep goes on, and is not waited for. */
const waitMs = 15 * 60_000;

interface Options {
  dryRun?: boolean;
  last?: boolean;
  host?: string;
}

type Wanted = { [Key in 'dryRun' | 'host']: Options[Key] | undefined };

export function sweepCommand(): Command {
  return command('sweep', 'End orphans and remove what ended missions have left, as happens every hour', [
    'mission sweep --dry-run',
    'mission sweep',
    'mission sweep --last --json',
  ])
    .helpGroup(groups.engine)
    .option('--dry-run', 'look, and change nothing')
    .option('--last', 'show what the last sweep has done, and sweep no more')
    .option('--host <name>', 'another host than that of the engine which is asked')
    .action(async ({ dryRun, last, host }: Options, self: Command) => {
      if (last && dryRun) throw new Usage('--last looks at a sweep that was: leave --dry-run out');
      const { api, json } = await apiOf(self);
      const sweep = await (last ? lastOf(api, host) : sweepNow(api, { dryRun, host }));
      const { report } = sweep;
      if (!report) throw new Error('the sweep has failed: see its workflow in the Temporal UI');
      show(report, () => sweepLines(report), json);
      if (report.counts.failed > 0) process.exitCode = exitCodes.failed;
    });
}

async function lastOf(api: Api, host: string | undefined): Promise<Sweep> {
  const ended = (await api.sweeps({ host })).find(({ state }) => state !== 'running');
  if (ended) return ended;
  throw new Error('there was no sweep yet: `mission sweep` makes one');
}

async function sweepNow(api: Api, of: Wanted): Promise<Sweep> {
  const { id } = await api.sweep({
    ...(of.dryRun === undefined ? {} : { dryRun: of.dryRun }),
    ...(of.host === undefined ? {} : { host: of.host }),
  });
  for (const until = Date.now() + waitMs; Date.now() < until; await sleep(askEveryMs)) {
    const sweep = (await api.sweeps({ host: of.host })).find((one) => one.id === id);
    if (sweep && sweep.state !== 'running') return sweep;
  }
  throw new Error('the sweep takes long: `mission sweep --last` shows what it did when it has ended');
}

export function sweepLines(report: SweepReport): string[] {
  const { counts, items, doubtful, runs, disk, dryRun } = report;
  const done = Object.entries(counts).filter(([, count]) => count > 0);
  const sum = done.map(([action, count]) => `${count} ${action}`).join(', ') || 'nothing to clean up';
  const said = items.map(({ action, what, why, bytes }) => {
    const size = bytes === 0 ? '' : `, ${sizeOf(bytes)}`;
    return `${action.padEnd(12)}  ${what}  (${why}${size})`;
  });
  const more = done.reduce((total, [, count]) => total + count, 0) - items.length;
  return [
    ...said,
    ...(more > 0 ? [`and ${more} more`] : []),
    ...doubtful.map((task) => `left alone    ${task}  (the database has it open, Temporal does not know it)`),
    `${dryRun ? 'would be done' : 'done'} on ${report.host}: ${sum}; ${sizeOf(report.freedBytes)} freed`,
    `runs took ${sizeOf(runs.bytes)} of ${sizeOf(runs.allowedBytes)}; ${sizeOf(disk.freeBytes)} free${disk.isShort ? ', which is short' : ''}`,
  ];
}

function sizeOf(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? ''}`;
}
