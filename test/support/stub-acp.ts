import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../schema/package-root.ts';

/** An agent without a model that speaks the Agent Client Protocol, as a roster names it. It keeps its notes in `home`. */
export function stubAcp(of: { home: string; arguments?: readonly string[]; settings?: object }) {
  return {
    command: [join(packageRoot(), 'test/fakes/stub-acp.mjs'), ...(of.arguments ?? [])],
    env: { STUB_ACP_HOME: of.home },
    ...of.settings,
  };
}

/** The text of a roster with these agents. */
export function acpRoster(acp: Readonly<Record<string, object>>, more: object = {}): string {
  return JSON.stringify({ version: 1, acp, ...more });
}

/** All that a stub has noted under a name. */
export async function notesOf(home: string, name: string): Promise<unknown[]> {
  const text = await readFile(join(home, name), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
}
