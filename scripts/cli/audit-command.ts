import type { Command } from 'commander';
import type { AuditEntry } from './api-client.ts';
import { apiOf, command, groups } from './command.ts';
import { limitOption } from './mission-commands.ts';
import { show } from './output.ts';

export function auditCommand(): Command {
  return command('audit', 'List who has changed what, newest first', [
    'mission audit',
    'mission audit --limit 200 --json',
  ])
    .helpGroup(groups.access)
    .addOption(limitOption('entries'))
    .option('--cursor <cursor>', 'go on where the page before ended')
    .action(async (options: { limit: number; cursor?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      const page = await api.audit({ limit: options.limit, cursor: options.cursor });
      const more = page.nextCursor === null ? [] : [`more: the same with --cursor ${page.nextCursor}`];
      show(page, () => [...page.entries.map(auditLine), ...more], json);
    });
}

function auditLine({ at, caller, operation, path, status }: AuditEntry): string {
  // Without a caller nobody was let in; without a status the engine died over it.
  return `${at}  ${status ?? '---'}  ${(caller ?? '-').padEnd(20)} ${operation}  ${path}`;
}
