import { Argument, Command } from 'commander';
import { findApi } from './api-client.ts';
import { examplesHelp, groups } from './command.ts';
import { complete, completionScripts, filesMark, shells, type Completion } from './completion.ts';
import { dataOption, print, show } from './output.ts';

/** Somebody waits with a finger on the key. */
const answerWithinMs = 1_000;

export function addCompletion(program: Command): void {
  program.addCommand(
    new Command('completion')
      .description('Print a script that completes commands, options and ids in a shell')
      .helpGroup(groups.shell)
      .addArgument(new Argument('<shell>').choices(shells))
      .option('--json', 'print JSON, errors too')
      .addHelpText(
        'after',
        examplesHelp([
          'source <(mission completion bash)',
          'source <(mission completion zsh)',
          'mission completion fish > ~/.config/fish/completions/mission.fish',
        ]),
      )
      .action((shell: (typeof shells)[number], options: { json?: boolean }) => {
        const script = completionScripts[shell];
        show({ shell, script }, () => [script], options.json);
      }),
  );
  program.addCommand(
    new Command('complete').argument('[words...]').action(async (words: string[]) => {
      for (const word of await wordsFor(complete(program, words), words)) print(word);
    }),
    { hidden: true },
  );
}

/** An engine that is not there, or slow, completes nothing; nobody wants to read of it in the middle of a line. */
async function wordsFor(completion: Completion, words: readonly string[]): Promise<string[]> {
  if (completion.kind === 'words') return completion.words;
  if (completion.kind === 'files') return [filesMark];
  const ids = await idsFor(completion, words).catch((): string[] => []);
  return ids.filter((id) => id.startsWith(words.at(-1) ?? ''));
}

async function idsFor(
  completion: Extract<Completion, { kind: 'missions' | 'tasks' }>,
  words: readonly string[],
): Promise<string[]> {
  const given = words[words.indexOf('--data') + 1];
  const standard = String(dataOption().defaultValue);
  const data = words.includes('--data') && given !== undefined ? given : standard;
  const api = await findApi(data, { withinMs: answerWithinMs });
  if (completion.kind === 'tasks') return (await api.show(completion.mission)).tasks.map(({ id }) => id);
  return (await api.list({ limit: 100, cursor: undefined })).missions.map(({ id }) => id);
}
