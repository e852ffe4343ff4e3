import type { Octokit } from '@octokit/core';
import { RequestError } from '@octokit/request-error';
import { createForgeClient, type ForgeClient, type Paging, type Transport } from '../rest/client.ts';

/** Whatever the server's other paths begin with. */
export const graphqlPath = '/graphql';

const paging: Paging = {
  /** GitHub's limit. */
  size: 100,
  sizeKey: 'per_page',
  isLast: ({ headers }) => !/rel="next"/.test(headers.get('link') ?? ''),
};

/** `authorize` answers the token of now. */
export function createGithubClient(deps: {
  octokit: Octokit;
  /** Where its GraphQL API is. */
  graphqlUrl: string;
  host: string;
  authorize: () => Promise<string>;
  timeoutMs: number;
  /** Fetches the end of what the forge has elsewhere, without any token. */
  fetchElsewhere: (of: { url: string; lastBytes: number }) => ReturnType<Transport>;
  unauthorized?: () => Error;
}): ForgeClient {
  const { octokit, graphqlUrl, authorize, fetchElsewhere, ...rest } = deps;
  return createForgeClient({ ...rest, transport, paging });

  async function transport(of: Parameters<Transport>[0]): ReturnType<Transport> {
    const { method, path, body, etag, range } = of;
    // Before the call: what fails here has changed nothing.
    const token = await authorize();
    try {
      const response = await octokit.request({
        method,
        url: path === graphqlPath ? graphqlUrl : path,
        headers: {
          authorization: `token ${token}`,
          accept: 'application/vnd.github+json',
          'x-github-api-version': '2022-11-28',
          ...(etag === undefined ? {} : { 'if-none-match': etag }),
          ...(range === undefined ? {} : { range }),
        },
        // As text both ways: octokit would look into what it encodes and decodes.
        ...(body === undefined ? {} : { data: body }),
        request: {
          parseSuccessResponseBody: false,
          // What changes something is never sent again: whoever asked looks for it.
          ...(method === 'GET' ? {} : { retries: 0 }),
        },
      });
      const { location } = response.headers;
      // Logs are in a store beside GitHub, at an address that is a secret for a minute.
      const isElsewhere = range !== undefined && response.status === 302 && location !== undefined;
      if (!isElsewhere) return exchangeOf(response);
      return await fetchElsewhere({ url: location, lastBytes: Number(range.replace(/^bytes=-/, '')) });
    } catch (error) {
      if (error instanceof RequestError && error.response) return exchangeOf(error.response);
      // Octokit's own words for it hide the reason.
      throw error instanceof RequestError ? (error.cause ?? error) : error;
    }
  }
}

function exchangeOf(of: {
  status: number;
  headers: Record<string, string | number | undefined>;
  data: unknown;
}): Awaited<ReturnType<Transport>> {
  const { status, headers, data } = of;
  return {
    status,
    headers: { get: (name) => headers[name]?.toString() ?? null },
    text: typeof data === 'string' ? data : JSON.stringify(data),
  };
}
