/** What an agent does, in lines for a person who looks at its terminal. Its own output stays in its file. */
import { join } from 'node:path';
import { printable } from '../fleet/printable.ts';
import type { Shown } from '../processes/spec.ts';
import { createScrub } from '../scrub.ts';
import { AgentLog } from './agent-log.ts';
import { readerOf } from './runtimes/reader-of.ts';
import { createWording } from './wording.ts';

/** Shows a session while it runs. A fault in that is nobody's business: the session goes on. */
export async function showAgent(of: {
  folder: string;
  shown: Shown;
  env: Readonly<Record<string, string>>;
  running: Promise<unknown>;
  write: (text: string) => void;
}): Promise<void> {
  const { folder, shown, env, running, write } = of;
  const scrub = createScrub(
    process.env,
    shown.hidden.map((name) => env[name] ?? ''),
  );
  const say = (text: string): void => write(`${scrub(text)}\n`);
  say(printable(shown.title));
  const inWords = createWording();
  const log = new AgentLog({
    path: join(folder, shown.output),
    read: readerOf({ folder, runtime: shown.runtime }) ?? (() => []),
    onEvent: (event) => {
      const text = inWords(event);
      if (text !== undefined) say(text);
    },
  });
  await log.follow(running).catch(() => undefined);
}
