import type { Command } from 'commander';
import type { Probed } from '../../schema/contracts/probe.ts';
import { command, groups } from './command.ts';
import { exitCodes, show } from './output.ts';

export function doctorCommand(): Command {
  return command('doctor', 'Look at what the engine needs, and say how to mend what is missing', [
    'mission doctor',
    'mission doctor --json',
    'DATABASE_URL=postgres://… TEMPORAL_ADDRESS=temporal.internal:7233 mission doctor',
  ])
    .helpGroup(groups.engine)
    .action(async (options: { data: string; json?: boolean }) => {
      // The probes load drivers: no other command should wait for that.
      const { examine } = await import('./examination.ts');
      const probed = await examine({
        data: options.data,
        temporal: process.env['TEMPORAL_ADDRESS'],
        databaseUrl: process.env['DATABASE_URL'],
      });
      show(probed, () => probed.map(probedLine), options.json);
      if (probed.some(({ state }) => state === 'failed')) process.exitCode = exitCodes.failed;
    });
}

export function probedLine({ name, state, message }: Probed): string {
  return `${state.padEnd(8)} ${name.padEnd(10)} ${message}`;
}
