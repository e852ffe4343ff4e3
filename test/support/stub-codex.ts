import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { packageRoot } from '../../schema/package-root.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';

export const StubAgent = z.object({ session: z.string(), pid: z.number() });
export type StubAgent = z.infer<typeof StubAgent>;

/** The home of somebody who has installed an agent that needs no model, and what that agent has noted there. */
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
  return homeOf('codex', await useStubs(['codex'], atEnd));
}

/** The same for somebody who has both. */
export async function useCodexAndClaude(
  atEnd: AtEnd = onTestFinished,
): Promise<{ codex: CodexHome; claude: CodexHome }> {
  const home = await useStubs(['codex', 'claude'], atEnd);
  return { codex: homeOf('codex', home), claude: homeOf('claude', home) };
}

async function useStubs(names: readonly string[], atEnd: AtEnd): Promise<string> {
  const home = await temporaryFolder(atEnd);
  const programs = join(home, '.local/bin');
  await mkdir(programs, { recursive: true });
  const stub = join(packageRoot(), 'test/fakes/stub-codex.mjs');
  await chmod(stub, 0o755);
  for (const name of names) await symlink(stub, join(programs, name));
  const { HOME = homedir(), PATH } = process.env;
  // The Temporal server that was fetched once stays known there.
  process.env['XDG_CACHE_HOME'] ??= join(HOME, '.cache');
  process.env['HOME'] = home;
  // Where git and node are, and no agent that this machine may have.
  process.env['PATH'] = [join(process.execPath, '..'), '/usr/bin', '/bin'].join(delimiter);
  atEnd(() => {
    process.env['HOME'] = HOME;
    process.env['PATH'] = PATH;
    return Promise.resolve();
  });
  return home;
}

function homeOf(agent: string, home: string): CodexHome {
  return { launches, agents, note, path: home };

  async function agents(): Promise<StubAgent[]> {
    const lines = (await note('agents.jsonl'))?.trimEnd().split('\n') ?? [];
    return lines.map((line) => StubAgent.parse(JSON.parse(line)));
  }

  async function note(name: string): Promise<string | undefined> {
    return readFile(join(home, `.${agent}`, name), 'utf8').catch(() => undefined);
  }

  async function launches(): Promise<string[]> {
    return (await note('launches.jsonl'))?.trimEnd().split('\n') ?? [];
  }
}
