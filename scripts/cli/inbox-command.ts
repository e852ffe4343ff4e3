import { Option, type Command } from 'commander';
import { InboxKind, type InboxItem } from '../../schema/contracts/inbox.ts';
import { apiOf, command, groups, mutation } from './command.ts';
import { limitOption } from './mission-commands.ts';
import { show } from './output.ts';
import { ageOf } from './table.ts';
import { oneLine } from './timeline.ts';

export function inboxCommand(): Command {
  return command('inbox', 'List what waits for you, oldest first, and the command that answers it', [
    'mission inbox',
    'mission inbox --mission greetings --kind blocked',
    'mission inbox --json',
  ])
    .helpGroup(groups.look)
    .option('--mission <id>', 'only of this mission')
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(InboxKind.options))
    .addOption(limitOption('items'))
    .option('--cursor <cursor>', 'go on where the page before ended')
    .action(async (options: InboxOptions, self: Command) => {
      const { api, json } = await apiOf(self);
      const { mission, kind, limit, cursor } = options;
      const page = await api.inbox({ mission, kind, limit, cursor });
      const more = page.nextCursor === null ? [] : [`more: the same with --cursor ${page.nextCursor}`];
      show(page, () => [...inboxLines(page.items, Date.now()), ...more], json);
    });
}

interface InboxOptions {
  mission?: string;
  kind?: string;
  limit: number;
  cursor?: string;
}

export function answerCommand(): Command {
  return mutation('answer', 'Answer what waits for you; mission inbox names items and choices', [
    'mission answer greetings.T-001.author-1-1 allow-once',
    'mission answer greetings.T-001.blocked-1763769600000 retry --note "the key is in place now"',
  ])
    .helpGroup(groups.steer)
    .argument('<item>')
    .argument('<choice>')
    .option('--note <text>', 'of a blocked task what the next session is told; otherwise for the record')
    .action(async (item: string, choice: string, options: { note?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      await api.answerItem({ item, choice, note: options.note });
      show({ item, choice }, () => [`${item}: ${choice}`], json);
    });
}

/** What is asked, what one has to know for it, and how to answer. Words of agents move nobody's cursor. */
export function inboxLines(items: readonly InboxItem[], now: number): string[] {
  if (items.length === 0) return ['nothing waits for you'];
  return items.flatMap((item) => {
    const { kind, about, asks, detail, command: failed, choices, since, expiresAt, answerWith } = item;
    const age = ageOf(new Date(since).toISOString(), now);
    const what = about === null ? kind : `${kind} (${about})`;
    const known = [
      ...(detail === null ? [] : detail.split('\n')),
      ...(failed === null ? [] : [`failed: ${failed}`]),
      ...choices.map(({ id, name }) => `${id}: ${name}`),
      ...(expiresAt === undefined
        ? []
        : [`${item.default ?? ''} is taken at ${new Date(expiresAt).toISOString()}`]),
      ...(answerWith === null ? ['goes on by itself when it is mended'] : [answerWith]),
    ];
    const place = [item.mission, ...(item.task === null ? [] : [item.task])].join(' ');
    return [
      `${age.padStart(4)}  ${what}  ${place}: ${oneLine(item.title)}`,
      `      ${oneLine(asks)}`,
      ...known.map((line) => `        ${oneLine(line)}`),
    ];
  });
}
