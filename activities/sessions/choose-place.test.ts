import { describe, expect, it } from 'vitest';
import type { HostRuntime } from '../../schema/contracts/host.ts';
import type { Program } from '../../schema/contracts/plan.ts';
import type { RosterAccount } from '../../schema/contracts/roster.ts';
import type { HostAndOutside, PlaceRow } from '../../schema/db/places.ts';
import type { PlaceRequest } from '../../workflows/ports.ts';
import { engineFacts, repository } from '../../test/support/plans.ts';
import { choosePlace } from './choose-place.ts';

const now = 1_000_000_000;
const codex: Program = { runtime: 'codex', model: 'big' };
const claude: Program = { runtime: 'claude' };
const qwen: Program = { runtime: 'acp', agent: 'qwen' };
const script: Program = { runtime: 'script', text: 'true' };

/** Each `NAME` or `NAME@ACCOUNT`. */
function has(...names: string[]): HostRuntime[] {
  return names.map((written) => {
    const [name = '', account = name] = written.split('@');
    return { name, version: null, account };
  });
}

function host(name: string, more: Partial<HostAndOutside> = {}): HostAndOutside {
  return {
    ...{ name, tenant: 'default', machine: 'm1', user: 'u', pid: 1, version: '1', slots: 2, labels: [] },
    ...{
      runtimes: has('codex', 'claude'),
      leaseSeconds: 60,
      state: 'up',
      since: 0,
      seenAt: now,
      outside: {},
    },
    ...more,
  };
}

function place(at: string, more: Partial<PlaceRow> = {}): PlaceRow {
  placed += 1;
  return {
    ...{
      tenantId: 'default',
      sessionId: `other.T.author.${placed}`,
      missionId: 'other',
      taskId: `T-${placed}`,
    },
    ...{ host: at, runtime: 'codex', model: null, account: 'codex', placedAt: new Date(0) },
    ...more,
  };
}
let placed = 0;

function choose(of: {
  hosts: HostAndOutside[];
  places?: PlaceRow[];
  closed?: Record<string, number>;
  accounts?: RosterAccount[];
  ask?: Partial<PlaceRequest>;
}) {
  const { hosts, places = [], closed = {}, accounts = [], ask = {} } = of;
  return choosePlace({
    request: {
      ...{
        engine: engineFacts,
        place: { mission: 'm', task: 'T-1', repository },
        sessionId: 'm.T-1.author.1',
      },
      ...{ programs: [codex], labels: [], current: 'h1', unpushed: false, priority: 3 },
      ...ask,
    },
    seating: { hosts, places, closed: new Map(Object.entries(closed)) },
    accounts,
    modelOf: (program) => ('model' in program ? program.model : undefined),
    now,
  });
}

const nobody = { runtimes: has() };

describe('a session is placed', () => {
  it.each([
    { on: 'h1', why: 'where the task is', hosts: [host('h1'), host('h2', { slots: 9 })] },
    { on: 'h2', why: 'where its runtime is', hosts: [host('h1', nobody), host('h2')] },
    {
      on: 'h2',
      why: 'where the agent of the roster is',
      hosts: [
        host('h1', { runtimes: has('codex', 'acp:gemini') }),
        host('h2', { runtimes: has('acp:qwen') }),
      ],
      ask: { programs: [qwen] },
    },
    {
      on: 'h2',
      why: 'where its labels are',
      hosts: [host('h1', { labels: ['gpu'] }), host('h2', { labels: ['gpu', 'big'] })],
      ask: { labels: ['big', 'gpu'] },
    },
    {
      on: 'h2',
      why: 'where labels are, though it is no agent',
      hosts: [host('h1'), host('h2', { labels: ['gpu'], ...nobody })],
      ask: { labels: ['gpu'], programs: [script] },
    },
    {
      on: 'h3',
      why: 'where most slots are free',
      hosts: [host('h1', nobody), host('h2', { slots: 3 }), host('h3')],
      places: [place('h2'), place('h2')],
    },
    {
      on: 'h2',
      why: 'where a slot is free',
      hosts: [host('h1', { slots: 1 }), host('h2')],
      places: [place('h1')],
    },
    {
      on: 'h2',
      why: 'where no seat is asked for twice by one task',
      hosts: [host('h1', nobody), host('h2', { slots: 1 })],
      places: [place('h2', { missionId: 'm', taskId: 'T-1' })],
    },
    {
      on: 'h2',
      why: 'not where a host is drained',
      hosts: [host('h1', { state: 'draining' }), host('h2')],
      ask: { unpushed: true },
    },
    { on: 'h2', why: 'not where a host is silent', hosts: [host('h1', { state: 'silent' }), host('h2')] },
    {
      on: 'h3',
      why: 'not where an engine was not seen lately',
      hosts: [
        host('h1', nobody),
        host('h2', { leaseSeconds: null, seenAt: now - 90_000, slots: 9 }),
        host('h3'),
      ],
    },
    {
      on: 'h1',
      why: 'on the engine’s own host always',
      hosts: [host('h1', { leaseSeconds: null, seenAt: 0 })],
    },
    {
      on: 'h2',
      why: 'where an account is open',
      hosts: [host('h1'), host('h2', { runtimes: has('codex@second') })],
      closed: { codex: now + 1 },
    },
    {
      on: 'h2',
      why: 'where an account has a seat',
      hosts: [host('h1'), host('h2', { runtimes: has('codex@second') })],
      places: [place('h1')],
      accounts: [{ name: 'codex', sessions: 1 }],
    },
  ])('on $on: $why', ({ on, ...of }) => {
    expect(choose(of)).toMatchObject({ kind: 'placed', host: on });
  });

  it('by the first program that is not shut out', () => {
    const ask = { programs: [codex, claude] };
    const hosts = [host('h1')];
    expect(choose({ hosts, ask })).toMatchObject({ program: codex, account: 'codex' });
    expect(choose({ hosts, ask, closed: { codex: now + 1 } })).toMatchObject({
      program: claude,
      account: 'claude',
    });
    const only = [host('h1', { runtimes: has('claude') })];
    expect(choose({ hosts: only, ask })).toMatchObject({ program: claude });
  });

  it('once: asked again it stays where it is, however full that has become', () => {
    const standing = place('h2', { sessionId: 'm.T-1.author.1', missionId: 'm', taskId: 'T-1' });
    const hosts = [host('h1'), host('h2', { state: 'silent', slots: 1 })];
    expect(choose({ hosts, places: [standing, place('h2')], closed: { codex: now + 1 } })).toMatchObject({
      kind: 'placed',
      host: 'h2',
      leaseSeconds: 60,
    });
  });
});

describe('a reviewer', () => {
  const reviews: Partial<PlaceRequest> = { sessionId: 'm.T-1.review-one.1', at: 'h1' };

  it('is placed on its one host, which has it wait for a slot, however that stands', () => {
    const hosts = [host('h1', { slots: 1, state: 'draining' }), host('h2', { slots: 9 })];
    const answer = choose({ hosts, places: [place('h1')], ask: reviews });
    expect(answer).toMatchObject({ kind: 'placed', host: 'h1', account: 'codex' });
  });

  it.each([
    { name: 'author', sessionId: 'm.T-1.author.1' },
    { name: 'other reviewer', sessionId: 'm.T-1.review-two.1' },
  ])('waits for the seat of its task’s $name', ({ sessionId }) => {
    const of = { hosts: [host('h1')], accounts: [{ name: 'codex', sessions: 1 }], ask: reviews };
    const own = { sessionId, missionId: 'm', taskId: 'T-1' };
    expect(choose({ ...of, places: [place('h1', own)] })).toEqual({
      kind: 'full',
      on: 'one of the 1 seats of the account codex',
    });
  });

  it('takes the seat of its own last session, and none while its account is closed', () => {
    const of = { hosts: [host('h1')], accounts: [{ name: 'codex', sessions: 1 }] };
    const last = place('h1', { sessionId: 'm.T-1.review-one.1', missionId: 'm', taskId: 'T-1' });
    const ask = { ...reviews, sessionId: 'm.T-1.review-one.2' };
    expect(choose({ ...of, places: [last], ask })).toMatchObject({ kind: 'placed' });
    expect(choose({ ...of, closed: { codex: now + 1 }, ask })).toMatchObject({ kind: 'closed' });
  });

  it('waits for a person where its host does not have it, whoever else does', () => {
    expect(choose({ hosts: [host('h1', nobody), host('h2')], ask: reviews })).toEqual({
      kind: 'nowhere',
      reason: 'the host h1 has no codex, which a reviewer needs: install it, and retry',
    });
  });
});

describe('a session waits', () => {
  it.each([
    {
      on: 'one of the 1 slots of the host h1, or the host h2, which is draining',
      hosts: [host('h1', { slots: 1 }), host('h2', { state: 'draining' })],
      places: [place('h1')],
    },
    {
      on: 'the host h1, which is silent',
      hosts: [host('h1', { state: 'silent' }), host('h2')],
      ask: { unpushed: true },
    },
    {
      on: 'one of the 1 slots of the host h1',
      hosts: [host('h1', { slots: 1 }), host('h2')],
      places: [place('h1')],
      ask: { unpushed: true },
    },
    { on: 'the host h2, which is lost', hosts: [host('h1', nobody), host('h2', { state: 'lost' })] },
    {
      on: 'one of the 2 seats of the account codex',
      hosts: [host('h1'), host('h2')],
      places: [place('h1'), place('h2')],
      accounts: [{ name: 'codex', sessions: 2 }],
    },
    {
      on: 'one of the 2 seats of the account codex, 1 of them taken outside of the engine',
      hosts: [host('h1', { outside: { codex: 1 } }), host('h2', { outside: { codex: 1 } })],
      places: [place('h1')],
      accounts: [{ name: 'codex', sessions: 2 }],
    },
    {
      on: 'one of the 1 seats of the account codex for big',
      hosts: [host('h1')],
      places: [place('h1', { model: 'big' })],
      accounts: [{ name: 'codex', sessions: 6, models: { big: 1 } }],
    },
    {
      on: 'one of the 1 seats of the account codex',
      hosts: [host('h1')],
      places: [place('h1')],
      accounts: [{ name: 'codex', sessions: 1 }],
      ask: { programs: [codex, claude] },
    },
  ])('for $on', ({ on, ...of }) => {
    expect(choose(of)).toEqual({ kind: 'full', on });
  });

  it('until the first of its quotas opens', () => {
    const closed = { codex: now + 5, second: now + 3, claude: now + 9 };
    const hosts = [host('h1'), host('h2', { runtimes: has('codex@second') })];
    expect(choose({ hosts, closed, ask: { programs: [codex, claude] } })).toEqual({
      kind: 'closed',
      on: 'the quota of the account second',
      until: now + 3,
    });
  });

  it('on any machine where the repository is on none', () => {
    const hosts = [host('h1', { runtimes: [] }), host('h2', { machine: 'm2' })];
    const remote = { ...repository, forge: 'gitea' as const, address: 'https://git.example/o/r' };
    const ask = { place: { mission: 'm', task: 'T-1', repository: remote } };
    expect(choose({ hosts, ask })).toMatchObject({ kind: 'placed', host: 'h2' });
    expect(choose({ hosts })).toMatchObject({ kind: 'nowhere' });
  });

  it('for a person where no host that is known could ever run it', () => {
    const hosts = [
      host('h1'),
      host('h2', { labels: ['gpu'], state: 'left' }),
      host('h3', { machine: 'm2', labels: ['gpu'] }),
    ];
    expect(choose({ hosts, ask: { labels: ['gpu'] } })).toEqual({
      kind: 'nowhere',
      reason:
        'no host has codex and the labels gpu: start one, or name another runtime or other labels, and retry',
    });
  });
});
