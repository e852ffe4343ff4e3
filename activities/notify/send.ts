import { createHmac } from 'node:crypto';
import type { Notification, Told } from '../../schema/contracts/notify.ts';
import { readSecretFile } from '../forge/credentials.ts';

/** Whom the operator wants to be told. */
export interface Listener {
  url: string;
  /** Signs each call. Read each time: it may be changed while the engine runs. */
  secretFile: string;
  /** Without it: all that there is. */
  events?: readonly Notification['kind'][] | undefined;
}

export type Send = (listener: Listener, notification: Notification) => Promise<Told>;

/** Long for a listener that only takes a note; whoever needs longer is told again. */
const answerWithinMs = 10_000;

/** Makes calls, until `signal` says that nobody waits for them. Whatever comes of one is told, and never thrown. */
export function createSend(of: { signal: AbortSignal }): Send {
  return (listener, notification) => send(listener, notification, of.signal);
}

async function send(
  { url, secretFile }: Listener,
  notification: Notification,
  signal: AbortSignal,
): Promise<Told> {
  const { host } = new URL(url);
  try {
    const secret = (await readSecretFile(secretFile, `nobody tells ${host} anything`)).trim();
    const body = JSON.stringify(notification);
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-mission-id': notification.id,
        'x-mission-timestamp': timestamp,
        'x-mission-signature': `sha256=${signatureOf({ secret, timestamp, body })}`,
      },
      body,
      // Where a listener has moved to is for the operator to say.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    });
    await response.body?.cancel();
    return { host, status: response.status, error: null };
  } catch (error) {
    return { host, status: null, error: reasonOf(error) };
  }
}

/** HMAC-SHA256 of time and body, in hex: with the time, since a call that somebody has recorded must not count for ever. */
function signatureOf(of: { secret: string; timestamp: string; body: string }): string {
  return createHmac('sha256', of.secret).update(`${of.timestamp}.${of.body}`).digest('hex');
}

export function wasTaken({ status }: Told): boolean {
  return status !== null && status >= 200 && status < 300;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
