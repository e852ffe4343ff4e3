import { createHmac } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pollMs } from '../../activities/failures.ts';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { webhookDeliveries } from '../../schema/db/tables.ts';
import { useDatabase } from '../support/databases.ts';
import { giteaWorld, type RestWorld } from '../support/forge-worlds.ts';
import { useGitea } from '../support/gitea.ts';
import { runMission } from '../support/mission-command.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { until } from '../support/until.ts';

const secret = 'a-secret-of-the-host';
const body = JSON.stringify({ repository: { full_name: 'o/r' }, sha: 'a'.repeat(40) });

/** An engine whose `forges.yaml` is this. */
async function startEngine(forges: object): Promise<RealEngine & { forgesFile: string }> {
  const config = () => ({ allowPrivateAddresses: true });
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, config);
  const forgesFile = join(engine.root, 'data', 'forges.yaml');
  await writeFile(forgesFile, `# ours\n${JSON.stringify(forges)}\n`, { mode: 0o600 });
  return { ...engine, forgesFile };
}

async function deliver(
  engine: RealEngine,
  more: { path?: string; body?: string; signature?: string; headers?: Record<string, string> } = {},
) {
  const { path = 'gitea', body: sent = body } = more;
  const { signature = createHmac('sha256', secret).update(sent).digest('hex') } = more;
  const response = await fetch(`${engine.url}/v1/webhooks/${path}`, {
    method: 'POST',
    body: sent,
    headers: {
      'content-type': 'application/json',
      'x-gitea-event': 'status',
      'x-gitea-delivery': 'd1',
      'x-gitea-signature': signature,
      'x-hub-signature-256': `sha256=${signature}`,
      ...more.headers,
    },
  });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

describe('a delivery of a webhook', () => {
  it('is let in by its signature alone, noted once, and forgotten in time', async () => {
    const engine = await startEngine({ hosts: { 'git.example.org': { token: 't', webhookSecret: secret } } });
    const { queries } = engine.engine;
    const noted = async () => (await queries.select().from(webhookDeliveries)).length;

    expect(await deliver(engine)).toEqual({ status: 202, type: null, text: '' });
    expect(await deliver(engine)).toMatchObject({ status: 202 });
    expect(await noted()).toBe(1);
    expect(await deliver(engine, { headers: { 'x-gitea-delivery': 'd2' } })).toMatchObject({ status: 202 });
    expect(await deliver(engine, { path: 'github' })).toMatchObject({ status: 202 });
    expect(await noted()).toBe(3);

    // Of no event that we know, and of a repository that nobody works on.
    expect(await deliver(engine, { headers: { 'x-gitea-event': 'wiki' } })).toMatchObject({ status: 202 });
    expect(await noted()).toBe(3);

    const old = new Date(Date.now() - 8 * 24 * 3_600_000);
    await queries.update(webhookDeliveries).set({ receivedAt: old });
    await deliver(engine, { headers: { 'x-gitea-delivery': 'd3' } });
    await engine.api.sweep({});
    await until(async () => (await noted()) === 1);
  });

  it('is refused without saying more, whatever is wrong with its signature', async () => {
    const engine = await startEngine({ hosts: { 'git.example.org': { token: 't', webhookSecret: secret } } });
    const wrong = await deliver(engine, { signature: '0'.repeat(64) });
    expect(wrong).toMatchObject({ status: 401, type: 'application/problem+json' });
    expect(await deliver(engine, { signature: '' })).toEqual(wrong);
    expect(await deliver(engine, { signature: 'x'.repeat(900) })).toEqual(wrong);
    expect(
      await deliver(engine, { headers: { authorization: `Bearer ${engine.token}` }, signature: '' }),
    ).toEqual(wrong);
    expect(await deliver(engine, { body: 'x'.repeat(2 * 1024 * 1024) })).toMatchObject({ status: 413 });
    expect(await deliver(engine, { body: 'payload=%7B%7D' })).toMatchObject({ status: 415 });
    expect(await deliver(engine, { path: 'gitlab' })).toMatchObject({ status: 400 });
    // Without a file there is no secret, and so nobody who could have signed.
    await writeFile(engine.forgesFile, 'hosts: {}\n');
    expect(await deliver(engine)).toEqual(wrong);
    expect(await engine.engine.queries.select().from(webhookDeliveries)).toEqual([]);
  });
});

describe('a real Gitea', () => {
  const database = useDatabase('PGlite');
  const gitea = useGitea();
  const green = { name: 'ci/test', state: 'passed' as const };

  async function startWorld() {
    const world = await giteaWorld({ server: gitea(), queries: database().queries });
    const { address } = world.repository.planned;
    const { host } = new URL(address);
    const { token } = gitea().author;
    const engine = await startEngine({ hosts: { [host]: { token } } });
    // A trace of CI: what has no status is waited for.
    const base = await world.repository.commit({
      branch: 'main',
      files: { '.woodpecker.yml': 'steps: []\n' },
    });
    await world.postStatuses({ sha: base, contexts: [green] });
    return { world, engine, address };
  }

  async function startMission({ engine, address }: { engine: RealEngine; address: string }) {
    const file = await engine.missionFile({
      key: 'hooked',
      scripts: { A: commits('a.txt') },
      more: { repository: { forge: 'gitea', url: address }, policy: { coordinators: [] } },
    });
    await engine.api.create(JSON.stringify(file), 'application/json');
    await until(async () => (await taskOf(engine)).gate === 'review-and-ci');
    return (await taskOf(engine)).headSha ?? '';
  }

  async function taskOf(engine: RealEngine) {
    const [task] = (await engine.api.show('hooked')).tasks;
    if (!task) throw new Error('the mission has no task');
    return task;
  }

  async function waitForCi(engine: RealEngine): Promise<MissionEvent> {
    for await (const event of engine.api.events({ id: 'hooked', after: 0 }))
      if (event.type === 'ci') return event;
    throw new Error('the mission is over, and CI has said nothing');
  }

  function hooksOf(world: RestWorld) {
    return gitea().call({ as: gitea().author, path: `${world.path}/hooks` });
  }

  it('tells by its own signed webhooks what the engine waits for, from CI to the merge', async () => {
    const { world, engine, address } = await startWorld();
    const add = ['webhook', 'add', '--repository', address, '--data', join(engine.root, 'data')];
    const url = `${engine.url}/v1/webhooks/gitea`;
    const first = await runMission([...add, '--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toEqual({ repository: address, url, made: true });
    const says = `the webhook of ${address} to ${url} is there already\n`;
    expect(await runMission(add)).toEqual({ code: 0, stdout: says, stderr: '' });
    expect(await hooksOf(world)).toHaveLength(1);
    const text = await readFile(engine.forgesFile, 'utf8');
    expect(text).toMatch(/^# ours\n/);
    const made = /webhookSecret["']?: ["']?([0-9a-f]{64})/.exec(text)?.[1] ?? '';
    expect(made).not.toBe('');
    expect(first.stdout).not.toContain(made);
    expect((await stat(engine.forgesFile)).mode & 0o777).toBe(0o600);

    const headSha = await startMission({ engine, address });
    const greenAt = Date.now();
    await world.postStatuses({ sha: headSha, contexts: [green] });
    const { at } = await waitForCi(engine);
    // The next look by itself would have come later.
    expect(at - greenAt).toBeLessThan(pollMs - 10_000);

    await until(async () => (await taskOf(engine)).mergeSha !== null);
    const { mergeSha } = await taskOf(engine);
    await world.postStatuses({ sha: mergeSha ?? '', contexts: [green] });
    await until(async () => (await taskOf(engine)).status === 'merged');
    // Of each delivery one is noted: the signatures were right.
    expect((await engine.engine.queries.select().from(webhookDeliveries)).length).toBeGreaterThan(2);
  });

  it('is looked at every now and then where it has no webhook', async () => {
    const { world, engine, address } = await startWorld();
    const headSha = await startMission({ engine, address });
    await world.postStatuses({ sha: headSha, contexts: [green] });
    expect(await waitForCi(engine)).toMatchObject({ message: `CI is passed at ${headSha}` });
    expect(await engine.engine.queries.select().from(webhookDeliveries)).toEqual([]);
  });

  it('is asked anew for a hook whose secret was lost', async () => {
    const { world, engine, address } = await startWorld();
    const asked = { repository: address, url: engine.url };
    await engine.api.addWebhook(asked);
    const Hooks = z.array(z.object({ id: z.int() }));
    const [first] = Hooks.parse(await hooksOf(world));
    const { token } = gitea().author;
    await writeFile(engine.forgesFile, JSON.stringify({ hosts: { [new URL(address).host]: { token } } }));
    expect(await engine.api.addWebhook(asked)).toMatchObject({ made: true });
    const [second, ...more] = Hooks.parse(await hooksOf(world));
    expect(more).toEqual([]);
    expect(second?.id).not.toBe(first?.id);
  });

  it('is not asked for what can’t work', async () => {
    const { engine, address } = await startWorld();
    const refusal = async (of: { repository?: string; url?: string }) => {
      const asked = { repository: address, url: engine.url, ...of };
      return engine.api.addWebhook(asked).then(
        () => 'it was added',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      );
    };
    expect(await refusal({ repository: '/srv/greeter.git' })).toContain('the address that a browser shows');
    expect(await refusal({ repository: 'https://git.example.org/o/r' })).toContain('can’t reach');
    expect(await refusal({ repository: `${address}-not` })).toContain('404');
    expect(
      await refusal({ repository: 'https://git.example.org/o/r', url: 'https://missions.example.org' }),
    ).toContain('has no token for git.example.org');
  });
});
