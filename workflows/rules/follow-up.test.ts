import { describe, expect, it } from 'vitest';
import { Policy } from '../../schema/contracts/mission-file.ts';
import { Name } from '../../schema/contracts/names.ts';
import type { Plan } from '../../schema/contracts/plan.ts';
import type { KnownFinding } from '../../schema/contracts/review.ts';
import { repository, task } from '../../test/support/plans.ts';
import { followUpOf } from './follow-up.ts';

const sha = 'a'.repeat(40);

function plan(...ids: string[]): Plan {
  const milestones = [{ id: 'm1', title: 'All', tasks: ids.map((id) => task(id, { dependsOn: ['T-0'] })) }];
  return { mission: 'm', title: 'M', repository, policy: Policy.parse({}), milestones };
}

function finding(id: string): KnownFinding {
  const found = { id, engine: 'one', severity: 'blocker' as const, category: 'bug', file: 'a.js', line: 3 };
  const history = [{ sha, by: 'ann', what: 'deferred' as const }];
  return { ...found, message: 'x may be null', state: 'deferred', since: sha, last: sha, history };
}

function merged(id: string, deferred?: KnownFinding[]) {
  const result = { task: id, status: 'merged' as const, mergeSha: sha, reason: null };
  return deferred === undefined ? result : { ...result, deferred };
}

/** The name of what follows when a task with one finding put off is merged. */
function nextName(standing: Plan, id: string): string | undefined {
  return followUpOf(standing, merged(id, [finding('f-1')]))?.task.id;
}

describe('what was put off in a task', () => {
  it('is one task for all of it, which names each finding and waits for nothing', () => {
    const added = followUpOf(plan('T-1'), merged('T-1', [finding('f-1'), finding('f-2')]));
    expect(added).toMatchObject({ change: 'add', milestone: 'm1', task: { id: 'T-1-QA', dependsOn: [] } });
    expect(added?.task.acceptance).toEqual(['f-1 is mended: x may be null', 'f-2 is mended: x may be null']);
    expect(added?.task.goal).toContain(
      '- f-2: blocker (bug) a.js:3: x may be null (found by one, put off by ann)',
    );
  });

  it('is no task where nothing was', () => {
    expect(followUpOf(plan('T-1'), merged('T-1'))).toBeUndefined();
    expect(nextName(plan('T-1'), 'T-2')).toBeUndefined();
  });

  it('is numbered where that name is taken', () => {
    expect(nextName(plan('T-1', 'T-1-QA'), 'T-1')).toBe('T-1-QA-2');
    expect(nextName(plan('T-1', 'T-1-QA', 'T-1-QA-2'), 'T-1')).toBe('T-1-QA-3');
  });

  it('a second time, in the follow-up itself, is the next of the same task', () => {
    expect(nextName(plan('T-1', 'T-1-QA'), 'T-1-QA')).toBe('T-1-QA-2');
    expect(nextName(plan('T-1', 'T-1-QA', 'T-1-QA-2'), 'T-1-QA-2')).toBe('T-1-QA-3');
  });

  it('has a name that fits, and is free, also of a task with a long one', () => {
    const long = 'T'.repeat(63);
    const first = nextName(plan(long), long) ?? '';
    const second = nextName(plan(long, first), long) ?? '';
    expect([first, second].map((name) => Name.safeParse(name).success)).toEqual([true, true]);
    expect(new Set([long, first, second]).size).toBe(3);
  });
});
