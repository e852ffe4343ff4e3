import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { WebhookSender } from '../schema/contracts/webhook.ts';
import { isSigned } from './webhook-signature.ts';

const body = new TextEncoder().encode('{"ref": "refs/heads/main",  "emoji": "é"}');

function hmac(secret: string, bytes: Uint8Array = body): string {
  return createHmac('sha256', secret).update(bytes).digest('hex');
}

function judge(sender: WebhookSender, headers: Record<string, string>, secrets = ['one', 'two']): boolean {
  return isSigned({ sender, body, header: (name) => headers[name] }, secrets);
}

describe('a delivery', () => {
  // The example of GitHub's own documentation.
  it('is signed as GitHub’s documentation says', () => {
    const delivery = {
      sender: 'github' as const,
      body: new TextEncoder().encode('Hello, World!'),
      header: (name: string) =>
        name === 'x-hub-signature-256'
          ? 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
          : undefined,
    };
    expect(isSigned(delivery, ["It's a Secret to Everybody"])).toBe(true);
  });

  it.each([
    { sender: 'gitea', headers: { 'x-gitea-signature': hmac('two') } },
    { sender: 'github', headers: { 'x-hub-signature-256': `sha256=${hmac('one')}` } },
    { sender: 'woodpecker', headers: { 'x-hub-signature-256': `sha256=${hmac('two')}` } },
  ] as const)('of $sender is let in with any of the secrets', ({ sender, headers }) => {
    expect(judge(sender, headers)).toBe(true);
  });

  it.each([
    { what: 'no signature', sender: 'gitea', headers: {} },
    { what: 'an empty one', sender: 'gitea', headers: { 'x-gitea-signature': '' } },
    { what: 'one of another secret', sender: 'gitea', headers: { 'x-gitea-signature': hmac('three') } },
    {
      what: 'one of another body',
      sender: 'gitea',
      headers: { 'x-gitea-signature': hmac('one', new Uint8Array(3)) },
    },
    { what: 'half of one', sender: 'gitea', headers: { 'x-gitea-signature': hmac('one').slice(0, 32) } },
    { what: 'more than one', sender: 'gitea', headers: { 'x-gitea-signature': `${hmac('one')}00` } },
    { what: 'no hex', sender: 'gitea', headers: { 'x-gitea-signature': 'z'.repeat(64) } },
    {
      what: 'another’s header',
      sender: 'gitea',
      headers: { 'x-hub-signature-256': `sha256=${hmac('one')}` },
    },
    { what: 'no name of its hash', sender: 'github', headers: { 'x-hub-signature-256': hmac('one') } },
    { what: 'SHA-1', sender: 'github', headers: { 'x-hub-signature': `sha1=${hmac('one')}` } },
  ] as const)('with $what is not', ({ sender, headers }) => {
    expect(judge(sender, { ...headers })).toBe(false);
  });

  it('is not let in where there is no secret, nor by an empty signature', () => {
    expect(judge('gitea', { 'x-gitea-signature': hmac('one') }, [])).toBe(false);
    expect(judge('github', { 'x-hub-signature-256': 'sha256=' }, [])).toBe(false);
  });
});
