import { randomUUID } from 'node:crypto';
import { Octokit } from '@octokit/core';
import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';
import { fetch, type Dispatcher, type RequestInit } from 'undici';
import { refused } from '../../failures.ts';
import type { ForgeAddress } from '../rest/access.ts';
import type { Exchange } from '../rest/client.ts';

/** What a call may wait for a limit to pass. Longer ones are told, so that Temporal waits, and not a process. */
const longestPauseS = 15;

/** Looks that fail in passing are asked again once, after a second. More is for the activity's next attempt. */
const retries = 1;

/** What asking again does not mend, or what is told to the caller: 409 and 429 beside the plugin's own. */
const doNotRetry = [400, 401, 403, 404, 409, 410, 422, 429, 451];

const PatientOctokit = Octokit.plugin(retry, throttling);

/**
 * GitHub's own client, which keeps GitHub's pace: one change a second, one that notifies people every three.
 * Without accounts: each call brings its token.
 */
export function createOctokit(of: {
  at: ForgeAddress;
  dispatcher: Dispatcher | undefined;
  timeoutMs: number;
  /** Only tests of other things may do without. */
  isPaced: boolean;
}): Octokit {
  const { at, dispatcher, timeoutMs, isPaced } = of;
  return new PatientOctokit({
    baseUrl: apiOf(at),
    userAgent: 'mission-engine',
    request: { fetch: fetchWhole },
    retry: { retries, doNotRetry },
    throttle: isPaced
      ? // The pace is one account's, and that is what a client is made for.
        { id: randomUUID(), onRateLimit: isShort, onSecondaryRateLimit: isShort }
      : { enabled: false },
    // What fails is told by whoever asked.
    log: { debug: silent, info: silent, warn: silent, error: silent },
  });

  /** With its body: a time-out counts until that is here too. */
  async function fetchWhole(url: string, init: RequestInit) {
    const response = await fetch(url, {
      ...init,
      // Where a repository has moved to is for a person to say: a token does not follow.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    const text = await response.text();
    const { status, headers } = response;
    return { status, headers, url, body: text, text: () => Promise.resolve(text) };
  }
}

/**
 * Reads the end of what the forge keeps at another address. A token stays here. Stores know no range that is counted
 * from the end: all is read, and the end kept.
 */
export async function fetchElsewhere(of: {
  at: ForgeAddress;
  /** Of the forge: elsewhere a certificate must be signed. */
  dispatcher: Dispatcher | undefined;
  timeoutMs: number;
  url: string;
  lastBytes: number;
}): Promise<Exchange> {
  const { at, dispatcher, timeoutMs, url, lastBytes } = of;
  const isHere = new URL(url).origin === new URL(at.url).origin;
  if (!isHere && !url.startsWith('https://')) throw refused(`${at.host} has sent us to a place without TLS`);
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    ...(isHere && dispatcher !== undefined ? { dispatcher } : {}),
  });
  const text = Buffer.from(await response.arrayBuffer())
    .subarray(-lastBytes)
    .toString();
  return { status: response.status, headers: response.headers, text };
}

/** An Enterprise server has its API below its own address, github.com and its tenants beside it. */
export function apiOf({ url, host }: Pick<ForgeAddress, 'url' | 'host'>): string {
  if (new URL(url).origin !== url) {
    throw refused(`${url} is no address of a GitHub: it has a repository as https://HOST/OWNER/NAME`);
  }
  const hasApiBeside = host === 'github.com' || host.endsWith('.ghe.com');
  return hasApiBeside ? `https://api.${host}` : `${url}/api/v3`;
}

/** On an Enterprise server it is beside the other API, and not below it. */
export function graphqlOf(at: Pick<ForgeAddress, 'url' | 'host'>): string {
  return `${apiOf(at).replace(/\/v3$/, '')}/graphql`;
}

function isShort(retryAfterS: number, _options: unknown, _octokit: unknown, retryCount: number): boolean {
  return retryCount === 0 && retryAfterS <= longestPauseS;
}

function silent(): void {
  // Nothing is told here.
}
