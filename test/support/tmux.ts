import { randomBytes } from 'node:crypto';
import { execa, execaSync } from 'execa';
import { onTestFinished } from 'vitest';
import type { AtEnd } from './temporary.ts';

/** Whether tests on a real tmux are skipped here. */
export const noTmux =
  execaSync('tmux', ['-V'], { reject: false }).exitCode !== 0 && process.env['REQUIRE_ALL'] !== '1';

/** The name of a socket of the test's own; its server goes when the test is over, or, with `atEnd`, when its maker says so. */
export function tmuxSocket(atEnd: AtEnd = onTestFinished): string {
  const socket = `test-${randomBytes(6).toString('hex')}`;
  atEnd(async () => {
    await execa('tmux', ['-L', socket, 'kill-server'], { reject: false });
  });
  return socket;
}
