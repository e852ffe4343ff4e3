import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RepositoryAccess } from './access.ts';
import { findOrMakeHook } from './rest-hooks.ts';

const Made = z.object({
  type: z.string().optional(),
  name: z.string().optional(),
  active: z.boolean(),
  events: z.array(z.string()),
  config: z.object({ url: z.string(), content_type: z.string(), secret: z.string() }),
});

/** A repository whose forge has webhooks, and makes them as it is told. */
function startRepository() {
  const hooks = new Map<number, z.infer<typeof Made>>();
  const path = '/repos/me/greeter';
  let last = 0;
  const there: RepositoryAccess = {
    ...{ path, host: 'git.example.org', owner: 'me', name: 'greeter' },
    login: () => Promise.resolve('me'),
    client: {
      get: () => Promise.reject(new Error('hooks are listed')),
      getText: () => Promise.reject(new Error('hooks are listed')),
      list: ({ answer }) => Promise.resolve(answer.parse([...hooks].map(([id, hook]) => ({ id, ...hook })))),
      change: ({ method, path: asked, body, answer }) => {
        const [, id] = new RegExp(`^${path}/hooks/(\\d+)$`).exec(asked) ?? [];
        if (method === 'DELETE' && id !== undefined) {
          hooks.delete(Number(id));
          return Promise.resolve({ kind: 'ok', body: answer.parse(undefined) });
        }
        if (method !== 'POST' || asked !== `${path}/hooks`) throw new Error(`${method} ${asked}`);
        const made = { id: ++last, ...Made.parse(body) };
        hooks.set(made.id, made);
        return Promise.resolve({ kind: 'ok', body: answer.parse(made) });
      },
    },
  };
  const access = { of: () => Promise.resolve(there), ofReviewer: () => Promise.resolve(undefined) };
  const repository = { address: 'https://git.example.org/me/greeter' };
  const url = 'https://missions.example.org/v1/webhooks/github';
  return {
    hooks,
    add: (of: { forge?: 'gitea' | 'github'; secret?: string; isNew?: boolean } = {}) =>
      findOrMakeHook({ access, repository, url, forge: 'github', secret: 's1', isNew: false, ...of }),
  };
}

describe('the webhook of a repository', () => {
  it.each([
    { forge: 'gitea', kind: { type: 'gitea' }, event: 'status' },
    { forge: 'github', kind: { name: 'web' }, event: 'check_run' },
  ] as const)('is made on $forge as it calls it, and once', async ({ forge, kind, event }) => {
    const repository = startRepository();
    expect(await repository.add({ forge })).toEqual({ made: true });
    expect(await repository.add({ forge })).toEqual({ made: false });
    const [hook, ...more] = repository.hooks.values();
    expect(more).toEqual([]);
    expect(hook).toMatchObject({ ...kind, active: true, config: { content_type: 'json', secret: 's1' } });
    expect(hook?.events).toEqual(expect.arrayContaining(['push', 'pull_request', event]));
  });

  it('is made anew when it signs with another secret, or was switched off', async () => {
    const repository = startRepository();
    await repository.add();
    expect(await repository.add({ secret: 's2', isNew: true })).toEqual({ made: true });
    expect([...repository.hooks.values()].map(({ config }) => config.secret)).toEqual(['s2']);
    for (const hook of repository.hooks.values()) hook.active = false;
    expect(await repository.add({ secret: 's2' })).toEqual({ made: true });
    expect([...repository.hooks.values()].map(({ active }) => active)).toEqual([true]);
  });
});
