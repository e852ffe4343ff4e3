/** What is done with every body before its schema sees it. */
import { createMiddleware } from 'hono/factory';
import { isNode, LineCounter, parseDocument, visit } from 'yaml';
import type { ApiEnv } from './auth.ts';
import { Problem } from './problem.ts';

/** A mission of some thousand tasks; what is larger could not become the input of a workflow (2 MB) either. */
const maxBodyBytes = 1024 * 1024;

/** Enough for whoever has sent the wrong file; who sends more loses the connection before the answer. */
const maxThrownAwayBytes = 16 * maxBodyBytes;

/** A few aliases are of use in a mission file; a limit stops those that explode. */
const maxAliasCount = 100;

/** Three times what the deepest body of ours needs; far below what a recursion stands. */
const maxDepth = 32;

/**
 * Reads the body once, for all who look at it. Of one that is too large the rest is read too, and thrown away: a client
 * that is still writing would not see the answer.
 */
export function limitBody() {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const { raw } = context.req;
    if (!raw.body) return next();
    const body = await readWithin(raw.body);
    if (!body) throw new Problem('too-large', `the body is larger than ${maxBodyBytes} bytes: split it`);
    context.req.raw = new Request(raw, { body });
    await next();
  });
}

async function readWithin(body: ReadableStream<Uint8Array>): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxThrownAwayBytes) return undefined;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks);
}

/** Reads a body as JSON or, where the route takes it, YAML, and hands it on as JSON: routes know one form only. */
export function readBody(...formats: ('json' | 'yaml')[]) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const type = (context.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
    const yaml = formats.includes('yaml') && (type === 'application/yaml' || type === 'text/yaml');
    if (!yaml && type !== 'application/json') {
      const types = formats.map((format) => `application/${format}`).join(' or ');
      throw new Problem('unsupported-type', `send the body as ${types}, and say so in Content-Type`);
    }
    const text = decode(await context.req.arrayBuffer());
    const value = yaml ? readYaml(text) : readJson(text);
    refuseUnsound(value, []);
    const headers = new Headers(context.req.raw.headers);
    headers.set('content-type', 'application/json');
    headers.delete('content-length');
    const { url, method, signal } = context.req.raw;
    context.req.raw = new Request(url, { method, headers, signal, body: JSON.stringify(value) });
    context.req.bodyCache = {};
    await next();
  });
}

function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem('bad-request', 'the body is not UTF-8: save it in that encoding');
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('bad-request', `the body is no JSON: ${messageOf(error)}`);
  }
}

/** Plain YAML only: what people write by hand, and nothing that makes other types or one key out of another. */
function readYaml(text: string): unknown {
  try {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, stringKeys: true });
    const [fault] = [...document.errors, ...document.warnings];
    if (fault) throw fault;
    visit(document, (_, node) => {
      if (!isNode(node) || node.tag === undefined) return;
      const line = lines.linePos(node.range?.[0] ?? 0).line;
      throw new Error(`the tag ${node.tag} before line ${line} is not understood: leave it out`);
    });
    return document.toJS({ maxAliasCount });
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw new Problem('bad-request', `the body is no YAML that is taken: ${messageOf(error)}`);
  }
}

/** What a schema would not see, or the database not keep. */
function refuseUnsound(value: unknown, path: string[]): void {
  if (path.length > maxDepth) throw tooDeep();
  if (typeof value === 'string') return refuseUnsoundText(value, path);
  if (value === null || typeof value !== 'object') return;
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, key];
    // Some libraries would set the prototype with it, and the rest leave it out without a word.
    if (key === '__proto__') throw unsound(path, 'the key __proto__ is not allowed: leave it out');
    refuseUnsoundText(key, path);
    refuseUnsound(item, at);
  }
}

function refuseUnsoundText(text: string, path: string[]): void {
  if (text.includes('\0')) throw unsound(path, 'text can not hold a NUL: leave it out');
  if (!text.isWellFormed()) throw unsound(path, 'text can not hold half of a surrogate pair: leave it out');
}

function unsound(path: string[], message: string): Problem {
  const at = path.join('.');
  return new Problem('bad-request', at === '' ? message : `${at}: ${message}`, {
    faults: [{ path: at, message }],
  });
}

function tooDeep(): Problem {
  return new Problem('bad-request', `the body is nested more than ${maxDepth} deep`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
