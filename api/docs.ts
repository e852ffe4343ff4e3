import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnv } from './auth.ts';
import { Problem } from './problem.ts';

/** Swagger UI from its package: the page loads nothing from elsewhere. */
const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const contentTypes: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' };

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Mission engine API</title>
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="api"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: 'v1/openapi.json', dom_id: '#api' });\n`;

/** Everything on the page is ours; Swagger UI sets styles of its own. */
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

export function docsRoutes(app: OpenAPIHono<ApiEnv>): void {
  app.get('/docs', (context) => context.html(page, 200, { 'content-security-policy': policy }));
  app.get('/docs/start.js', (context) => context.body(start, 200, { 'content-type': 'text/javascript' }));
  app.get('/docs/:file{swagger-ui(-bundle)?\\.(js|css)}', async (context) => {
    const file = join(assets, context.req.param('file'));
    const found = await stat(file).catch(() => undefined);
    if (!found) throw new Problem('not-found', 'there is no such file');
    const headers = { 'content-type': contentTypes[extname(file)] ?? 'application/octet-stream' };
    return new Response(Readable.toWeb(createReadStream(file)), { headers });
  });
}
