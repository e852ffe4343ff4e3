import type { Dispatcher } from 'undici';
import { createForgeClient, numberIn, type ForgeClient, type Paging } from '../rest/client.ts';
import { fetchTransport } from '../rest/fetch-transport.ts';

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
  const to = { base: `${url}/api/v1`, authorization: `token ${token}`, dispatcher, timeoutMs };
  return createForgeClient({ host, transport: fetchTransport(to), paging, timeoutMs });
}
