import { createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookSender } from '../schema/contracts/webhook.ts';

/** Where each sender puts the HMAC-SHA256 of its body, in hex, and what stands before it. */
const signatures = {
  gitea: { header: 'x-gitea-signature', prefix: '' },
  github: { header: 'x-hub-signature-256', prefix: 'sha256=' },
  // It sends nothing by itself: a step of a pipeline does, in the way that most programs know.
  woodpecker: { header: 'x-hub-signature-256', prefix: 'sha256=' },
} as const satisfies Record<WebhookSender, { header: string; prefix: string }>;

export interface Delivery {
  sender: WebhookSender;
  header: (name: string) => string | undefined;
  /** As it came: a signature is of bytes. */
  body: Uint8Array;
}

/** Whether one of the secrets has signed a delivery. How long that takes tells nothing of which, nor how nearly. */
export function isSigned(delivery: Delivery, secrets: readonly string[]): boolean {
  const { header, prefix } = signatures[delivery.sender];
  const told = delivery.header(header) ?? '';
  const given = Buffer.from(told.startsWith(prefix) ? told.slice(prefix.length) : '', 'hex');
  let signed = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(delivery.body).digest();
    if (given.length === expected.length && timingSafeEqual(given, expected)) signed = true;
  }
  return signed;
}
