import { createServer } from 'node:http';
import type { Closers } from './closers.ts';
import { listen } from './listen.ts';
import type { Metrics } from './metrics.ts';

/** Serves the metrics of a process that has no API. Anybody on this machine may read them; nobody else can. */
export async function serveMetrics(of: {
  port: number | undefined;
  metrics: Metrics;
  closers: Closers;
}): Promise<string | undefined> {
  const { port, metrics } = of;
  if (port === undefined) return undefined;
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const bound = await listen({ server, port, address: '127.0.0.1' });
  of.closers.add(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${bound}/metrics`;
}
