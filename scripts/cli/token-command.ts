import { Command } from 'commander';
import { Scope } from '../../schema/contracts/scopes.ts';
import { findApi } from './api-client.ts';
import { dataOption, show } from './output.ts';

const warning = 'Whoever holds missions:write can run programs on this machine as the engine’s user.';

export function tokenCommand(): Command {
  const create = new Command('create')
    .description('Make a token; it is shown once')
    .argument('<name>', 'who it is for; coordinators are named so in a mission’s policy')
    .requiredOption('--scope <scopes...>', `what it may do: ${Scope.options.join(', ')}`)
    .addOption(dataOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  mission token create lead --scope missions:read merge:approve
  mission token create bot --scope missions:read missions:write

${warning}`,
    )
    .action(async (name: string, options: { data: string; scope: string[]; json?: boolean }) => {
      const { data } = options;
      const scopes = Scope.array().parse(options.scope);
      const token = await (await findApi(data)).createToken({ name, scopes });
      if (scopes.some((scope) => scope === 'missions:write' || scope === 'admin')) {
        process.stderr.write(`note: ${warning}\n`);
      }
      show({ name, scopes, token }, () => [token], options.json);
    });
  return new Command('token').description('Tokens of the API').addCommand(create);
}
