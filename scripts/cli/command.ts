import { Command } from 'commander';
import { findApi, type Api } from './api-client.ts';
import { dataOption } from './output.ts';

/** The headings of the help, in its order. */
export const groups = {
  engine: 'The engine:',
  look: 'Look at missions:',
  steer: 'Start and steer missions:',
  access: 'Who may do what:',
  shell: 'The shell:',
} as const;

/** A command as all of ours are: with a data directory, JSON on request, and examples. */
export function command(name: string, description: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(description)
    .addOption(dataOption())
    .option('--json', 'print JSON, errors too')
    .addHelpText('after', examplesHelp(examples));
}

export function examplesHelp(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`;
}

/** A command that changes something: asked again under the same key, the engine answers and does nothing twice. */
export function mutation(name: string, description: string, examples: readonly string[]): Command {
  return command(name, description, examples).option(
    '--idempotency-key <key>',
    'the key under which this may be repeated; without it a random one',
  );
}

interface Common {
  data: string;
  json?: boolean;
  idempotencyKey?: string;
}

/** The engine that a command speaks to, and whether JSON is wanted. */
export async function apiOf(of: Command): Promise<{ api: Api; json: boolean | undefined }> {
  const { data, json, idempotencyKey } = of.opts<Common>();
  return { api: await findApi(data, { idempotencyKey }), json };
}

/** For an option that may be given more than once. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
