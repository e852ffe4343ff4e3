/**
 * The lease of a host: how long its runs live on without word from the Temporal server. The process that serves the
 * host writes down until when, each time the server has answered it; the runners, which outlive that process, look.
 *
 * It counts seconds since the machine has booted, suspended or not (CLOCK_BOOTTIME): nobody sets that clock, and a
 * machine that slept for longer wakes with its lease run out.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { replaceFile } from '../files.ts';

export interface Lease {
  file: string;
  /** The moment that a call begins whose answer may renew the lease: in seconds since boot. */
  now(): number;
  /** Renews it: the server was spoken to at that moment or later. */
  renew(since: number): Promise<void>;
  /** Takes back what an earlier process was given in excess of this one's, as when its lease was longer. */
  shorten(): Promise<void>;
  secondsLeft(): number;
}

export function createLease(of: { file: string; seconds: number }): Lease {
  const { file, seconds } = of;
  return {
    file,
    now: uptime,
    renew: (since) => write(since + seconds),
    async shorten() {
      const until = uptime() + seconds;
      if (readUntil(file) > until) await write(until);
    },
    secondsLeft: () => readUntil(file) - uptime(),
  };

  async function write(until: number): Promise<void> {
    await replaceFile(file, `${until}\n`);
  }
}

/** Whether what lives by that lease has to end; without a lease never. */
export function hasRunOut(file: string | undefined): boolean {
  return file !== undefined && readUntil(file) <= uptime();
}

/** A lease that can't be read is none that anybody could live by. */
function readUntil(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    return 0;
  }
}
