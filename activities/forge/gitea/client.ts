import { fetch, type Dispatcher } from 'undici';
import {
  createForgeClient,
  numberIn,
  type ForgeClient,
  type Paging,
  type Transport,
} from '../rest/client.ts';

const paging: Paging = {
  /** Gitea's own limit, unless its operator has set another; then its pages are shorter. */
  size: 50,
  sizeKey: 'limit',
  isLast({ headers, count }) {
    const total = numberIn(headers.get('x-total-count'));
    return total !== undefined && count >= total;
  },
};

/** `url` is the forge's own address, without `/api/v1`; `host` is what errors call it. */
export function createGiteaClient(deps: {
  url: string;
  host: string;
  token: string;
  dispatcher: Dispatcher | undefined;
  timeoutMs: number;
}): ForgeClient {
  const { url, host, token, dispatcher, timeoutMs } = deps;
  return createForgeClient({ host, transport, paging, timeoutMs });

  async function transport(of: Parameters<Transport>[0]): ReturnType<Transport> {
    const { method, path, body, etag, range } = of;
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `token ${token}`,
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
  }
}
