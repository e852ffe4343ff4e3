import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary.ts';

/** A file system that can be filled: memory, mounted where only those who enter it can see it, so no root is needed. */
export interface SmallDisk {
  /** Its folder as we reach it. */
  outside: string;
  /** Its folder for programs that are started with `enter`. */
  inside: string;
  /** What a program's command line begins with, so that it sees the disk. */
  enter: readonly string[];
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
}

/** Whether this machine lets its users mount memory in a namespace of their own. */
export function mayMount(): boolean {
  return spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
}

export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const inside = await temporaryFolder();
  const script = `mount -t tmpfs -o size=${megabytes}m tmpfs '${inside}' && echo mounted && exec sleep 3600`;
  const holder = spawn('unshare', ['-rm', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
  });
  await once(holder.stdout, 'data');
  const pid = String(holder.pid);
  const outside = join('/proc', pid, 'root', inside);
  const ballast = join(outside, 'ballast');
  return {
    outside,
    inside,
    enter: ['nsenter', '--target', pid, '--user', '--mount', '--preserve-credentials', '--'],
    async fill() {
      const file = await open(ballast, 'a');
      // Great pieces first, then small ones, until not a byte is left.
      for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
        for (let written = 1; written > 0;) {
          written = await file.write(Buffer.alloc(size)).then(
            ({ bytesWritten }) => bytesWritten,
            () => 0,
          );
        }
      }
      await file.close();
    },
    makeRoom: () => rm(ballast),
  };
}
