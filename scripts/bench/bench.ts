/** Measures the engine against limits, each beside a bare Temporal workflow in the same run. */
import { Command, Option } from 'commander';
import { exitCodes, failWith, print } from '../cli/output.ts';
import { toTable, type Row } from './rows.ts';
import type { Measure } from './measures.ts';
import { forge, review, sessions, spine } from './suites.ts';

interface Options {
  only?: string[];
  quick?: boolean;
}

const program = new Command('bench').description(
  'Measure, and print one JSON array of {name, value, unit, limit, holds}; progress goes to standard error',
);
addSuite('spine', 'a task and its gates: wall time, history, throughput, memory, answers, lists', spine);
addSuite('sessions', 'sessions: launched, watched, and watched again after a kill', sessions);
addSuite('forge', 'a real Gitea: from green to merged, and the requests of those who wait', forge);
addSuite('review', 'the gate of the reviewers: what it adds to their own time', review);

try {
  await program.parseAsync();
} catch (error) {
  failWith(error);
}
// Temporal's native core keeps a process alive.
process.exit();

function addSuite(name: string, description: string, measures: Record<string, Measure>): void {
  program
    .command(name)
    .description(description)
    .addOption(new Option('--only <measures...>', 'only these').choices(Object.keys(measures)))
    .option('--quick', 'smaller numbers, to try it; they say so, and prove nothing')
    .action((options: Options) => bench(measures, options));
}

async function bench(measures: Record<string, Measure>, { only, quick = false }: Options): Promise<void> {
  const began = performance.now();
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    if (only && !only.includes(name)) continue;
    const found = await measure({ quick, say });
    rows.push(...found.map((row) => (quick ? { ...row, name: `${row.name} (quick)` } : row)));
  }
  for (const line of toTable(rows)) process.stderr.write(`${line}\n`);
  print(JSON.stringify(rows));
  process.exitCode = rows.some(({ holds }) => holds === false) ? exitCodes.failed : exitCodes.ok;

  function say(line: string): void {
    const seconds = Math.round((performance.now() - began) / 1_000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
  }
}
