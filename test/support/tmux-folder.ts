import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Where tmux looks for its sockets. */
export const tmuxFolder = 'TMUX_TMPDIR';

/**
 * Gives the tests, and all that they start, sockets of tmux of their own: engines use the roster's, which has the same
 * name as the one of whoever works on this machine. Ends their servers.
 */
export async function ownTmuxFolder(): Promise<() => Promise<void>> {
  // Short: the path of a socket has 107 characters at most.
  const root = await mkdtemp(join(tmpdir(), 'mission-tmux-'));
  process.env[tmuxFolder] = root;
  return async () => {
    for (const user of await readdir(root)) {
      for (const socket of await readdir(join(root, user))) {
        await execa('tmux', ['-S', join(root, user, socket), 'kill-server'], { reject: false });
      }
    }
    await rm(root, { recursive: true, force: true });
  };
}
