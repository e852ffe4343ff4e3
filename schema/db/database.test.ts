import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { createEffects } from '../../activities/effects.ts';
import { LocalStore } from '../../activities/forge/local/local-store.ts';
import { databases, useDatabase } from '../../test/support/databases.ts';
import { agentSession } from '../../test/support/missions.ts';
import { task } from '../../test/support/plans.ts';
import { until } from '../../test/support/until.ts';
import { z } from 'zod';
import type { HostFacts } from '../contracts/host.ts';
import { MissionFile } from '../contracts/mission-file.ts';
import { toPlan } from '../contracts/plan.ts';
import type { Review } from '../contracts/review.ts';
import { initialMissionView, initialTaskView, type NewEvent } from '../contracts/views.ts';
import { readInstallation } from './database.ts';
import { listHosts, recordHostState, registerHost } from './hosts.ts';
import { claimMission, readEvents, readMission, readMissionHost, readTasks } from './missions.ts';
import { eventsChannel, recordMission, recordTask } from './projection.ts';
import { reviews } from './tables.ts';
import { createToken, findCaller, replaceToken } from './tokens.ts';
import { readUsage } from './usage.ts';

const tenant = 'default';
const ids = ['A', 'B', 'C'];

const facts: HostFacts = {
  ...{ name: 'a', tenant, identity: 'one', machine: 'here', user: 'agents', pid: 1, version: '0.4.0' },
  ...{ slots: 4, labels: ['gpu'], runtimes: [{ name: 'codex', version: null, account: 'codex' }] },
  leaseSeconds: 60,
};

function claimOf(mission: string, host = 'local') {
  const file = MissionFile.parse({
    version: 1,
    key: mission,
    title: 'All',
    repository: { forge: 'local', path: '/srv/r.git' },
    milestones: [
      {
        id: 'm1',
        title: 'All',
        tasks: ids.map((id) => ({ id, title: id, goal: 'Do it.', runtime: 'script', script: '/srv/s.sh' })),
      },
    ],
  });
  const repository = { id: 'r1', forge: 'local' as const, address: '/srv/r.git', base: 'main' };
  const plan = toPlan({ mission, file, repository, scripts: new Map([['/srv/s.sh', 'true']]) });
  return { tenant, plan, fileHash: 'h', host, by: 'lead' };
}

function news(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, index) => ({ at: index, type: 'ci', message: `${index}` }));
}

function viewOf(mission: string, id: string) {
  return initialTaskView({ mission, milestone: 'm1', id, title: task(id).title });
}

describe.each(databases)('what is kept in %s', (kind) => {
  const database = useDatabase(kind);

  it('has one installation id, whoever asks', async () => {
    const { queries } = database();
    const asked = await Promise.all([1, 2, 3, 4].map(() => readInstallation(queries)));
    expect(new Set(asked).size).toBe(1);
  });

  it('finds a caller by token, and takes a name once', async () => {
    const { queries } = database();
    const caller = { tenant, name: 'lead', scopes: ['missions:read' as const] };
    const secret = await createToken(queries, caller);
    expect(await findCaller(queries, secret ?? '')).toMatchObject({ kind: 'caller', caller });
    expect(await createToken(queries, caller)).toBeUndefined();
    const other = await replaceToken(queries, caller);
    expect(await findCaller(queries, secret ?? '')).toMatchObject({ kind: 'revoked', name: 'lead' });
    expect(await findCaller(queries, other)).toMatchObject({ kind: 'caller', caller });
  });

  it('lets one of many claim a mission, and its host stays the first’s', async () => {
    const { queries } = database();
    const claims = await Promise.all(
      ['a', 'b', 'c'].map((host) => claimMission(queries, claimOf('raced', host))),
    );
    expect(claims.filter(({ created }) => created)).toHaveLength(1);
    const winner = claims.findIndex(({ created }) => created);
    const of = { tenant, mission: 'raced' };
    expect(await readMissionHost(queries, of)).toBe(['a', 'b', 'c'][winner]);
    expect((await readTasks(queries, of)).map(({ id }) => id)).toEqual(ids);
  });

  it('numbers the events of many writers without gaps, each once, however often it is told', async () => {
    const { queries } = database();
    await claimMission(queries, claimOf('told'));
    const rounds = [1, 2, 3, 4].flatMap((seq) => ids.map((id) => ({ id, seq })));
    await Promise.all(
      [...rounds, ...rounds].map(({ id, seq }) =>
        recordTask(queries, { tenant, mission: 'told', seq, view: viewOf('told', id), events: news(2) }),
      ),
    );
    const events = await readEvents(queries, { tenant, mission: 'told', after: 0, limit: 100 });
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
  });

  it('never overwrites a newer view with an older one', async () => {
    const { queries } = database();
    const claim = claimOf('newer');
    await claimMission(queries, claim);
    const running = initialMissionView(claim.plan, 'running');
    const told = { tenant, mission: 'newer', events: [] };
    await recordMission(queries, { ...told, seq: 2, view: { ...running, status: 'completed' } });
    await recordMission(queries, { ...told, seq: 1, view: running });
    expect(await readMission(queries, told)).toMatchObject({ status: 'completed', viewSeq: 2 });
  });

  it('has a plan as the newest amendment has left it', async () => {
    const { queries } = database();
    const claim = claimOf('amended');
    const { plan } = await claimMission(queries, claim).then(({ row }) => row);
    const told = { tenant, mission: 'amended', events: [], view: initialMissionView(plan, 'running') };
    const added = { ...plan, milestones: [...plan.milestones, { id: 'm2', title: 'More', tasks: [] }] };
    const [id = ''] = ids;
    const tasks = [{ id, title: id, milestone: 'm1', status: 'waiting' as const }];
    const amended = { host: 'local', tasks };
    await recordMission(queries, { ...told, seq: 3, amended: { ...amended, plan: added } });
    await recordMission(queries, { ...told, seq: 2, amended: { ...amended, plan } });
    // Version 0.4 and older tell none.
    await recordMission(queries, { ...told, seq: 4, amended });
    expect(await readMission(queries, told)).toMatchObject({ viewSeq: 4, plan: added });
  });

  it('has one verdict of an engine on a head: the newest', async () => {
    const { queries } = database();
    await claimMission(queries, claimOf('read-again'));
    const events: NewEvent[] = [{ at: 0, type: 'reviewed', message: 'reader' }];
    const told = { tenant, mission: 'read-again', events };
    const view = viewOf('read-again', 'A');
    const review = { engine: 'reader', sha: 'a'.repeat(40), summary: 'no', findings: [] };
    const asked: Review = { ...review, verdict: 'request-changes' };
    await recordTask(queries, { ...told, seq: 1, view: { ...view, reviews: [asked] } });
    const approval: Review = { ...review, verdict: 'approve', summary: 'fine' };
    await recordTask(queries, { ...told, seq: 2, view: { ...view, reviews: [approval] } });
    const kept = await queries.select().from(reviews).where(eq(reviews.missionId, 'read-again'));
    expect(kept).toMatchObject([{ verdict: 'approve', summary: 'fine' }]);
  });

  it('names a mission with new events to those who listen', async () => {
    const { queries, listen } = database();
    await claimMission(queries, claimOf('heard'));
    const heard: string[] = [];
    const stop = await listen(eventsChannel, { onPayload: (key) => heard.push(key), onGap: () => undefined });
    const view = viewOf('heard', 'A');
    await recordTask(queries, { tenant, mission: 'heard', seq: 1, view, events: news(1) });
    await until(() => heard.includes('default/heard'));
    await stop();
  });

  it('acts once for one key, and looks before it acts again', async () => {
    const effects = createEffects(database());
    const acts: Date[] = [];
    const effect = {
      key: 'k',
      tenant,
      result: z.number(),
      look: () => Promise.resolve(acts.length > 0 ? 1 : undefined),
      act: ({ claimedAt }: { claimedAt: Date }) => {
        acts.push(claimedAt);
        return Promise.resolve({ kind: 'done' as const, result: 1 });
      },
    };
    expect(await effects.once(effect)).toEqual({ kind: 'done', result: 1 });
    expect(await effects.once(effect)).toEqual({ kind: 'done', result: 1 });
    expect(acts).toHaveLength(1);
  });

  it('makes one issue and one pull request of many wishes for the same', async () => {
    const store = new LocalStore({ ...database(), tenant });
    const words = { title: 'T', body: '' };
    const eight = Array.from({ length: 8 }, (_, index) => `${index % 4}`);
    const made = await Promise.all(
      eight.flatMap((name) => [
        store.findOrCreateIssue({ repositoryId: 'r', marker: name, ...words }),
        store.findOrOpenPullRequest({ repositoryId: 'r', branch: name, base: 'main', ...words }),
      ]),
    );
    const numbers = [...new Set(made.map(({ number }) => number))].sort((a, b) => a - b);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('sums up what agents have used, each session once, for whoever asks', async () => {
    const { queries } = database();
    const told = { tenant: 'payer', fileHash: 'h', host: 'local', by: 'lead' };
    for (const mission of ['used', 'other']) {
      await claimMission(queries, { ...claimOf(mission), ...told });
      const script = { ...agentSession(`${mission}.A.author.2`, { runtime: 'script' }), agent: undefined };
      const sessions = [
        agentSession(`${mission}.A.author.1`, { model: 'gpt-5.5' }),
        script,
        agentSession(`${mission}.A.author.3`, { runtime: 'pi', usage: { costUsd: 0.5 }, endedAt: 90_000 }),
      ];
      const view = { ...viewOf(mission, 'A'), sessions };
      const ended = { at: 0, type: 'session-ended' as const, message: '' };
      for (const seq of [1, 2]) {
        await recordTask(queries, { tenant: 'payer', mission, seq, view, events: [ended] });
      }
    }
    const all = { tenant: 'payer', limit: 10 };
    const total = { sessions: 6, inputTokens: 4_000, cachedTokens: 400, outputTokens: 40 };
    const byRuntime = await readUsage(queries, { ...all, by: 'runtime' });
    expect(byRuntime.total).toEqual({ ...total, costUsd: 1, unpriced: 2, seconds: 360 });
    expect(byRuntime.rows).toMatchObject([
      { runtime: 'codex', model: 'gpt-5.5', sessions: 2, costUsd: null, unpriced: 2 },
      { runtime: 'pi', model: null, sessions: 2, costUsd: 1, unpriced: 0 },
      { runtime: 'script', model: null, sessions: 2, inputTokens: 0, unpriced: 0 },
    ]);
    const bySession = await readUsage(queries, { ...all, by: 'session', mission: 'used', limit: 2 });
    expect(bySession.rows.map(({ session }) => session)).toEqual(['used.A.author.1', 'used.A.author.3']);
    expect(bySession).toMatchObject({ more: 1, total: { sessions: 3 } });
    const late = await readUsage(queries, { ...all, by: 'task', since: new Date(90_000) });
    expect(late.rows).toMatchObject([
      { mission: 'other', task: 'A', session: null, sessions: 1 },
      { mission: 'used', task: 'A', session: null, sessions: 1 },
    ]);
    const none = await readUsage(queries, { by: 'mission', tenant: 'nobody', limit: 10 });
    expect(none).toMatchObject({ rows: [], more: 0, total: { sessions: 0, costUsd: null, seconds: 0 } });
  });

  it('gives a host name to one data directory for ever', async () => {
    const { queries } = database();
    await registerHost(queries, facts);
    await registerHost(queries, { ...facts, pid: 2 });
    await expect(registerHost(queries, { ...facts, identity: 'two' })).rejects.toThrow(
      /a belongs to another data directory on here, .*: choose another name with --host-name/,
    );
  });

  it('tells what has become of a host, and since when', async () => {
    const { queries } = database();
    await registerHost(queries, facts);
    const [up] = await listHosts(queries, { tenant });
    expect(up).toMatchObject({ name: 'a', state: 'up', slots: 4, labels: ['gpu'], leaseSeconds: 60 });
    await recordHostState(queries, { name: 'a', identity: 'one', state: 'lost' });
    const [lost] = await listHosts(queries, { tenant, names: ['a'] });
    await recordHostState(queries, { name: 'a', identity: 'one', state: 'lost' });
    await recordHostState(queries, { name: 'a', identity: 'two', state: 'left' });
    expect(await listHosts(queries, { tenant })).toEqual([{ ...lost, state: 'lost' }]);
    expect(await listHosts(queries, { tenant: 'nobody' })).toEqual([]);
  });
});
