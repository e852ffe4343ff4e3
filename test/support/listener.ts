import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { Notification } from '../../schema/contracts/notify.ts';
import type { AtEnd } from './temporary.ts';

export interface Heard {
  headers: IncomingHttpHeaders;
  text: string;
  notification: Notification;
}

/** Somebody outside who is told things. `answer` says what each call is answered with. */
export interface TestListener {
  url: string;
  heard: Heard[];
  answer: (heard: Heard) => number;
  /** Nobody is there any more, until `open`, on the same port. */
  close(): Promise<void>;
  open(): Promise<void>;
}

export async function startListener(atEnd: AtEnd = onTestFinished): Promise<TestListener> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      const heard = { headers: request.headers, text, notification: Notification.parse(JSON.parse(text)) };
      listener.heard.push(heard);
      response.writeHead(listener.answer(heard)).end();
    });
  });
  let port = 0;
  await open();
  atEnd(async () => {
    if (server.listening) await close();
  });
  const listener: TestListener = {
    url: `http://127.0.0.1:${port}/told?key=s3cret`,
    heard: [],
    answer: () => 204,
    close,
    open,
  };
  return listener;

  async function open(): Promise<void> {
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    port = portOf(server.address());
  }

  async function close(): Promise<void> {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the listener has no port');
  return address.port;
}
