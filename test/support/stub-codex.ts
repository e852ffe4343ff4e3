import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { packageRoot } from '../../schema/package-root.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';

export const StubAgent = z.object({ session: z.string(), pid: z.number() });
export type StubAgent = z.infer<typeof StubAgent>;

/** The home of somebody who has installed a codex, which needs no model, and no other agent. */
export interface CodexHome {
  /** The arguments of each of its launches. */
  launches(): Promise<string[]>;
  /** Each of its launches, by session. */
  agents(): Promise<StubAgent[]>;
  /** What the stub has written to its own folder; undefined before it has. */
  note(name: string): Promise<string | undefined>;
  path: string;
}

/** Makes this process, and the engines that it starts, run for such a person until the test ends, or, with `atEnd`, until its maker says so. */
export async function useCodex(atEnd: AtEnd = onTestFinished): Promise<CodexHome> {
  const home = await temporaryFolder(atEnd);
  const programs = join(home, '.local/bin');
  await mkdir(programs, { recursive: true });
  const stub = join(packageRoot(), 'test/fakes/stub-codex.mjs');
  await chmod(stub, 0o755);
  await symlink(stub, join(programs, 'codex'));
  const { HOME, PATH } = process.env;
  process.env['HOME'] = home;
  // Where git and node are, and no agent that this machine may have.
  process.env['PATH'] = [join(process.execPath, '..'), '/usr/bin', '/bin'].join(delimiter);
  atEnd(() => {
    process.env['HOME'] = HOME;
    process.env['PATH'] = PATH;
    return Promise.resolve();
  });
  return { launches, agents, note, path: home };

  async function agents(): Promise<StubAgent[]> {
    const lines = (await note('agents.jsonl'))?.trimEnd().split('\n') ?? [];
    return lines.map((line) => StubAgent.parse(JSON.parse(line)));
  }

  async function note(name: string): Promise<string | undefined> {
    return readFile(join(home, '.codex', name), 'utf8').catch(() => undefined);
  }

  async function launches(): Promise<string[]> {
    return (await note('launches.jsonl'))?.trimEnd().split('\n') ?? [];
  }
}
