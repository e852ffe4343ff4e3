import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { z } from 'zod';

const Attributes = z.array(z.object({ key: z.string(), value: z.unknown() }));
const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes: Attributes,
});
export type Span = z.infer<typeof Span>;

/** What an OTLP exporter posts, as JSON. */
const Export = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
});

export interface Collector {
  url: string;
  spans(): Span[];
  resources(): Record<string, unknown>[];
  /** Everything that was posted. */
  text(): string;
  /** How often it was posted to. */
  posts(): number;
}

/** A collector of traces that keeps what it is sent; a silent one never answers. */
export async function startCollector(of: { silent?: boolean } = {}): Promise<Collector> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === '/v1/traces') bodies.push(body);
      if (!of.silent) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => exported().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    resources: () =>
      exported().map(({ resource }) =>
        Object.fromEntries(resource.attributes.map(({ key, value }) => [key, value])),
      ),
    text: () => bodies.join('\n'),
    posts: () => bodies.length,
  };

  function exported() {
    return bodies.flatMap((body) => Export.parse(JSON.parse(body)).resourceSpans);
  }
}
