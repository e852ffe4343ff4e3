import { Command, CommanderError } from 'commander';
import { doctorCommand } from './doctor.ts';
import { missionCommands } from './mission-commands.ts';
import { exitCodeHelp, exitCodes, failWith } from './output.ts';
import { rebuildCommand } from './rebuild-command.ts';
import { tokenCommand } from './token-command.ts';
import { upCommand } from './up-command.ts';
import { workerCommand } from './worker-command.ts';

const program = new Command('mission')
  .description('Durable missions for fleets of coding agents, on Temporal.')
  .showHelpAfterError('(mission --help shows what there is)')
  .addHelpText('after', exitCodeHelp)
  .exitOverride();

const commands = [
  upCommand(),
  workerCommand(),
  ...missionCommands(),
  tokenCommand(),
  rebuildCommand(),
  doctorCommand(),
];
for (const command of commands) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) failWith(error);
  else process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}
