import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { packageRoot } from '../../schema/package-root.ts';
import { temporaryFolder } from './temporary.ts';

/** The home of somebody who has installed a codex, which needs no model, and no other agent. */
export interface CodexHome {
  /** The arguments of each of its launches. */
  launches(): Promise<string[]>;
  /** What the stub has written to its own folder; undefined before it has. */
  note(name: string): Promise<string | undefined>;
  path: string;
}

/** Makes this process, and the engines that it starts, run for such a person until the test ends. */
export async function useCodex(): Promise<CodexHome> {
  const home = await temporaryFolder();
  const programs = join(home, '.local/bin');
  await mkdir(programs, { recursive: true });
  const stub = join(packageRoot(), 'test/fakes/stub-codex.mjs');
  await chmod(stub, 0o755);
  await symlink(stub, join(programs, 'codex'));
  const { HOME, PATH } = process.env;
  process.env['HOME'] = home;
  // Where git and node are, and no agent that this machine may have.
  process.env['PATH'] = [join(process.execPath, '..'), '/usr/bin', '/bin'].join(delimiter);
  onTestFinished(() => {
    process.env['HOME'] = HOME;
    process.env['PATH'] = PATH;
  });
  return { launches, note, path: home };

  async function note(name: string): Promise<string | undefined> {
    return readFile(join(home, '.codex', name), 'utf8').catch(() => undefined);
  }

  async function launches(): Promise<string[]> {
    return (await note('launches.jsonl'))?.trimEnd().split('\n') ?? [];
  }
}
