import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { arbitraryOf, JsonSchema } from '../support/json-schema.ts';
import { noTmux, tmuxSocket } from '../support/tmux.ts';

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

const Content = z.record(z.string(), z.object({ schema: JsonSchema.optional() }));
const Operation = z.object({
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.enum(['path', 'query', 'header']),
        required: z.boolean().default(false),
        schema: JsonSchema,
      }),
    )
    .default([]),
  requestBody: z.object({ required: z.boolean().default(false), content: Content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: Content.optional() })),
});
type Operation = z.infer<typeof Operation>;

const Document = z.object({
  paths: z.record(z.string(), z.partialRecord(z.enum(methods), Operation)),
  components: z.object({ schemas: z.record(z.string(), JsonSchema).default({}) }),
});

/** One seed, so that a failure is the same failure tomorrow; fast-check prints the input. */
const runs = { numRuns: 25, seed: 20_260_901, endOnFailure: true };

/** What the test has made, by path parameter, so that not every call is for something that is not there. */
const known = {
  id: 'known',
  mission: 'known',
  task: 'A',
  name: 'revocable',
  agent: 'canary',
  item: 'known.A.red-base',
};

interface Sent {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

interface Route {
  method: string;
  path: string;
  operation: Operation;
}

it('answers every route as its document says, whatever is sent', { timeout: 300_000 }, async () => {
  const config = () => ({ requestsPerMinute: 1_000_000 });
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, config, {}, unstartable());
  const file = await engine.missionFile({ key: 'known', scripts: { A: commits('a.txt') } });
  await engine.api.create(JSON.stringify(file), 'application/json');
  const story: string[] = [];
  for await (const { type } of engine.api.events({ id: 'known', after: 0 })) story.push(type);
  expect(story.at(-1)).toBe('mission-ended');
  const powerless = await engine.api.createToken({ name: 'powerless', scopes: ['fleet:operate'] });
  const outsider = await engine.api.createToken({ name: 'outsider', scopes: ['missions:read'] });
  await engine.api.createToken({ name: known.name, scopes: ['fleet:operate'] });

  const document = Document.parse(await (await fetch(`${engine.url}/v1/openapi.json`)).json());
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'openapi', components: document.components });
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method): Route[] => {
      const operation = item[method];
      return operation ? [{ method: method.toUpperCase(), path, operation }] : [];
    }),
  );
  expect(routes.length).toBeGreaterThan(15);
  const seen = new Set<string>();

  for (const route of routes) {
    const check = checker(ajv, route, seen);
    const send = (sent: Sent, token?: string) => call(engine, route, sent, token);
    const guarded = (route.operation.security ?? []).length > 0;
    await fc.assert(
      fc.asyncProperty(validCall(route, document.components.schemas), async (sent) => {
        await check(await send(sent, engine.token));
      }),
      runs,
    );
    await fc.assert(
      fc.asyncProperty(invalidCall(route, document.components.schemas), async (sent) => {
        if (!sent) return;
        const answer = await send(sent, engine.token);
        await check(answer);
        expect([400, 415], `${route.method} ${route.path} ${JSON.stringify(sent)}`).toContain(answer.status);
      }),
      runs,
    );
    if (!guarded) continue;
    await fc.assert(
      fc.asyncProperty(validCall(route, document.components.schemas), async (sent) => {
        const stranger = await send(sent);
        await check(stranger);
        expect(stranger.status).toBe(401);
        const weak = await send(
          sent,
          /^\/v1\/(?:fleet|agents|hosts\/\{name\}\/drain)\b/.test(route.path) ? outsider : powerless,
        );
        await check(weak);
        expect(weak.status).toBe(403);
      }),
      { ...runs, numRuns: 5 },
    );
  }
  // The routes that can be done at any time were done, and not only refused.
  for (const done of [
    'GET /healthz 200',
    'GET /v1/missions 200',
    'GET /v1/missions/{id} 200',
    'GET /v1/missions/{id}/tasks/{task}/why 200',
    'GET /v1/missions/{id}/handoff 200',
    'GET /v1/missions/{id}/events 200',
    'POST /v1/tokens 201',
    'GET /v1/tokens 200',
    'GET /v1/usage 200',
    'GET /v1/inbox 200',
    'POST /v1/notify/test 200',
    'POST /v1/inbox/{item}/answer 409',
    'GET /v1/hosts 200',
    'POST /v1/hosts/{name}/drain 404',
    'GET /v1/sweeps 200',
    'POST /v1/webhooks 422',
    'POST /v1/webhooks/{sender} 401',
    'DELETE /v1/tokens/{name} 204',
    'GET /v1/audit 200',
    'GET /v1/agents 200',
    'GET /v1/fleet/verify 200',
    ...(noTmux ? [] : ['GET /v1/fleet/ps 200', 'GET /v1/agents/{agent} 200']),
    ...(noTmux ? [] : ['POST /v1/fleet/start 200', 'POST /v1/fleet/stop 200']),
  ]) {
    expect([...seen]).toContain(done);
  }
});

/** A roster of one agent that nothing can start, whatever is installed here: there is no folder for it. */
function unstartable(): string {
  return JSON.stringify({
    version: 1,
    tmux: { socketName: tmuxSocket() },
    defaults: { workingDirectory: './not-there' },
    agents: [{ name: known.agent, runtime: 'pi', class: 'canary' }],
  });
}

async function call(engine: RealEngine, route: Route, sent: Sent, token?: string): Promise<Response> {
  return fetch(`${engine.url}${sent.path}`, {
    method: route.method,
    headers: { ...sent.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(sent.body === undefined ? {} : { body: sent.body }),
    signal: AbortSignal.timeout(60_000),
  });
}

/** Asserts that an answer is one of the documented ones: status, content type and body. */
function checker(ajv: Ajv2020, route: Route, seen: Set<string>) {
  const validators = new Map<string, ValidateFunction>();
  return async (response: Response): Promise<void> => {
    const text = await response.text();
    const about = `${route.method} ${route.path} ${response.status}: ${text.slice(0, 500)}`;
    seen.add(`${route.method} ${route.path} ${response.status}`);
    expect(response.status, about).toBeLessThan(500);
    const documented = route.operation.responses[String(response.status)];
    expect(documented, `${about} is not documented`).toBeDefined();
    const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    if (!documented?.content) return expect(text, about).toBe('');
    expect(Object.keys(documented.content), about).toContain(type);
    const { schema = {} } = documented.content[type] ?? {};
    const name = `${response.status} ${type}`;
    const validate = validators.get(name) ?? ajv.compile(resolved(schema));
    validators.set(name, validate);
    for (const value of valuesOf(type, text)) {
      expect(validate(value), `${about} ${JSON.stringify(validate.errors)}`).toBe(true);
    }
  };
}

/** References into the document, as references into the schema that stands for it. */
function resolved(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi#/');
  return JsonSchema.parse(JSON.parse(text));
}

function valuesOf(type: string, text: string): unknown[] {
  if (type !== 'text/event-stream') return [JSON.parse(text)];
  const data = text.split('\n').filter((line) => line.startsWith('data: '));
  return data.map((line): unknown => JSON.parse(line.slice('data: '.length)));
}

function validCall(route: Route, components: Record<string, JsonSchema>): fc.Arbitrary<Sent> {
  const { parameters, requestBody } = route.operation;
  const schema = requestBody?.content['application/json']?.schema;
  const values = parameters.map((parameter) => {
    const drawn = arbitraryOf(parameter.schema, components);
    const value = new Map(Object.entries(known)).get(parameter.name);
    const any = value === undefined ? drawn : fc.oneof({ weight: 2, arbitrary: fc.constant(value) }, drawn);
    if (parameter.in === 'path') return any;
    return parameter.required ? any : fc.option(any, { nil: undefined });
  });
  return fc
    .tuple(fc.tuple(...values), schema ? arbitraryOf(schema, components) : fc.constant(undefined))
    .map(([given, body]) => toCall(route, given, body === undefined ? undefined : JSON.stringify(body)));
}

/** A call with a body that its schema forbids, or a parameter that does; undefined where anything is allowed. */
function invalidCall(route: Route, components: Record<string, JsonSchema>): fc.Arbitrary<Sent | undefined> {
  const { parameters, requestBody } = route.operation;
  const schema = requestBody?.content['application/json']?.schema;
  if (schema) {
    const valid = arbitraryOf(schema, components);
    const nobody = `no_field_${runs.seed}`;
    const broken = fc.oneof(
      fc.constant('{'),
      fc
        .oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.integer()))
        .map((v) => JSON.stringify(v)),
      valid.map((body) => JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(body), [nobody]: 1 })),
    );
    const path = fc.tuple(
      ...parameters.map((parameter) =>
        parameter.in === 'path' ? arbitraryOf(parameter.schema, components) : fc.constant(undefined),
      ),
    );
    return fc.tuple(path, broken).map(([given, body]) => toCall(route, given, body));
  }
  if (!parameters.some((parameter) => parameter.in === 'query')) return fc.constant(undefined);
  return fc
    .constantFrom('no_such_parameter=1', 'limit=0', 'limit=x', 'cursor=%00')
    .map((query) => ({ path: `${route.path}?${query}`, headers: {}, body: undefined }));
}

function toCall(route: Route, given: unknown[], body: string | undefined): Sent {
  let path = route.path;
  const query = new URLSearchParams();
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  for (const [index, parameter] of route.operation.parameters.entries()) {
    const value = given[index];
    if (value === undefined) continue;
    for (const one of (Array.isArray(value) ? value : [value]).map(String)) {
      if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, encodeURIComponent(one));
      else if (parameter.in === 'query') query.append(parameter.name, one);
      // A header is trimmed on its way and holds what is printable.
      else headers[parameter.name] = one.replaceAll(/[^\x21-\x7e]/g, 'x');
    }
  }
  const text = query.toString();
  return { path: text === '' ? path : `${path}?${text}`, headers, body };
}
