import { describe, expect, it } from 'vitest';
import { gates, type Gate, type TaskStatus } from './gates.ts';
import { Policy } from './mission-file.ts';
import type { Review } from './review.ts';
import { initialTaskView, type GateFailure, type TaskView } from './views.ts';
import { whyNot, type GateState, type GateWhy, type Why, type WhyOf } from './why.ts';

const head = 'a'.repeat(40);
const older = 'b'.repeat(40);
const mergeSha = 'c'.repeat(40);
const since = 1_000;

function view(more: Partial<TaskView> = {}): TaskView {
  const of = { mission: 'greetings', milestone: 'm1', id: 'T-1', title: 'Greet' };
  return { ...initialTaskView(of), status: 'running', ...more };
}

function why(more: Partial<TaskView> = {}, of: Partial<WhyOf> = {}): Why {
  return whyNot({ mission: 'greetings', view: view(more), base: 'main', policy: Policy.parse({}), ...of });
}

function gateOf(of: Why, gate: Gate): GateWhy {
  const found = of.gates.find((one) => one.gate === gate);
  if (!found) throw new Error(`no gate ${gate}`);
  return found;
}

function review(engine: string, verdict: Review['verdict'], sha = head): Review {
  return { engine, sha, verdict, summary: '', findings: [] };
}

function failure(gate: Gate, message: string, sha: string | null = head): GateFailure {
  return { gate, signature: gate, message, sha };
}

const approvals = [review('diff-check', 'approve'), review('test-check', 'approve')];
const given = { sha: head, by: 'lead', via: 'api' as const, at: 0 };

describe('why a task may not be merged yet', () => {
  it('names every gate but the end, in the order of the chain', () => {
    expect(why().gates.map(({ gate }) => gate)).toEqual(gates.slice(0, -1));
  });

  it.each(gates.slice(0, -1))('at %s: what is before has passed, what is after has not come', (gate) => {
    const states = why({ gate, headSha: head }).gates.map(({ state }) => state);
    const index = gates.indexOf(gate);
    expect(states.slice(0, index)).toEqual(states.slice(0, index).map(() => 'passed'));
    expect(states[index]).toBe('here');
    expect(states.slice(index + 1)).toEqual(states.slice(index + 1).map(() => 'not-yet'));
  });

  it.each(gates.slice(0, -1))(
    'at %s: each gate that is still to pass says in words what it asks for',
    (gate) => {
      const found = why({ gate, headSha: head }, { policy: Policy.parse({ coordinators: ['lead'] }) });
      for (const { state, missing, for: whose } of found.gates) {
        expect(missing === null).toBe(state === 'passed');
        expect(whose === null).toBe(state === 'passed');
      }
      expect(found.answer).toBe(`T-1 may not be merged yet: ${gate}: ${gateOf(found, gate).missing ?? ''}`);
    },
  );

  it.each<{ name: string; more: Partial<TaskView>; asks: string; whose: string }>([
    {
      name: 'nothing',
      more: {},
      asks: 'the verdict of diff-check, the verdict of test-check, CI',
      whose: 'reviewer',
    },
    {
      name: 'an approval of an older head',
      more: {
        reviews: [review('diff-check', 'approve', older), review('test-check', 'approve')],
        ci: 'passed',
      },
      asks: 'the verdict of diff-check',
      whose: 'reviewer',
    },
    {
      name: 'an objection',
      more: {
        reviews: [review('diff-check', 'request-changes'), review('test-check', 'approve')],
        ci: 'passed',
      },
      asks: 'the approval of diff-check',
      whose: 'reviewer',
    },
    { name: 'both approvals', more: { reviews: approvals, ci: 'failed' }, asks: 'CI', whose: 'ci' },
    { name: 'all', more: { reviews: approvals, ci: 'passed' }, asks: 'nothing more', whose: 'ci' },
  ])('with $name from reviewers and CI it asks for $asks', ({ more, asks, whose }) => {
    const found = why({ gate: 'review-and-ci', headSha: head, ...more });
    expect(gateOf(found, 'review-and-ci')).toMatchObject({ missing: `${asks} at ${head}` });
    // Before it comes there, the same.
    const before = gateOf(why({ gate: 'push', headSha: head, ...more }), 'review-and-ci');
    expect(before).toMatchObject({ missing: `${asks} at ${head}`, for: whose });
  });

  it.each<{ name: string; more: Partial<TaskView>; of?: Partial<WhyOf>; here: Partial<GateWhy> }>([
    {
      name: 'the go-ahead',
      more: { gate: 'go-ahead', headSha: head, waits: { gate: 'go-ahead', on: 'it', for: 'person', since } },
      of: { policy: Policy.parse({ coordinators: ['lead', 'qa'] }) },
      here: {
        missing: `the go-ahead of lead or qa for ${head}`,
        for: 'person',
        since,
        command: `mission approve greetings T-1 --head ${head}`,
      },
    },
    {
      name: 'a person, since the change touches its judge',
      more: { gate: 'go-ahead', headSha: head },
      here: {
        missing: `the go-ahead of a person for ${head}: the change touches what judges it`,
        for: 'person',
        command: `mission approve greetings T-1 --head ${head}`,
      },
    },
    {
      name: 'two persons, since the change touches what two must agree to',
      more: { gate: 'go-ahead', headSha: head, standing: { given: 0, needed: 2 } },
      of: { policy: Policy.parse({ coordinators: ['lead', 'qa'], twoPersons: ['src/auth/**'] }) },
      here: {
        missing: `the go-ahead of 2 different persons among lead, qa for ${head}: the change touches what two persons must agree to`,
        for: 'person',
        command: `mission approve greetings T-1 --head ${head}`,
      },
    },
    {
      name: 'the second of two persons, also where the mission merges solo',
      more: { gate: 'go-ahead', headSha: head, standing: { given: 1, needed: 2 }, goAheads: [given] },
      here: {
        missing: `the go-ahead of one more person for ${head}, 1 of 2 are given: the change touches what two persons must agree to`,
        for: 'person',
        command: `mission approve greetings T-1 --head ${head}`,
      },
    },
    {
      name: 'an answer, being blocked',
      more: { gate: 'implement', status: 'blocked', reason: 'no token' },
      here: {
        missing: 'an answer of a person: it is blocked, since no token',
        for: 'person',
        command: 'mission resolve greetings T-1 retry',
      },
    },
    {
      name: 'an answer to its agent',
      more: {
        gate: 'implement',
        questions: [
          {
            id: 'author-1-1',
            session: 's',
            title: 'run it?',
            detail: null,
            options: [
              { id: 'allow', name: 'Allow' },
              { id: 'deny', name: 'Deny' },
            ],
            at: 1,
          },
        ],
      },
      here: {
        missing: 'an answer to author-1-1 (allow, deny): run it?',
        for: 'person',
        command: 'mission answer greetings.T-1.author-1-1 OPTION',
      },
    },
    {
      name: 'the mission to be resumed',
      more: { gate: 'push', waits: { gate: 'push', on: 'the mission', for: 'person', since } },
      of: { paused: { by: 'lead', reason: null, at: 1 } },
      here: { missing: 'the mission is paused by lead', for: 'person', command: 'mission resume greetings' },
    },
    {
      name: 'its agent, in a mission that is paused',
      more: { gate: 'implement', waits: { gate: 'implement', on: 'session s', for: 'agent', since } },
      of: { paused: { by: 'lead', reason: null, at: 1 } },
      here: { missing: 'it waits on session s', for: 'agent', command: null },
    },
    {
      name: 'a base that is red',
      more: {
        gate: 'merge-lane',
        waits: { gate: 'merge-lane', on: 'main to be mended: CI', for: 'person', since },
      },
      here: { missing: 'it waits on main to be mended: CI', for: 'person', since, command: null },
    },
  ])('waits for $name', ({ more, of, here }) => {
    const found = why(more, of);
    expect(gateOf(found, view(more).gate)).toMatchObject(here);
  });

  it.each<{ name: string; more: Partial<TaskView>; gate: Gate; state: GateState; missing: string | RegExp }>([
    {
      name: 'sent back by a reviewer, while its author mends it',
      more: { gate: 'implement', headSha: head, failures: [failure('review-and-ci', 'a bug')] },
      gate: 'review-and-ci',
      state: 'failed',
      missing: 'a head that mends this: a bug',
    },
    {
      name: 'the same after a session that came to nothing',
      more: {
        gate: 'implement',
        headSha: head,
        failures: [failure('review-and-ci', 'a bug'), failure('implement', 'it was lost', null)],
      },
      gate: 'review-and-ci',
      state: 'failed',
      missing: 'a head that mends this: a bug',
    },
    {
      name: 'with another head',
      more: { gate: 'push', headSha: head, failures: [failure('review-and-ci', 'a bug', older)] },
      gate: 'review-and-ci',
      state: 'not-yet',
      missing: /^the verdict of diff-check/,
    },
    {
      name: 'with red checks',
      more: { gate: 'implement', failures: [failure('verify-delivery', 'npm test is red')] },
      gate: 'verify-delivery',
      state: 'failed',
      missing: 'a head that mends this: npm test is red',
    },
    {
      name: 'blocked',
      more: { gate: 'push', status: 'blocked', reason: 'no token' },
      gate: 'push',
      state: 'failed',
      missing: /^an answer of a person/,
    },
  ])('$name: $gate is $state', ({ more, gate, state, missing }) => {
    const found = gateOf(why(more), gate);
    expect(found.state).toBe(state);
    expect(found.missing).toMatch(missing);
  });

  it.each<{ status: TaskStatus; of?: Partial<WhyOf>; missing: string; command: string | null }>([
    {
      status: 'waiting',
      of: { after: [{ id: 'T-0', status: 'running' }] },
      missing: 'it begins after T-0 (running)',
      command: null,
    },
    {
      status: 'waiting',
      missing: 'it has not begun: its turn among the tasks of the mission comes',
      command: null,
    },
    {
      status: 'waiting',
      of: { paused: { by: 'lead', reason: null, at: 1 } },
      missing: 'it has not begun: the mission is paused by lead',
      command: 'mission resume greetings',
    },
    {
      status: 'deferred',
      missing: 'it is deferred: out of the plan for now',
      command: 'mission amend greetings --move T-1 --to m1 --reason REASON',
    },
  ])('of one that is $status: $missing', ({ status, of, missing, command }) => {
    const found = why({ status }, of);
    expect(new Set(found.gates.map(({ state }) => state))).toEqual(new Set(['not-yet']));
    expect(gateOf(found, 'intake')).toMatchObject({ missing, command });
  });

  it('tells of a second person before it is known whether the change needs one, and not after', () => {
    const twoPersons = ['src/auth/**'];
    const coordinated = { policy: Policy.parse({ coordinators: ['lead'], twoPersons }) };
    const asks = (more: Partial<TaskView>, of: Partial<WhyOf>) => gateOf(why(more, of), 'go-ahead').missing;
    expect(asks({ gate: 'implement' }, coordinated)).toBe(
      'the go-ahead of lead for the head that is to come, and of a second person if it touches what two must agree to',
    );
    expect(asks({ gate: 'implement' }, { policy: Policy.parse({ twoPersons }) })).toBe(
      'nothing, unless the change touches what judges it, or what two persons must agree to: the mission merges solo',
    );
    expect(asks({ gate: 'push', headSha: head }, coordinated)).toBe(`the go-ahead of lead for ${head}`);
    expect(asks({ gate: 'push', headSha: head, standing: { given: 0, needed: 2 } }, coordinated)).toBe(
      `the go-ahead of 2 different persons among lead for ${head}: the change touches what two persons must agree to`,
    );
  });

  it('of one that merged solo: no go-ahead was needed', () => {
    const solo = { gate: 'done' as const, status: 'merged' as const, headSha: head, mergeSha };
    const found = why({ ...solo, goAhead: { ...given, by: 'policy', via: 'policy' } });
    expect(gateOf(found, 'go-ahead').state).toBe('not-needed');
    expect(found.gates.filter(({ missing }) => missing !== null)).toEqual([]);
    expect(found.answer).toBe(`T-1 is merged as ${mergeSha}`);
  });

  it('of one that needed no change: the gates of a merge were not needed', () => {
    const found = why({ gate: 'done', status: 'no-change', reason: 'it is there' });
    expect(found.gates.map(({ state }) => state)).toEqual([
      ...['passed', 'passed', 'passed'],
      ...Array.from({ length: 7 }, () => 'not-needed'),
      ...['passed', 'passed'],
    ]);
    expect(found.answer).toBe('T-1 has nothing to merge: it is there');
  });

  it('of one that is merged and not verified yet: says both', () => {
    const waits = { gate: 'verify-merge' as const, on: 'main green', for: 'ci' as const, since };
    expect(why({ gate: 'verify-merge', headSha: head, mergeSha, waits }).answer).toBe(
      `T-1 is merged as ${mergeSha}, and not done: verify-merge: it waits on main green`,
    );
  });

  it('of one that was given up: where it ended, and that nothing comes any more', () => {
    const found = why({ gate: 'go-ahead', status: 'abandoned', headSha: head, reason: 'no use' });
    expect(gateOf(found, 'go-ahead')).toMatchObject({ state: 'failed', for: null, command: null });
    expect(gateOf(found, 'merge-lane').missing).toMatch(/^nothing comes any more/);
    expect(found.answer).toBe('T-1 will not be merged, it has ended as abandoned: no use');
  });
});
