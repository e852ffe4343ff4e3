import { createHmac } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NotificationKind } from '../../schema/contracts/notify.ts';
import { initialTaskView, type NewEvent } from '../../schema/contracts/views.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { recordTask } from '../../schema/db/projection.ts';
import { notifications } from '../../schema/db/tables.ts';
import { startListener } from '../../test/support/listener.ts';
import { tellMission } from '../../test/support/missions.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { until } from '../../test/support/until.ts';
import { createNotifier } from './notifier.ts';
import { createSend, type Listener } from './send.ts';

const tenant = 'default';
const secret = 'nobody knows it';

/** A mission whose task has become blocked, and a notifier that tells of it. */
async function makeWorld() {
  const database = await openPglite();
  onTestFinished(() => database.close());
  const { queries } = database;
  const secretFile = join(await temporaryFolder(), 'secret');
  await writeFile(secretFile, `${secret}\n`, { mode: 0o600 });
  await tellMission(queries, { id: 'm', repository: 0, status: 'running' });
  const warnings: string[] = [];
  return { queries, secretFile, warnings, notifierFor, tell, drained, waiting };

  function notifierFor(listeners: Listener[]) {
    return createNotifier({
      ...{ queries, tenant, listeners, send: createSend(new AbortController()) },
      warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    });
  }

  async function tell(type: NewEvent['type'], message: string, seq = 2): Promise<void> {
    const view = initialTaskView({ mission: 'm', milestone: 'm1', id: 'A', title: 'A' });
    const blocked = { about: 'remediation' as const, at: 5 };
    await recordTask(
      queries,
      {
        ...{ tenant, mission: 'm', seq, events: [{ at: 5, type, message }] },
        view: { ...view, status: 'blocked', reason: message, blocked },
      },
      new Set(NotificationKind.options),
    );
  }

  /** Drains until a condition holds: what was not taken is told again after a pause. */
  async function drained(notifier: ReturnType<typeof notifierFor>, done: () => boolean): Promise<void> {
    await until(async () => {
      await notifier.drain();
      return done();
    });
  }

  async function waiting(): Promise<number> {
    return (await queries.select().from(notifications)).length;
  }
}

describe('the outside', () => {
  it('is told once what was told twice, signed, with what waits for a person', async () => {
    const world = await makeWorld();
    const listener = await startListener();
    await world.tell('blocked', 'npm test is red');
    await world.tell('blocked', 'npm test is red');
    await world.tell('session-ended', 'author.1 exited', 3);
    const notifier = world.notifierFor([{ url: listener.url, secretFile: world.secretFile }]);
    expect(await notifier.drain()).toBe(1);

    expect(listener.heard).toHaveLength(1);
    const [heard] = listener.heard;
    if (!heard) throw new Error('nothing was heard');
    const { headers, text, notification } = heard;
    expect(notification).toMatchObject({
      kind: 'blocked',
      mission: 'm',
      task: 'A',
      message: 'npm test is red',
      inbox: [{ id: 'm.A.blocked-5', answerWith: 'mission answer m.A.blocked-5 retry|skip|abandon' }],
    });
    const timestamp = String(headers['x-mission-timestamp']);
    const signature = createHmac('sha256', secret).update(`${timestamp}.${text}`).digest('hex');
    expect(headers['x-mission-signature']).toBe(`sha256=${signature}`);
    expect(headers['x-mission-id']).toBe(notification.id);
    expect(await notifier.drain()).toBe(0);
    expect(await world.waiting()).toBe(0);
  });

  it('is told again until it has taken it, always the same; who has taken it is left alone', async () => {
    const world = await makeWorld();
    const [steady, fails] = [await startListener(), await startListener()];
    let answers = 0;
    fails.answer = () => {
      answers += 1;
      return answers < 3 ? 500 : 204;
    };
    const listeners = [steady, fails].map(({ url }) => ({ url, secretFile: world.secretFile }));
    await world.tell('asked', 'author-1-1: Run it');
    await world.drained(world.notifierFor(listeners), () => fails.heard.length === 3);

    expect(steady.heard).toHaveLength(1);
    expect(new Set(fails.heard.map(({ text }) => text)).size).toBe(1);
    await until(async () => (await world.waiting()) === 0);
    expect(world.warnings).toHaveLength(2);
    expect(world.warnings.join()).not.toContain('s3cret');
  });

  it('that is away is told when it is back, by another process too', async () => {
    const world = await makeWorld();
    const listener = await startListener();
    await listener.close();
    await world.tell('blocked', 'stuck');
    const listeners = [{ url: listener.url, secretFile: world.secretFile }];
    expect(await world.notifierFor(listeners).drain()).toBe(1);
    expect(world.warnings.join()).toContain('ECONNREFUSED');
    await listener.open();
    await world.drained(world.notifierFor(listeners), () => listener.heard.length > 0);
    expect(listener.heard[0]?.notification).toMatchObject({ kind: 'blocked', message: 'stuck' });
  });

  it('is told only what it asks for', async () => {
    const world = await makeWorld();
    const listener = await startListener();
    const events = ['mission-ended' as const];
    await world.tell('blocked', 'stuck');
    await world.notifierFor([{ url: listener.url, secretFile: world.secretFile, events }]).drain();
    expect(listener.heard).toEqual([]);
    expect(await world.waiting()).toBe(0);
  });

  it('that is named no more is told nothing, and what was written for it is dropped after a week', async () => {
    const world = await makeWorld();
    await world.tell('blocked', 'stuck');
    await world.tell('asked', 'author-1-1: Run it', 3);
    const nobody = world.notifierFor([]);
    expect(await nobody.drain()).toBe(0);
    await nobody.prune();
    expect(await world.waiting()).toBe(2);
    const [old] = await world.queries.select().from(notifications);
    const weekAgo = new Date(Date.now() - 7 * 24 * 60 * 60 * 1_000 - 1);
    await world.queries
      .update(notifications)
      .set({ createdAt: weekAgo })
      .where(eq(notifications.id, old?.id ?? ''));
    await nobody.prune();
    expect(await world.waiting()).toBe(1);
    expect(world.warnings).toEqual(['notifications were given up after a week {"dropped":1}']);
  });

  it('is not called with a secret that others can read', async () => {
    const world = await makeWorld();
    const listener = await startListener();
    await chmod(world.secretFile, 0o644);
    const told = await world.notifierFor([{ url: listener.url, secretFile: world.secretFile }]).test();
    expect(told[0]?.error).toContain('can be read by others');
    await chmod(world.secretFile, 0o600);
    const notifier = world.notifierFor([{ url: listener.url, secretFile: world.secretFile }]);
    expect(await notifier.test()).toMatchObject([{ status: 204, error: null }]);
    expect(listener.heard.map(({ notification }) => notification.kind)).toEqual(['test']);
  });
});
