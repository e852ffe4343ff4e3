import { describe, expect, it } from 'vitest';
import type { LaneInput, MergeRequest } from '../schema/contracts/messages.ts';
import { engineFacts, repository } from '../test/support/plans.ts';
import { LaneState } from './lane-state.ts';

function request(task: string, number = 1): MergeRequest {
  return {
    id: `i1/mission-m/${task}#${number}`,
    workflowId: `i1/mission-m/${task}`,
    mission: 'm',
    task,
    title: `${task}: Greet`,
    pullRequest: 100,
    branch: `mission/m/${task}`,
    headSha: 'a'.repeat(40),
    approvals: [{ engine: 'diff-check', summary: 'good' }],
    requireCi: false,
  };
}

function laneInput(more: Partial<LaneInput> = {}): LaneInput {
  return { engine: engineFacts, repository, ...more };
}

function laneWith(...tasks: string[]): LaneState {
  const lane = new LaneState(laneInput());
  for (const task of tasks) lane.hearRequest(request(task));
  return lane;
}

/** Serves a request up to the moment before its outcome is known. */
function bringIn(lane: LaneState, onCancel: () => void = () => undefined): MergeRequest {
  const next = lane.takeNext();
  if (!next) throw new Error('nobody waits');
  lane.prepare(next, onCancel);
  return next;
}

/** Everybody who still waits, in order. */
function queue(lane: LaneState): string[] {
  return (lane.carryOver().requests ?? []).map(({ task }) => task);
}

describe('a merge lane', () => {
  it('lets in one after another, in the order of their requests', () => {
    const lane = laneWith('b', 'a', 'c');
    const order: (string | undefined)[] = [];
    while (lane.hasWaiting) order.push(lane.takeNext()?.task);
    expect(order).toEqual(['b', 'a', 'c']);
  });

  it('lets in who is more urgent first, and those who are as urgent in order', () => {
    const lane = new LaneState(laneInput());
    const asked = [
      { ...request('a'), priority: 5 },
      request('b'),
      { ...request('c'), priority: 1 },
      { ...request('d'), priority: 3 },
      { ...request('e'), priority: 1 },
    ];
    for (const one of asked) lane.hearRequest(one);
    expect(lane.view.waiting.map(({ task }) => task)).toEqual(['c', 'e', 'b', 'd', 'a']);
    expect(asked.map(() => lane.takeNext()?.task)).toEqual(['c', 'e', 'b', 'd', 'a']);
  });

  it('tells who is inside, who is behind, and why nobody comes in', () => {
    const lane = laneWith('a', 'b');
    bringIn(lane);
    lane.redBase = 'CI is failed';
    const [a, b] = ['a', 'b'].map((task) => ({ mission: 'm', task }));
    expect(lane.view).toEqual({ inside: [a], waiting: [b], redBase: 'CI is failed' });
  });

  it('has nobody to let in at first', () => {
    const lane = laneWith();
    expect(lane.hasWaiting).toBe(false);
    expect(lane.takeNext()).toBeUndefined();
  });

  it.each([
    { name: 'nothing', raw: undefined },
    { name: 'text', raw: 'merge me' },
    { name: 'an empty object', raw: {} },
    { name: 'an abbreviated head', raw: { ...request('a'), headSha: 'abc1234' } },
    { name: 'a pull request as text', raw: { ...request('a'), pullRequest: '100' } },
    { name: 'no word on requireCi', raw: { ...request('a'), requireCi: undefined } },
  ])('ignores a malformed request: $name', ({ raw }) => {
    const lane = laneWith();
    lane.hearRequest(raw);
    expect(lane.hasWaiting).toBe(false);
  });
});

describe('a request that is sent twice', () => {
  it.each<{ name: string; arrange: (lane: LaneState) => void }>([
    { name: 'waits', arrange: () => undefined },
    { name: 'is prepared', arrange: (lane) => void bringIn(lane) },
    { name: 'is merging', arrange: (lane) => lane.merge(bringIn(lane)) },
    {
      name: 'has stopped the lane',
      arrange: (lane) => {
        lane.merge(bringIn(lane));
        lane.redBase = 'main is failed';
      },
    },
    {
      name: 'has been answered',
      arrange: (lane) => {
        lane.answered(bringIn(lane).id);
        lane.leave();
      },
    },
    { name: 'has been withdrawn', arrange: (lane) => void lane.withdraw(request('a').id) },
  ])('is known while it $name', ({ arrange }) => {
    const lane = laneWith('a');
    arrange(lane);
    const before = queue(lane);
    lane.hearRequest(request('a'));
    expect(queue(lane)).toEqual(before);
  });

  it('is not the same as the next request of the same task', () => {
    const lane = laneWith('a');
    lane.hearRequest(request('a', 2));
    expect(queue(lane)).toEqual(['a', 'a']);
  });

  it('is known after the lane has continued as new', () => {
    const before = laneWith('a', 'b');
    before.answered(bringIn(before).id);
    before.leave();
    const lane = new LaneState(before.carryOver());
    lane.hearRequest(request('a'));
    lane.hearRequest(request('b'));
    expect(queue(lane)).toEqual(['b']);
  });

  it('is known among the last 200 answers', () => {
    const lane = laneWith();
    for (let index = 0; index <= 200; index++) lane.answered(request(`t${index}`).id);
    const { answered } = lane.carryOver();
    expect(answered).toHaveLength(200);
    expect(answered).not.toContain(request('t0').id);
    expect(answered?.at(-1)).toBe(request('t200').id);
  });
});

describe('a withdrawal', () => {
  it('takes out one who waits, and leaves the order of the others', () => {
    const lane = laneWith('a', 'b', 'c');
    expect(lane.withdraw(request('b').id)).toEqual({ request: request('b'), kind: 'withdrawn' });
    expect(queue(lane)).toEqual(['a', 'c']);
  });

  it('stops the preparation, whose outcome is then the answer', () => {
    const lane = laneWith('a');
    let cancelled = false;
    const { id } = bringIn(lane, () => {
      cancelled = true;
    });
    expect(lane.isWithdrawn(id)).toBe(false);
    expect(lane.withdraw(id)).toBeUndefined();
    expect(cancelled).toBe(true);
    expect(lane.isWithdrawn(id)).toBe(true);
  });

  it.each<{ name: string; arrange: (lane: LaneState) => void }>([
    { name: 'it is merging', arrange: () => undefined },
    { name: 'it has stopped the lane', arrange: (lane) => void (lane.redBase = 'main is failed') },
  ])('is too late once $name', ({ arrange }) => {
    const lane = laneWith('a', 'b');
    const inside = bringIn(lane);
    lane.merge(inside);
    arrange(lane);
    expect(lane.withdraw(inside.id)).toEqual({ request: inside, kind: 'too-late' });
    // Remembered: should the merge not come about, it is not tried again.
    expect(lane.isWithdrawn(inside.id)).toBe(true);
    expect(queue(lane)).toEqual(['b']);
  });

  it('does not reach another than the one it names', () => {
    const lane = laneWith('a', 'b');
    let cancelled = false;
    const inside = bringIn(lane, () => {
      cancelled = true;
    });
    lane.withdraw(request('b').id);
    expect(cancelled).toBe(false);
    expect(lane.isWithdrawn(inside.id)).toBe(false);
  });

  it.each([
    { name: 'a stranger', id: 'i1/mission-x/a#1' },
    { name: 'one who has left', id: request('a').id },
  ])('of $name has no answer', ({ id }) => {
    const lane = laneWith('a');
    lane.answered(bringIn(lane).id);
    lane.leave();
    expect(lane.withdraw(id)).toBeUndefined();
  });

  it('counts until the request has its answer, over another preparation too', () => {
    const lane = laneWith('a');
    const inside = bringIn(lane);
    lane.withdraw(inside.id);
    lane.prepare(inside, () => undefined);
    expect(lane.isWithdrawn(inside.id)).toBe(true);
    lane.answered(inside.id);
    expect(lane.isWithdrawn(inside.id)).toBe(false);
  });
});

describe('a stopped lane', () => {
  it('goes on with the next when it is mended', () => {
    const lane = laneWith('a', 'b');
    lane.merge(bringIn(lane));
    lane.redBase = 'main is failed';
    lane.leave();
    expect(bringIn(lane).task).toBe('b');
  });

  it('stays stopped over a new run, until somebody has looked', () => {
    const lane = laneWith('a');
    lane.redBase = 'main is failed';
    expect(new LaneState(lane.carryOver()).redBase).toBe('main is failed');
  });
});

describe('what the next run goes on with', () => {
  it('is who waits and who was answered, without those who are inside', () => {
    const lane = new LaneState(laneInput({ requests: [request('a'), request('b')], answered: ['old#1'] }));
    lane.answered(bringIn(lane).id);
    expect(lane.carryOver()).toEqual({
      ...laneInput(),
      requests: [request('b')],
      answered: ['old#1', request('a').id],
    });
  });
});

describe('the details of a lane', () => {
  it.each<{ name: string; arrange: (lane: LaneState) => void; first: string }>([
    { name: 'is empty', arrange: () => undefined, first: '**nobody is in the lane**' },
    { name: 'prepares', arrange: (lane) => void bringIn(lane), first: '**preparing a (#100)**' },
    { name: 'merges', arrange: (lane) => lane.merge(bringIn(lane)), first: '**merging a (#100)**' },
    {
      name: 'is stopped by somebody else',
      arrange: (lane) => {
        bringIn(lane);
        lane.redBase = 'main is failed';
      },
      first: '**stopped before a (#100): main is failed; waits for: person**',
    },
    {
      name: 'is stopped',
      arrange: (lane) => {
        lane.merge(bringIn(lane));
        lane.redBase = 'main is failed';
      },
      first: '**stopped after a (#100): main is failed; waits for: person**',
    },
  ])('that $name say so', ({ arrange, first }) => {
    const lane = laneWith('a', 'b');
    arrange(lane);
    expect(lane.describe().split('\n')[0]).toBe(first);
  });

  it('list who waits, in order', () => {
    const lane = laneWith('a', 'b', 'c');
    bringIn(lane);
    expect(lane.describe().split('\n').slice(1)).toEqual(['', '2 waiting', '- b (#100)', '- c (#100)']);
  });
});
