import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentRuntime } from '../../schema/contracts/agent.ts';
import { Roster } from '../../schema/contracts/roster.ts';
import { initialTaskView, type TaskView } from '../../schema/contracts/views.ts';
import type { Database } from '../../schema/db/database.ts';
import { recordHostState, registerHost } from '../../schema/db/hosts.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { recordTask } from '../../schema/db/projection.ts';
import { hosts, places, sessions } from '../../schema/db/tables.ts';
import { engineFacts, repository } from '../../test/support/plans.ts';
import { until } from '../../test/support/until.ts';
import type { PlaceActivities, PlaceRequest } from '../../workflows/ports.ts';
import { createPlaceActivities } from './place-activities.ts';

let database: Database;
beforeAll(async () => {
  database = await openPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  for (const table of [places, hosts, sessions]) await database.queries.delete(table);
  await host('h1', ['codex']);
  await host('h2', ['codex', 'claude']);
});

async function host(name: string, runtimes: AgentRuntime[]): Promise<void> {
  await registerHost(database.queries, {
    ...{ name, tenant: 'default', identity: name, machine: 'm1', user: 'u', pid: 1, version: '1' },
    ...{ slots: 3, labels: [], leaseSeconds: 60 },
    runtimes: runtimes.map((runtime) => ({ name: runtime, version: null, account: runtime })),
  });
}

function activities(accounts: object[]): PlaceActivities {
  // It is asked of tasks that were terminated, which these are not.
  const client = new Client({ connection: Connection.lazy() });
  const roster = Roster.parse({ version: 1, accounts });
  return createPlaceActivities({ queries: database.queries, client, roster });
}

function ask(task: string, more: Partial<PlaceRequest> = {}): PlaceRequest {
  return {
    ...{ engine: engineFacts, place: { mission: 'm', task, repository }, sessionId: `m.${task}.author.1` },
    ...{ programs: [{ runtime: 'codex' }], labels: [], current: 'h1', unpushed: false, priority: 3 },
    ...more,
  };
}

/** Records the end of a task's session, as its workflow does. */
async function end(task: string, more: Partial<TaskView['sessions'][number]> = {}): Promise<void> {
  const view = initialTaskView({ mission: 'm', milestone: 'm1', id: task, title: task });
  const times = { startedAt: Date.now(), endedAt: Date.now() };
  view.sessions.push({
    ...{ id: `m.${task}.author.1`, role: 'author', runtime: 'codex', host: 'h1', end: 'exited', exitCode: 0 },
    ...times,
    ...more,
  });
  const events = [{ at: Date.now(), type: 'session-ended' as const, message: 'ended' }];
  await recordTask(database.queries, { tenant: 'default', mission: 'm', seq: 1, view, events });
}

describe('places', () => {
  it('are no more than an account allows over all hosts, however many ask at once; an end makes room', async () => {
    const placing = activities([{ name: 'codex', sessions: 2 }]);
    const asked = ['A', 'B', 'C', 'D'].map((task) => ask(task));
    const answers = await Promise.all(asked.map((request) => placing.placeSession(request)));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['full', 'full', 'placed', 'placed']);
    const seated = asked.filter((_, index) => answers[index]?.kind === 'placed');
    expect(await Promise.all(seated.map((request) => placing.placeSession(request)))).toEqual(
      answers.filter(({ kind }) => kind === 'placed'),
    );

    await end(seated[0]?.place.task ?? '');
    const again = await Promise.all(
      asked.filter((request) => !seated.includes(request)).map((request) => placing.placeSession(request)),
    );
    expect(again.map(({ kind }) => kind).sort()).toEqual(['full', 'placed']);
  });

  it('are no more than a host has slots', async () => {
    const placing = activities([]);
    const answers = [];
    for (const task of ['A', 'B', 'C', 'D', 'E', 'F', 'G'])
      answers.push(await placing.placeSession(ask(task)));
    expect(answers.map((answer) => ('host' in answer ? answer.host : answer.kind))).toEqual([
      ...['h1', 'h1', 'h1', 'h2', 'h2', 'h2', 'full'],
    ]);
  });

  it('are waited for, and the urgent come first', async () => {
    const placing = activities([{ name: 'codex', sessions: 1 }]);
    await placing.placeSession(ask('A'));
    const got: string[] = [];
    const wait = async (request: PlaceRequest) => {
      await new MockActivityEnvironment().run(async () => {
        const { kind } = await placing.awaitPlace(request);
        got.push(`${request.place.task} ${kind}`);
      });
    };
    const waiting = [wait(ask('B')), wait(ask('C', { priority: 1 }))];
    await end('A');
    await until(() => got.length === 1);
    expect(got).toEqual(['C placed']);
    await end('C');
    await Promise.all(waiting);
    expect(got).toEqual(['C placed', 'B placed']);
  });

  it('are let go of by who waits no more', async () => {
    const placing = activities([{ name: 'codex', sessions: 1 }]);
    await placing.placeSession(ask('A'));
    const environment = new MockActivityEnvironment();
    const waiting = environment.run(() => placing.awaitPlace(ask('B')));
    environment.cancel();
    await expect(waiting).rejects.toThrow();
    await end('A');
    expect(await placing.placeSession(ask('C'))).toMatchObject({ kind: 'placed' });
  });

  it('are not given in an account that one task has found closed: others wait, or another agent takes over', async () => {
    const placing = activities([]);
    await placing.placeSession(ask('A'));
    const closedUntil = Date.now() + 3_600_000;
    await end('A', { account: 'codex', closedUntil });
    expect(await placing.placeSession(ask('B'))).toEqual({
      kind: 'closed',
      on: 'the quota of the account codex',
      until: closedUntil,
    });
    const programs = [{ runtime: 'codex' as const }, { runtime: 'claude' as const }];
    expect(await placing.placeSession(ask('C', { programs }))).toMatchObject({
      kind: 'placed',
      host: 'h2',
      account: 'claude',
    });
  });

  it('are taken by the reviewers of a task beside each other, and each is free when its own session has ended', async () => {
    const placing = activities([{ name: 'codex', sessions: 2 }]);
    const review = (engine: string, launch = 1) =>
      ask('A', { sessionId: `m.A.review-${engine}.${launch}`, at: 'h1' });
    const answers = [];
    for (const engine of ['one', 'two', 'three']) answers.push(await placing.placeSession(review(engine)));
    expect(answers.map(({ kind }) => kind)).toEqual(['placed', 'placed', 'full']);
    expect(await placing.placeSession(review('two', 2))).toMatchObject({ kind: 'placed', account: 'codex' });

    const closedUntil = Date.now() + 3_600_000;
    await end('A', { id: 'm.A.review-one.1', role: 'review-one', account: 'codex', closedUntil });
    const left = await database.queries.select().from(places);
    expect(left.map(({ sessionId }) => sessionId)).toEqual(['m.A.review-two.2']);
    expect(await placing.placeSession(ask('B'))).toMatchObject({ kind: 'closed', until: closedUntil });
  });

  it('are asked for anew by a task whose host is lost', async () => {
    const placing = activities([{ name: 'codex', sessions: 1 }]);
    expect(await placing.placeSession(ask('A'))).toMatchObject({ host: 'h1' });
    await recordHostState(database.queries, { name: 'h1', identity: 'h1', state: 'lost' });
    expect(await placing.stateOfHost({ engine: engineFacts, host: 'h1' })).toEqual({ state: 'lost' });
    expect(await placing.placeSession(ask('A', { sessionId: 'm.A.author.2' }))).toMatchObject({ host: 'h2' });
    expect(await database.queries.select().from(places)).toHaveLength(1);
  });
});
