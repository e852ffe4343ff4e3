import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { packageRoot } from '../../schema/package-root.ts';
import { tmuxFolder } from './tmux-folder.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command as a shell runs it: a process of its own, on what was built. */
export async function runMission(
  args: readonly string[],
  of: { env?: Record<string, string>; input?: string } = {},
): Promise<Ended> {
  const { PATH = '', HOME = '', [tmuxFolder]: sockets = '' } = process.env;
  const child = spawn(process.execPath, [join(packageRoot(), 'dist/mission.js'), ...args], {
    env: { PATH, HOME, [tmuxFolder]: sockets, ...of.env },
  });
  child.stdin.end(of.input ?? '');
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

export interface Heard {
  method: string;
  path: string;
  key: string | undefined;
  body: unknown;
}

/** A server that keeps what it is asked, and answers as told: an answer of `broken` breaks the connection off. */
export async function startListener(
  answers: readonly ({ status: number; body?: unknown } | 'broken')[],
): Promise<{ env: Record<string, string>; heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    void hear(request).then(() => {
      const answer = answers[Math.min(heard.length, answers.length) - 1];
      if (answer === undefined || answer === 'broken') return request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    });
  });
  async function hear(request: IncomingMessage): Promise<void> {
    const content = await text(request);
    heard.push({
      method: request.method ?? '',
      path: request.url ?? '',
      key: request.headers['idempotency-key']?.toString(),
      body: content === '' ? undefined : JSON.parse(content),
    });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { env: { MISSION_URL: `http://127.0.0.1:${port}`, MISSION_TOKEN: 'mission_of_test' }, heard };
}
