import { readdirSync, readFileSync } from 'node:fs';
import { runTag, type RunnerIdentity } from './spec.ts';

/** The kernel's start time of a process, in clock ticks since boot; undefined when there is none. */
export function processStartTime(pid: number): string | undefined {
  try {
    // The name in field 2 may hold blanks and parentheses: count from the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return fields[19];
  } catch {
    return undefined;
  }
}

export function isAlive(identity: RunnerIdentity): boolean {
  return processStartTime(identity.pid) === identity.startTime;
}

/** The identity of this very process. */
export function ownIdentity(): RunnerIdentity {
  return { pid: process.pid, startTime: processStartTime(process.pid) ?? '' };
}

/** Every living process of a run but the caller, whatever group or parent it has moved to. */
export function processesOfRun(folder: string): number[] {
  const needle = `${runTag}=${folder}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) => pid !== process.pid && hasEnvironment(pid, needle) && processStartTime(pid) !== undefined,
    );
}

function hasEnvironment(pid: number, needle: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(needle);
  } catch {
    // It has ended, or it is another user's and so not of our run.
    return false;
  }
}

/**
 * Kills the run's processes until none is left. A process that forks while we look is found in the next round;
 * only one that has wiped its own environment can escape.
 */
export function killRun(folder: string): void {
  const rounds = 50;
  for (let round = 0; round < rounds; round++) {
    const pids = processesOfRun(folder);
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, 'SIGKILL');
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone: that is what a signal would have been for.
  }
}
