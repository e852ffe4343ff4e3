import type { Server } from 'node:net';

/** Binds a server; answers its port, which with 0 is any free one. */
export async function listen(of: {
  server: Pick<Server, 'once' | 'listen' | 'address'>;
  port: number;
  address: string;
}): Promise<number> {
  const { server, port, address } = of;
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error) => {
      const taken = 'code' in error && error.code === 'EADDRINUSE';
      const message = `port ${port} at ${address} is taken: stop what listens there, or choose another with --port`;
      reject(taken ? new Error(message) : error);
    });
    server.listen(port, address, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound ? bound.port : port);
    });
  });
}
