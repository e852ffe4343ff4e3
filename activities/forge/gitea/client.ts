/** Gitea's HTTP API, as thin as it can be: what was asked, what was answered, and whether it may have happened. */
import { fetch, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { outcomeUnknown, refused, unavailable } from '../../failures.ts';
import { GiteaFault } from './schema.ts';

/**
 * One call. Seen: 15 to 60 ms, a merge up to 1.2 s; a large repository on a slow disk takes longer. An attempt of an
 * activity lasts two minutes and makes a few calls.
 */
const callTimeoutMs = 30_000;

/** Gitea's own limit, unless its operator has set another; then its pages are shorter. */
const pageSize = 50;

/** More than any repository has of what is listed here; a forge that never ends a list must not hold us for ever. */
const mostPages = 100;

/** Answers kept for conditional requests; each is a few kilobytes. */
const mostKept = 500;

/** An answer, or a refusal that the caller knows what to make of. Everything else is thrown, typed. */
export type Answer<Body> = { kind: 'ok'; body: Body } | { kind: 'refused'; status: number; message: string };

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface Call<Body> {
  /** Below `/api/v1`, its parts encoded: see `pathOf`. */
  path: string;
  query?: Record<string, string>;
  answer: z.ZodType<Body>;
}

export interface GiteaClient {
  get<Body>(of: Call<Body>): Promise<Answer<Body>>;
  /** All pages of a list, or the first ones. */
  list<Item>(of: Call<Item[]> & { pages?: number }): Promise<Item[]>;
  /** A call that changes something. Lost answers are thrown as `OutcomeUnknown`: then look, and don't repeat. */
  change<Body>(
    of: Call<Body> & { method: Exclude<Method, 'GET'>; body?: Record<string, unknown> },
  ): Promise<Answer<Body>>;
}

/** The parts of a path, encoded. A branch's slashes stay. */
export function pathOf(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw(
    { raw: parts },
    ...values.map((value) => encodeURIComponent(value).replaceAll('%2F', '/')),
  );
}

/** `url` is the forge's own address, without `/api/v1`; `host` is what errors call it. */
export function createGiteaClient(deps: {
  url: string;
  host: string;
  token: string;
  dispatcher?: Dispatcher;
  timeoutMs?: number;
}): GiteaClient {
  const { url, host, token, dispatcher, timeoutMs = callTimeoutMs } = deps;
  const kept = new Map<string, { etag: string; text: string; total: number | undefined }>();
  return {
    async get(of) {
      const said = await send({ ...of, method: 'GET' });
      return said.kind === 'ok' ? { kind: 'ok', body: read(of, said) } : said;
    },
    list,
    async change(of) {
      const said = await send(of);
      return said.kind === 'ok' ? { kind: 'ok', body: read(of, said) } : said;
    },
  };

  async function list<Item>(of: Call<Item[]> & { pages?: number }): Promise<Item[]> {
    const items: Item[] = [];
    for (let page = 1; page <= (of.pages ?? mostPages); page++) {
      const query = { ...of.query, page: String(page), limit: String(pageSize) };
      const call = { ...of, method: 'GET' as const, query };
      const said = await send(call);
      if (said.kind === 'refused') throw unexpected(call, said);
      const more = read(call, said);
      items.push(...more);
      const isLast = more.length === 0 || (said.total !== undefined && items.length >= said.total);
      if (isLast) break;
    }
    return items;
  }

  type Said =
    | { kind: 'ok'; text: string; total: number | undefined }
    | { kind: 'refused'; status: number; message: string };

  async function send(of: {
    method: Method;
    path: string;
    query?: Record<string, string>;
    body?: Record<string, unknown>;
  }): Promise<Said> {
    const { method, path } = of;
    const search = new URLSearchParams(of.query).toString();
    const target = `${url}/api/v1${path}${search === '' ? '' : `?${search}`}`;
    const known = method === 'GET' ? kept.get(target) : undefined;
    const what = `${method} ${path} of ${host}`;
    const call = async () => {
      const response = await fetch(target, {
        method,
        headers: {
          authorization: `token ${token}`,
          accept: 'application/json',
          ...(of.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(known === undefined ? {} : { 'if-none-match': known.etag }),
        },
        ...(of.body === undefined ? {} : { body: JSON.stringify(of.body) }),
        // Where a repository has moved to is for a person to say: a token does not follow.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      return { response, text: await response.text() };
    };
    const { response, text } = await call().catch((error: unknown) => {
      throw lost(method, `${what} got no answer: ${describe(error, timeoutMs)}`);
    });
    const { status, headers } = response;
    if (status === 304 && known) return { kind: 'ok', ...known };
    if (response.ok) {
      const said = { text, total: numberIn(headers.get('x-total-count')) };
      if (method === 'GET') keep(target, headers.get('etag'), said);
      return { kind: 'ok', ...said };
    }
    const message = messageIn(text);
    if (status === 429) {
      throw unavailable(`${what}: too many requests`, { retryAfterMs: resetOf(headers) });
    }
    if (status >= 500) throw lost(method, `${what} ended with ${status}: ${message}`);
    if (status === 401) {
      throw refused(
        `${host} does not accept the token that the engine has for it: renew it (docs/forges.md)`,
      );
    }
    if (status >= 300 && status < 400) {
      throw refused(`${what} is somewhere else now: give the repository its new address`);
    }
    return { kind: 'refused', status, message };
  }

  function keep(
    target: string,
    etag: string | null,
    said: { text: string; total: number | undefined },
  ): void {
    kept.delete(target);
    if (etag === null) return;
    kept.set(target, { etag, ...said });
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  }

  function read<Body>(of: Call<Body> & { method?: Method }, said: { text: string }): Body {
    const { method = 'GET', path, answer } = of;
    const parsed = answer.safeParse(jsonOf(said.text));
    if (parsed.success) return parsed.data;
    const [fault] = parsed.error.issues;
    const place = fault?.path.join('.') ?? '';
    throw lost(
      method,
      `the answer to ${method} ${path} of ${host} is not understood: ${place === '' ? '' : `${place}: `}${fault?.message ?? ''}`,
    );
  }

  function unexpected(of: { path: string }, said: { status: number; message: string }) {
    return refused(`GET ${of.path} of ${host} was refused with ${said.status}: ${said.message}`);
  }
}

/** What changed nothing may simply be asked again. */
function lost(method: Method, message: string) {
  return method === 'GET' ? unavailable(message) : outcomeUnknown(message);
}

/** `undefined` stands for what is cut off, and for no body at all. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageIn(text: string): string {
  const fault = GiteaFault.safeParse(jsonOf(text));
  return (fault.success ? fault.data.message : text.trim()).slice(0, 500);
}

function numberIn(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A minute, where a forge does not say when it will answer again. */
const defaultResetMs = 60_000;

/** No reset is further away than the window of any limit that we know. */
const longestResetMs = 60 * 60_000;

/** `Retry-After` has seconds; `X-RateLimit-Reset` has seconds since 1970. */
function resetOf(headers: { get(name: string): string | null }): number {
  const after = numberIn(headers.get('retry-after'));
  const reset = numberIn(headers.get('x-ratelimit-reset'));
  const wait =
    after === undefined ? (reset === undefined ? defaultResetMs : reset * 1_000 - Date.now()) : after * 1_000;
  return Math.min(Math.max(wait, 1_000), longestResetMs);
}

/** The reason below `fetch failed`, which says nothing. */
function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'it failed';
  if (error.name === 'TimeoutError') return `none within ${timeoutMs / 1_000} s`;
  const { cause } = error;
  if (cause instanceof Error)
    return 'code' in cause ? `${cause.message} (${String(cause.code)})` : cause.message;
  return error.message;
}
