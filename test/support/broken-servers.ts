import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A port that accepts, and does with each connection what it is told. */
async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Accepts, and never says a word. */
export function silentPort(): Promise<number> {
  return listen((socket) => socket.resume());
}

/** Nothing listens there any more. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** A Postgres server, as far as asking for the password and refusing it: words of its protocol, version 3. */
export function postgresThatRefuses(): Promise<number> {
  return listen((socket) => {
    const askForPassword = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);
    socket.once('data', () => {
      socket.write(askForPassword);
      socket.once('data', (message) => {
        const word = message.subarray(5, -1).toString();
        const fields = `SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for ${word}\0\0`;
        const length = Buffer.alloc(4);
        length.writeInt32BE(4 + Buffer.byteLength(fields));
        socket.end(Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]));
      });
    });
  });
}
