import { Command } from 'commander';
import type { RebuildStep } from '../../schema/contracts/rebuild.ts';
import { findApi } from './api-client.ts';
import { dataOption, exitCodes, print } from './output.ts';

export function rebuildCommand(): Command {
  return new Command('rebuild')
    .description('Rebuild the database’s view of missions from what Temporal has')
    .option('--mission <id>', 'this mission only')
    .addOption(dataOption())
    .option('--json', 'print the sum as one JSON object, and no progress')
    .addHelpText(
      'after',
      `
Examples:
  mission rebuild
  mission rebuild --mission greetings

Adds what is missing and brings up to date what is old; running missions go on. It may be run again at any time.`,
    )
    .action(async (options: { mission?: string; data: string; json?: boolean }) => {
      const api = await findApi(options.data);
      let end: Extract<RebuildStep, { kind: 'end' }> | undefined;
      for await (const step of api.rebuild({ mission: options.mission })) {
        if (step.kind === 'end') end = step;
        if (!options.json) print(lineOf(step));
      }
      if (!end) throw new Error('the engine broke off: run `mission rebuild` again');
      if (options.json) print(JSON.stringify(end));
      if (end.failed > 0) process.exitCode = exitCodes.failed;
    });
}

function lineOf(step: RebuildStep): string {
  switch (step.kind) {
    case 'rebuilt':
      return `${step.done}/${step.of}  ${step.mission}: ${step.rows} rows, ${step.events} events`;
    case 'failed':
      return `${step.done}/${step.of}  ${step.mission}: failed: ${step.reason}`;
    case 'end':
      return `${step.missions} missions rebuilt, ${step.failed} failed: ${step.rows} rows, ${step.events} events`;
  }
}
