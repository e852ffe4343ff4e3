import { ApplicationFailure } from '@temporalio/common';
import type { StoredCredentials } from '../activities/forge/credentials.ts';
import type { RemoteForges } from '../activities/forge/remote-forges.ts';
import { findOrMakeHook } from '../activities/forge/rest/rest-hooks.ts';
import { KeyedLock } from '../activities/keyed-lock.ts';
import { isPrivateHost, readRepositoryAddress } from '../schema/contracts/repository-address.ts';
import type { WebhookDesk, WebhookRequest } from '../schema/contracts/webhook.ts';

/** Has forges send their webhooks to this engine. */
export function createWebhookDesk(deps: {
  credentials: StoredCredentials;
  remoteForges: RemoteForges;
  allowPrivateAddresses: boolean;
}): WebhookDesk {
  const { credentials, remoteForges, allowPrivateAddresses: privateAddresses } = deps;
  // Two that ask at once must not make two secrets, nor two hooks.
  const turns = new KeyedLock();
  return {
    secrets: () => credentials.webhookSecrets(),
    add: (of) => turns.with('webhooks', () => add(of)),
  };

  async function add(of: WebhookRequest): ReturnType<WebhookDesk['add']> {
    const read = readRepositoryAddress(of.repository, { privateAddresses });
    if (read.kind === 'refused') return refuse(`${of.repository}: ${read.reason}`);
    if (read.kind === 'path' || read.scheme === 'ssh') {
      return refuse(`${of.repository} must be the address that a browser shows`);
    }
    if (!URL.canParse(of.url)) return refuse(`${of.url} is no address: https://missions.example.org is`);
    const { host, hostname } = new URL(read.url);
    const { forge = hostname === 'github.com' ? 'github' : 'gitea' } = of;
    if (isPrivateHost(new URL(of.url).hostname) && !isPrivateHost(hostname)) {
      return refuse(`${host} can’t reach ${of.url}: name an address of this engine that it can`);
    }
    const url = `${of.url.replace(/\/+$/, '')}/v1/webhooks/${forge}`;
    try {
      const { secret, made: isNew } = await credentials.makeWebhookSecret(host);
      const repository = { address: read.url };
      const { access } = remoteForges[forge];
      const { made } = await findOrMakeHook({ access, forge, repository, url, secret, isNew });
      return { kind: 'added', webhook: { repository: read.url, url, made } };
    } catch (error) {
      // What drivers throw says what, where and how to mend it.
      if (error instanceof ApplicationFailure) return refuse(error.message);
      throw error;
    }
  }
}

function refuse(reason: string): { kind: 'refused'; reason: string } {
  return { kind: 'refused', reason };
}
