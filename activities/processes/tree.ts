import { readdirSync, readFileSync } from 'node:fs';
import { runTag, type RunnerIdentity } from './spec.ts';

/** The kernel's start time of a process, in clock ticks since boot; undefined when there is none. */
export function processStartTime(pid: number): string | undefined {
  const fields = readStat(pid);
  return fields && !isDead(fields) ? fields[19] : undefined;
}

/** The fields of `/proc/<pid>/stat` from the third on (proc(5)): state, parent, …. */
function readStat(pid: number): string[] | undefined {
  try {
    // The name in field 2 may hold blanks and parentheses: count from the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function isDead(fields: readonly string[]): boolean {
  return fields[0] === 'Z' || fields[0] === 'X';
}

/** PF_KTHREAD of the kernel's sched.h, in field 9. */
const kernelThread = 0x0020_0000;

function isKernelThreadOrDead(pid: number): boolean {
  const fields = readStat(pid);
  return !fields || isDead(fields) || (Number(fields[6]) & kernelThread) !== 0;
}

export function isAlive(identity: RunnerIdentity): boolean {
  return processStartTime(identity.pid) === identity.startTime;
}

/** The identity of this very process. */
export function ownIdentity(): RunnerIdentity {
  return { pid: process.pid, startTime: processStartTime(process.pid) ?? '' };
}

export interface Process {
  pid: number;
  argv: string[];
}

/** A living process and all that descend from it, parents before their children. */
export function processTree(root: number): Process[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of parents()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const pids = [root];
  for (const pid of pids) pids.push(...(children.get(pid) ?? []));
  return pids.flatMap((pid) => {
    const argv = readArguments(pid);
    return argv === undefined ? [] : [{ pid, argv }];
  });
}

/** Every living process and its parent. */
function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const fields = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (fields && !isDead(fields)) found.set(pid, Number(fields[1]));
  }
  return found;
}

export interface OwnProcess extends Process {
  parent: number;
  /** The run that it belongs to. */
  run: string | undefined;
}

/** The processes of this user, or, for root, of all. */
export function ownProcesses(): OwnProcess[] {
  return [...parents()].flatMap(([pid, parent]) => {
    const environment = readEnvironment(pid);
    const argv = readArguments(pid);
    if (environment === undefined || argv === undefined) return [];
    const tag = environment.split('\0').find((entry) => entry.startsWith(`${runTag}=`));
    return [{ pid, parent, argv, run: tag?.slice(runTag.length + 1) }];
  });
}

function readArguments(pid: number): string[] | undefined {
  try {
    // Programs that name themselves write blanks where the ends of arguments were.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word.trim() !== '');
  } catch {
    return undefined;
  }
}

/** Every living process of a run but the caller, whatever group or parent it has moved to. */
export function processesOfRun(folder: string): number[] {
  return scan(folder).tagged;
}

/** Whether anything lives that a run in some folder below this one has started. */
export function runsBelow(root: string): boolean {
  return scanFor((tag) => tag.startsWith(`${root}/`)).tagged.length > 0;
}

/**
 * Kills the run's processes until none is left. A process that forks while we look is found in the next round; only
 * one that has wiped its own environment can escape.
 */
export function killRun(folder: string): void {
  const rounds = 50;
  // A program that was started without any environment looks like one that is being started, for ever.
  const roundsForUnsure = 20;
  const pauseMs = 5;
  for (let round = 0; round < rounds; round++) {
    const { tagged, unsure } = scan(folder);
    if (tagged.length === 0 && (!unsure || round >= roundsForUnsure)) return;
    for (const pid of tagged) signal(pid, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}

/**
 * Looks through all processes for the run's tag. `unsure`: there was one without any environment, as a process is for
 * the moment in which it becomes another program; it may turn out to be ours.
 */
function scan(folder: string): { tagged: number[]; unsure: boolean } {
  return scanFor((tag) => tag === folder);
}

function scanFor(isOurs: (tag: string) => boolean): { tagged: number[]; unsure: boolean } {
  const prefix = `${runTag}=`;
  const tagged: number[] = [];
  let unsure = false;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = readEnvironment(pid);
    if (environment === undefined || isKernelThreadOrDead(pid)) continue;
    if (environment === '') unsure = true;
    else if (
      environment.split('\0').some((entry) => entry.startsWith(prefix) && isOurs(entry.slice(prefix.length)))
    ) {
      tagged.push(pid);
    }
  }
  return { tagged, unsure };
}

function readEnvironment(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    // It has ended, or it is another user's and so not of our run.
    return undefined;
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
