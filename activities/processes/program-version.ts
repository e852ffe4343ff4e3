import { stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';

/** The slowest of them take seconds to tell their version on a machine that has other work. */
export const versionMs = 20_000;

export interface VersionQuestion {
  args: readonly string[];
  /** Its first group is the version in the answer. */
  pattern: RegExp;
}

/** Standard input is closed: some of them wait for ever on an open one. Nothing of the engine's own reaches them. */
export async function versionOf(
  path: string,
  { args, pattern, withinMs = versionMs }: VersionQuestion & { withinMs?: number },
): Promise<string | undefined> {
  const { PATH = '', HOME = '' } = process.env;
  const asked = execa(path, args, {
    env: { PATH, HOME },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: withinMs,
    killSignal: 'SIGKILL',
  });
  // What a killed program has started may hold its output open.
  const answer = await Promise.race([asked, setTimeout(withinMs + 500, undefined, { ref: false })]);
  return answer?.exitCode === 0 ? pattern.exec(answer.stdout)?.[1] : undefined;
}

export type VersionsOf = (path: string, question: VersionQuestion) => Promise<string | undefined>;

/** Asks each program file once: another file at the same path, as an update leaves it, is another program. */
export function createVersions(ask: typeof versionOf = versionOf): VersionsOf {
  const known = new Map<string, { mtimeMs: number; version: Promise<string | undefined> }>();
  return async (path, question) => {
    // Of the file behind a link: that is what an update replaces.
    const { mtimeMs } = await stat(path);
    const standing = known.get(path);
    if (standing?.mtimeMs === mtimeMs) return standing.version;
    const version = ask(path, question);
    known.set(path, { mtimeMs, version });
    const told = await version.catch(() => undefined);
    // One that was too busy to answer is asked again.
    if (told === undefined) known.delete(path);
    return told;
  };
}

/** `untold`: the program has told none. `says` is what stands in the way of the others, after "is". */
export type VersionVerdict = { kind: 'known' | 'untold' } | { kind: 'older' | 'newer'; says: string };

/** One that is older fails in its sessions, one after another; most that are newer work, though nobody has tried them. */
export function judgeVersion(
  version: string | undefined,
  { from, before }: { from: string; before: string },
): VersionVerdict {
  if (version === undefined) return { kind: 'untold' };
  if (compareVersions(version, from) < 0) {
    return { kind: 'older', says: `older than ${from}, the first that is known to work: update it` };
  }
  if (compareVersions(version, before) < 0) return { kind: 'known' };
  const says = `not one that was tried, ${from} to before ${before}: if its sessions fail, install such a one`;
  return { kind: 'newer', says };
}

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
