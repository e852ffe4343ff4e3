import { Command } from 'commander';
import { apiOf, examplesHelp, groups, mutation } from './command.ts';
import { exitCodes, show } from './output.ts';
import { table } from './table.ts';

export function notifyCommand(): Command {
  return new Command('notify')
    .description('Who is told what waits for a person')
    .helpGroup(groups.engine)
    .addHelpText('after', examplesHelp(['mission notify test']))
    .addCommand(test());
}

function test(): Command {
  return mutation('test', 'Tell all listeners of engine.yaml that nothing has happened', [
    'mission notify test',
    'mission notify test --json',
  ]).action(async (_options: unknown, self: Command) => {
    const { api, json } = await apiOf(self);
    const told = await api.testNotify();
    const rows = told.map(({ host, status, error }) => [host, error ?? String(status ?? '-')]);
    show(told, () => (rows.length === 0 ? ['engine.yaml names nobody: see notify'] : table(rows)), json);
    const taken = told.every(({ status }) => status !== null && status >= 200 && status < 300);
    if (!taken) process.exitCode = exitCodes.failed;
  });
}
