import { Command } from 'commander';
import { packageVersion } from '../../schema/package-root.ts';
import { agentCommand } from './agent-command.ts';
import { amendCommand } from './amend-command.ts';
import { auditCommand } from './audit-command.ts';
import { addCompletion } from './completion-command.ts';
import { examplesHelp, groups } from './command.ts';
import { doctorCommand } from './doctor.ts';
import { fleetCommand } from './fleet-command.ts';
import { hostCommand } from './host-command.ts';
import { answerCommand, inboxCommand } from './inbox-command.ts';
import { missionCommands } from './mission-commands.ts';
import { notifyCommand } from './notify-command.ts';
import { exitCodeHelp, wantsJson } from './output.ts';
import { rebuildCommand } from './rebuild-command.ts';
import { sweepCommand } from './sweep-command.ts';
import { tokenCommand } from './token-command.ts';
import { upCommand } from './up-command.ts';
import { usageCommand } from './usage-command.ts';
import { webhookCommand } from './webhook-command.ts';
import { handoffCommand, whyCommand } from './why-command.ts';
import { workerCommand } from './worker-command.ts';

const examples = ['mission up --root ~/src', 'mission start mission.yaml --watch', 'mission help resolve'];

/** The whole of `mission`, not yet run. */
export function createProgram(): Command {
  const program = new Command('mission')
    .description('Durable missions for fleets of coding agents, on Temporal.')
    .version(packageVersion(), '-V, --version', 'show the version')
    // Otherwise a command with options of its own, as `host`, would take those of its subcommands.
    .enablePositionalOptions()
    .addHelpCommand(
      new Command('help')
        .argument('[command]')
        .description('Show the help of a command')
        .helpGroup(groups.shell),
    )
    .addHelpText('after', examplesHelp(examples))
    .addHelpText('after', exitCodeHelp);
  program
    .addCommand(upCommand())
    .addCommand(workerCommand())
    .addCommand(hostCommand())
    .addCommand(doctorCommand())
    .addCommand(fleetCommand())
    .addCommand(agentCommand());
  const others = [
    whyCommand(),
    handoffCommand(),
    inboxCommand(),
    usageCommand(),
    answerCommand(),
    amendCommand(),
    tokenCommand(),
    auditCommand(),
    rebuildCommand(),
    sweepCommand(),
    webhookCommand(),
    notifyCommand(),
  ];
  for (const command of [...missionCommands(), ...others]) {
    program.addCommand(command);
  }
  addCompletion(program);
  settle(program);
  return program;
}

/** Errors are ours to tell and to give a code: of all commands, however deep. */
function settle(command: Command): void {
  command.exitOverride();
  if (wantsJson()) command.configureOutput({ writeErr: () => undefined });
  else command.showHelpAfterError(`(${pathOf(command)} --help shows what there is)`);
  for (const inner of command.commands) settle(inner);
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
