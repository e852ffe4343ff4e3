import { fetch, type Dispatcher } from 'undici';
import type { Transport } from './client.ts';

/** Sends calls of a JSON API over HTTP. `base` is what its paths are below; the scheme of its tokens differs too. */
export function fetchTransport(of: {
  base: string;
  authorization: string;
  dispatcher?: Dispatcher | undefined;
  timeoutMs: number;
}): Transport {
  const { base, authorization, dispatcher, timeoutMs } = of;
  return async ({ method, path, body, etag, range }) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        authorization,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
        ...(range === undefined ? {} : { range }),
      },
      ...(body === undefined ? {} : { body }),
      // Where a repository has moved to is for a person to say: a token does not follow.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}
