import type { Command } from 'commander';
import type { RebuildStep } from '../../schema/contracts/rebuild.ts';
import { apiOf, command, groups } from './command.ts';
import { exitCodes, print } from './output.ts';

/** Adds what is missing and brings up to date what is old; running missions go on. It may be run again at any time. */
export function rebuildCommand(): Command {
  return command('rebuild', 'Rebuild the database’s view of missions from what Temporal has', [
    'mission rebuild',
    'mission rebuild --mission greetings',
  ])
    .helpGroup(groups.engine)
    .option('--mission <id>', 'this mission only')
    .action(async (options: { mission?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      let end: Extract<RebuildStep, { kind: 'end' }> | undefined;
      for await (const step of api.rebuild({ mission: options.mission })) {
        if (step.kind === 'end') end = step;
        if (!json) print(lineOf(step));
      }
      if (!end) throw new Error('the engine broke off: run `mission rebuild` again');
      if (json) print(JSON.stringify(end));
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
