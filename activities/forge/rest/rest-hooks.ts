import { z } from 'zod';
import type { RemoteForge } from '../remote-forges.ts';
import { done, type ForgeAccess } from './access.ts';
import { pathOf } from './client.ts';

const ForgeHook = z.object({
  id: z.int(),
  active: z.boolean(),
  config: z.object({ url: z.string().optional() }),
});

/** What each forge calls a webhook, and what it tells of that may change a verdict or which commit it is asked of. */
const hooks = {
  gitea: { type: 'gitea', events: ['push', 'status', 'pull_request', 'pull_request_sync', 'workflow_run'] },
  github: {
    name: 'web',
    events: ['push', 'status', 'pull_request', 'check_run', 'check_suite', 'workflow_run'],
  },
} as const satisfies Record<RemoteForge, object>;

/**
 * Finds the hook of a repository that delivers to an address, or makes it. `isNew`: the secret was not known before, so
 * that a standing hook signs with another; Gitea changes none, so it is made anew.
 */
export async function findOrMakeHook(of: {
  access: ForgeAccess;
  forge: RemoteForge;
  repository: { address: string };
  url: string;
  secret: string;
  isNew: boolean;
}): Promise<{ made: boolean }> {
  const { access, forge, repository, url, secret, isNew } = of;
  const there = await access.of(repository);
  const path = `${there.path}/hooks`;
  const standing = await there.client.list({ path, answer: z.array(ForgeHook) });
  const ours = standing.filter((hook) => hook.config.url === url);
  if (!isNew && ours.some(({ active }) => active)) return { made: false };
  const body = { ...hooks[forge], active: true, config: { url, content_type: 'json', secret } };
  const made = await there.client.change({ method: 'POST', path, body, answer: ForgeHook });
  done(there, made, 'the webhook');
  for (const { id } of ours) {
    const old = `${path}${pathOf`/${id}`}`;
    await there.client.change({ method: 'DELETE', path: old, answer: z.unknown() });
  }
  return { made: true };
}
