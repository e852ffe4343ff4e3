import { InvalidArgumentError, Option } from 'commander';
import type { EngineAddress } from '../../workers/data-directory.ts';
import { Name } from '../../schema/contracts/names.ts';

/** The name of a data directory among all that share a database. */
export function hostNameOption(description: string): Option {
  return new Option('--host-name <name>', description).argParser(parseName);
}

export function parseName(text: string): string {
  const name = Name.safeParse(text);
  if (name.success) return name.data;
  throw new InvalidArgumentError(name.error.issues[0]?.message ?? 'it is no name');
}

/** What to start on another machine, so that it works for this engine. */
export function hostCommandLine(of: Pick<EngineAddress, 'temporal' | 'namespace' | 'installation'>): string {
  const { temporal, namespace, installation } = of;
  return `mission host --name NAME --temporal ${temporal} --namespace ${namespace} --installation ${installation}`;
}

/** `DATABASE_URL`, and with `DATABASE_POOL` the most connections to it at once. */
export function databaseFromEnvironment(): {
  databaseUrl: string | undefined;
  databasePool: number | undefined;
} {
  // An empty one is what compose files and unit files leave behind.
  const databaseUrl = process.env['DATABASE_URL'] || undefined;
  const text = process.env['DATABASE_POOL'];
  if (!text) return { databaseUrl, databasePool: undefined };
  const databasePool = Number(text);
  if (Number.isInteger(databasePool) && databasePool > 0) return { databaseUrl, databasePool };
  throw new Error(
    `DATABASE_POOL is ${text}: give it the most connections that this process may hold, such as 10`,
  );
}
