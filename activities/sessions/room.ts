/** How much of a host's disk sessions may take, and what they need of it to begin. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeBytes, sizeOf, type ReadDisk } from '../files.ts';

const gibibyte = 1024 ** 3;

/** A build that runs wild writes some gigabytes in that time. */
const lookMs = 30_000;

/** A clone of many files takes seconds to measure: a look costs at most one part in fifty of the time. */
const shareOfTime = 50;

/** What stands in the folder of a session that was ended for its size: why, in words for people. */
const tooLargeFile = 'too-large';

export interface Room {
  /** What is missing for a session to begin, in words; undefined where there is room. */
  missing(): Promise<string | undefined>;
  /** Has a session ended whose folders have grown above what one may take. */
  limit<End>(of: Limited<End>): Promise<LimitedEnd<End>>;
}

interface LimitedEnd<End> {
  end: End;
  /** Why it was ended for its size, in words for people. */
  tooLarge?: string;
}

interface Limited<End> {
  /** The session's own folder. */
  session: string;
  folders: readonly string[];
  run: Promise<End>;
  stop: () => Promise<void>;
}

export function createRoom(of: {
  /** The data directory. */
  root: string;
  freeGigabytes: number;
  sessionGigabytes: number;
  readDisk?: ReadDisk;
  everyMs?: number;
}): Room {
  const { root, freeGigabytes, sessionGigabytes, readDisk, everyMs = lookMs } = of;
  return { missing, limit };

  async function missing(): Promise<string | undefined> {
    const free = await freeBytes(root, readDisk);
    if (free >= freeGigabytes * gibibyte) return undefined;
    return `${inGibibytes(free)} are free, ${freeGigabytes} GiB are wanted`;
  }

  async function limit<End>(its: Limited<End>): Promise<LimitedEnd<End>> {
    const ended = new AbortController();
    const looking = lookUntil(its, ended.signal);
    const end = await its.run.finally(() => {
      ended.abort();
      return looking;
    });
    // Who has seen it needs no note: on a full disk there is none.
    const why = (await looking) ?? (await tooLarge(its.session));
    return why === undefined ? { end } : { end, tooLarge: why };
  }

  /** Why it was ended; undefined where it has ended otherwise. */
  async function lookUntil(its: Limited<unknown>, ended: AbortSignal): Promise<string | undefined> {
    for (let pause = everyMs; ;) {
      await sleep(pause, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return undefined;
      const began = Date.now();
      // A look that fails is done again: nobody waits for it while the session runs.
      const why = await endTooLarge(its).catch(() => undefined);
      if (why !== undefined) return why;
      pause = Math.max(everyMs, (Date.now() - began) * shareOfTime);
    }
  }

  /** Why it was too large, and so has been ended. */
  async function endTooLarge({ session, folders, stop }: Limited<unknown>): Promise<string | undefined> {
    const sizes = await Promise.all(folders.map(sizeOf));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (bytes <= sessionGigabytes * gibibyte) return undefined;
    const why = `its clone and its home took ${inGibibytes(bytes)}; ${sessionGigabytes} GiB are the most`;
    // Before its end: whoever adopts the session must know as well. A full disk does not take it.
    await writeFile(join(session, tooLargeFile), why).catch(() => undefined);
    await stop();
    return why;
  }
}

/** Why a session was ended for its size; undefined where it was not. */
export async function tooLarge(session: string): Promise<string | undefined> {
  return readFile(join(session, tooLargeFile), 'utf8').catch(() => undefined);
}

function inGibibytes(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(2)} GiB`;
}
