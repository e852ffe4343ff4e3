/** A forge's HTTP API, as thin as it can be: what was asked, what was answered, and whether it may have happened. */
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { outcomeUnknown, refused, unavailable } from '../../failures.ts';

/**
 * One call. Seen on Gitea: 15 to 60 ms, a merge up to 1.2 s; a large repository on a slow disk takes longer. An attempt
 * of an activity lasts two minutes and makes a few calls.
 */
export const callTimeoutMs = 30_000;

/** More than any repository has of what is listed here; a forge that never ends a list must not hold us for ever. */
const mostPages = 100;

/** Answers kept for conditional requests; each is a few kilobytes. */
const mostKept = 500;

/** An answer, or a refusal that the caller knows what to make of. Everything else is thrown, typed. */
export type Answer<Body> = { kind: 'ok'; body: Body } | Refusal;

export interface Refusal {
  kind: 'refused';
  status: number;
  message: string;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Call<Body> {
  /** Its parts encoded: see `pathOf`. */
  path: string;
  query?: Record<string, string>;
  answer: z.ZodType<Body>;
}

export interface ForgeClient {
  get<Body>(of: Call<Body>): Promise<Answer<Body>>;
  /** Text, or the end of it. */
  getText(of: { path: string; lastBytes: number }): Promise<Answer<string>>;
  /** All pages of a list, or the first ones. */
  list<Item>(of: Call<Item[]> & { pages?: number }): Promise<Item[]>;
  /** A call that changes something. Lost answers are thrown as `OutcomeUnknown`: then look, and don't repeat. */
  change<Body>(
    of: Call<Body> & { method: Exclude<Method, 'GET'>; body?: Record<string, unknown> },
  ): Promise<Answer<Body>>;
}

/** What came over the wire, whatever its status. */
export interface Exchange {
  status: number;
  headers: { get(name: string): string | null };
  text: string;
}

/** Sends one call and waits for its whole answer. Rejects with a failure of ours, or where there was no answer. */
export type Transport = (of: {
  method: Method;
  /** With its query. */
  path: string;
  body?: string;
  /** Of an answer that is still known: 304 then says that it holds. */
  etag?: string;
  /** Which bytes of the answer are wanted. A server may answer with all of them. */
  range?: string;
}) => Promise<Exchange>;

export interface Paging {
  /** How many items a page has, and the key that asks for so many. */
  size: number;
  sizeKey: string;
  /** Whether there is nothing after this page; `count` are the items of all pages so far. */
  isLast(of: { headers: Exchange['headers']; count: number }): boolean;
}

/** The parts of a path, encoded. A branch's slashes stay. */
export function pathOf(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw(
    { raw: parts },
    ...values.map((value) => encodeURIComponent(value).replaceAll('%2F', '/')),
  );
}

/** `host` is what errors call the forge; `unauthorized` makes the failure of a token that is not accepted. */
export function createForgeClient(deps: {
  host: string;
  transport: Transport;
  paging: Paging;
  timeoutMs: number;
  unauthorized?: () => Error;
}): ForgeClient {
  const { host, transport, paging, timeoutMs, unauthorized = () => renewToken(host) } = deps;
  const kept = new Map<string, { etag: string } & Said>();
  return {
    async get(of) {
      const said = await send({ ...of, method: 'GET' });
      return said.kind === 'ok' ? { kind: 'ok', body: read(of, said) } : said;
    },
    async getText({ path, lastBytes }) {
      const said = await send({ method: 'GET', path, range: `bytes=-${lastBytes}` });
      return said.kind === 'ok' ? { kind: 'ok', body: said.text } : said;
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
      const query = { ...of.query, page: String(page), [paging.sizeKey]: String(paging.size) };
      const call = { ...of, method: 'GET' as const, query };
      const said = await send(call);
      if (said.kind === 'refused') throw unexpected(call, said);
      const more = read(call, said);
      items.push(...more);
      if (more.length === 0 || paging.isLast({ headers: said.headers, count: items.length })) break;
    }
    return items;
  }

  async function send(of: {
    method: Method;
    path: string;
    query?: Record<string, string>;
    body?: Record<string, unknown>;
    range?: string;
  }): Promise<Said | Refusal> {
    const { method, range } = of;
    const search = new URLSearchParams(of.query).toString();
    const path = `${of.path}${search === '' ? '' : `?${search}`}`;
    const known = method === 'GET' ? kept.get(path) : undefined;
    const what = `${method} ${of.path} of ${host}`;
    const { status, headers, text } = await transport({
      method,
      path,
      ...(of.body === undefined ? {} : { body: JSON.stringify(of.body) }),
      ...(known === undefined ? {} : { etag: known.etag }),
      ...(range === undefined ? {} : { range }),
    }).catch((error: unknown) => {
      if (error instanceof ApplicationFailure) throw error;
      throw lost(method, `${what} got no answer: ${describe(error, timeoutMs)}`);
    });
    if (status === 304 && known) return known;
    if (status >= 200 && status < 300) {
      const said: Said = { kind: 'ok', text, headers };
      if (method === 'GET') keep(path, said);
      return said;
    }
    const message = messageIn(text);
    if (isTooMany({ status, headers, message })) {
      throw unavailable(`${what}: too many requests`, { retryAfterMs: resetOf(headers) });
    }
    if (status >= 500) throw lost(method, `${what} ended with ${status}: ${message}`);
    if (status === 401) throw unauthorized();
    if (status >= 300 && status < 400) {
      throw refused(`${what} is somewhere else now: give the repository its new address`);
    }
    return { kind: 'refused', status, message };
  }

  function keep(path: string, said: Said): void {
    const etag = said.headers.get('etag');
    kept.delete(path);
    if (etag === null) return;
    kept.set(path, { etag, ...said });
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  }

  function read<Body>(of: Call<Body> & { method?: Method }, said: Said): Body {
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

  function unexpected(of: { path: string }, said: Refusal) {
    return refused(`GET ${of.path} of ${host} was refused with ${said.status}: ${said.message}`);
  }
}

interface Said {
  kind: 'ok';
  text: string;
  headers: Exchange['headers'];
}

function renewToken(host: string): Error {
  return refused(`${host} does not accept the token that the engine has for it: renew it (docs/forges.md)`);
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

/** What an error says of itself. GitHub tells the reason in `errors` only, with a message or a code. */
const Fault = z.object({
  message: z.string(),
  errors: z
    .array(
      z.union([
        z.string(),
        z
          .object({
            message: z.string().optional(),
            field: z.string().optional(),
            code: z.string().optional(),
          })
          .transform(({ message, field = '', code = '' }) => message ?? `${field} ${code}`.trim()),
      ]),
    )
    .nullish()
    .catch(undefined),
});

function messageIn(text: string): string {
  const fault = Fault.safeParse(jsonOf(text));
  const said = fault.success
    ? [fault.data.message, ...(fault.data.errors ?? [])].filter((part) => part !== '').join(': ')
    : text.trim();
  return said.slice(0, 500);
}

/** GitHub answers 403 as well, and then says that it is for the number of requests. */
function isTooMany(of: { status: number; headers: Exchange['headers']; message: string }): boolean {
  const { status, headers, message } = of;
  if (status !== 403) return status === 429;
  const isUsedUp = headers.get('x-ratelimit-remaining') === '0' || headers.get('retry-after') !== null;
  return isUsedUp || /\brate limit\b/i.test(message);
}

export function numberIn(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A minute, where a forge does not say when it will answer again. */
const defaultResetMs = 60_000;

/** No reset is further away than the window of any limit that we know. */
const longestResetMs = 60 * 60_000;

/** `Retry-After` has seconds; `X-RateLimit-Reset` has seconds since 1970. */
function resetOf(headers: Exchange['headers']): number {
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
