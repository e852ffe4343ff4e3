import { describe, expect, it } from 'vitest';
import type { TaskStatus } from '../../schema/contracts/gates.ts';
import { Policy } from '../../schema/contracts/mission-file.ts';
import { maxPlanCharacters, type Plan, type PlannedChange } from '../../schema/contracts/plan.ts';
import { repository, task } from '../../test/support/plans.ts';
import { amendPlan, type Amended } from './amend.ts';

/** `m1` is over, `m2` is worked on: c runs, d and e wait, f is deferred; `m3` is to come. */
const plan: Plan = {
  mission: 'greetings',
  title: 'Greetings',
  repository,
  policy: Policy.parse({}),
  milestones: [
    { id: 'm1', title: 'One', tasks: [task('a')] },
    { id: 'm2', title: 'Two', tasks: [task('c'), task('d', { dependsOn: ['c'] }), task('e'), task('f')] },
    { id: 'm3', title: 'Three', tasks: [task('g', { dependsOn: ['d'] })] },
  ],
};
const statuses = new Map<string, TaskStatus>([
  ['a', 'merged'],
  ['c', 'running'],
  ['f', 'deferred'],
]);

function amend(...changes: PlannedChange[]): Amended {
  return amendPlan({ plan, statuses, milestone: 'm2', changes });
}

function idsOf(amended: Amended): string[] {
  if (amended.kind === 'refused') throw new Error(JSON.stringify(amended.faults));
  return amended.plan.milestones.map(({ tasks }) => tasks.map(({ id }) => id).join(''));
}

function faultsOf(amended: Amended): { path: string; message: string }[] {
  return amended.kind === 'refused' ? amended.faults : [];
}

describe('a change of a plan', () => {
  it.each<{ name: string; change: PlannedChange; order: string[] }>([
    {
      name: 'adds at the end',
      change: { change: 'add', milestone: 'm2', task: task('x') },
      order: ['a', 'cdefx', 'g'],
    },
    {
      name: 'adds before another',
      change: { change: 'add', milestone: 'm3', task: task('x'), before: 'g' },
      order: ['a', 'cdef', 'xg'],
    },
    {
      name: 'moves to a later milestone',
      change: { change: 'move', task: 'e', milestone: 'm3' },
      order: ['a', 'cdf', 'ge'],
    },
    {
      name: 'moves within its milestone',
      change: { change: 'move', task: 'e', milestone: 'm2', before: 'd' },
      order: ['a', 'cedf', 'g'],
    },
    {
      name: 'brings back what was deferred',
      change: { change: 'move', task: 'f', milestone: 'm2', before: 'd' },
      order: ['a', 'cfde', 'g'],
    },
    { name: 'defers in its place', change: { change: 'defer', task: 'e' }, order: ['a', 'cdef', 'g'] },
  ])('$name', ({ change, order }) => {
    expect(idsOf(amend(change))).toEqual(order);
  });

  it('says which tasks wait now and which are left out', () => {
    const amended = amend({ change: 'defer', task: 'e' }, { change: 'move', task: 'f', milestone: 'm2' });
    expect(amended.kind === 'amended' && [...amended.statuses]).toEqual([
      ['e', 'deferred'],
      ['f', 'waiting'],
    ]);
  });

  it('replaces what it sets of a task, and nothing else', () => {
    const amended = amend({ change: 'edit', task: 'd', set: { goal: 'wave', checks: ['npm test'] } });
    expect(amended.kind === 'amended' && amended.plan.milestones[1]?.tasks[1]).toEqual(
      task('d', { dependsOn: ['c'], goal: 'wave', checks: ['npm test'] }),
    );
  });

  it('sets what tasks are allowed, and takes it away', () => {
    const allowed = { budget: { tokens: 9 }, noProgress: 5, fallback: ['claude' as const] };
    const set = amend({ change: 'policy', ...allowed });
    expect(set.kind === 'amended' && set.plan.policy).toEqual({ ...plan.policy, ...allowed });
    const taken = amend(
      { change: 'policy', ...allowed },
      { change: 'policy', budget: null, noProgress: null, fallback: null },
    );
    expect(taken.kind === 'amended' && taken.plan.policy).toEqual(plan.policy);
  });

  it('sets cap and priority', () => {
    const amended = amend({ change: 'policy', parallel: 7, priority: 1 });
    expect(amended.kind === 'amended' && amended.plan.policy).toEqual({
      ...plan.policy,
      parallel: 7,
      priority: 1,
    });
  });

  it('leaves the plan that it was given as it was', () => {
    const before = structuredClone(plan);
    amend({ change: 'move', task: 'e', milestone: 'm3' }, { change: 'edit', task: 'd', set: { title: 'D' } });
    expect(plan).toEqual(before);
  });

  it.each<{ name: string; change: PlannedChange; says: string }>([
    { name: 'of a task that runs', change: { change: 'defer', task: 'c' }, says: 'c is running' },
    {
      name: 'of a task that has ended',
      change: { change: 'edit', task: 'a', set: { title: 'A' } },
      says: 'a is merged',
    },
    { name: 'of a task that nobody knows', change: { change: 'defer', task: 'z' }, says: 'no task z' },
    {
      name: 'into a milestone that is over',
      change: { change: 'move', task: 'e', milestone: 'm1' },
      says: 'the milestone m1 is over',
    },
    {
      name: 'into a milestone that nobody knows',
      change: { change: 'add', milestone: 'm9', task: task('x') },
      says: 'no milestone m9',
    },
    {
      name: 'before a task of another milestone',
      change: { change: 'add', milestone: 'm2', task: task('x'), before: 'g' },
      says: 'm2 has no task g',
    },
    {
      name: 'that adds a known id',
      change: { change: 'add', milestone: 'm2', task: task('a') },
      says: 'has a task a already',
    },
  ])('$name is refused at its place', ({ change, says }) => {
    const faults = faultsOf(amend({ change: 'policy', parallel: 1 }, change));
    expect(faults.map(({ path }) => path)).toEqual(['changes.1']);
    expect(faults[0]?.message).toContain(says);
  });

  it.each<{ name: string; changes: PlannedChange[]; says: string }>([
    {
      name: 'a cycle',
      changes: [
        { change: 'edit', task: 'e', set: { dependsOn: ['e2'] } },
        { change: 'add', milestone: 'm2', task: task('e2', { dependsOn: ['e'] }) },
      ],
      says: 'wait on each other',
    },
    {
      name: 'a dependency that nobody knows',
      changes: [{ change: 'edit', task: 'e', set: { dependsOn: ['z'] } }],
      says: 'no task has the id z',
    },
    {
      name: 'a dependency on a later milestone',
      changes: [{ change: 'edit', task: 'e', set: { dependsOn: ['g'] } }],
      says: 'a later milestone',
    },
    {
      name: 'a wait for what is deferred',
      changes: [{ change: 'defer', task: 'd' }],
      says: 'g waits on d, which is deferred',
    },
    {
      name: 'more than a workflow can carry',
      changes: [{ change: 'edit', task: 'e', set: { goal: 'x'.repeat(maxPlanCharacters) } }],
      says: 'are the most',
    },
  ])('that leaves $name is refused', ({ changes, says }) => {
    expect(
      faultsOf(amend(...changes))
        .map(({ message }) => message)
        .join(),
    ).toContain(says);
  });

  it('may be undone by a later one of the same amendment', () => {
    expect(
      idsOf(amend({ change: 'defer', task: 'd' }, { change: 'edit', task: 'g', set: { dependsOn: [] } })),
    ).toEqual(['a', 'cdef', 'g']);
  });
});

describe('an amendment of who writes', () => {
  const families = { reviewers: ['anthropic', 'openai'], told: {} };
  const agents: Plan = {
    ...plan,
    families,
    milestones: plan.milestones.map((milestone) => ({
      ...milestone,
      tasks: milestone.tasks.map((one) => ({ ...one, program: { runtime: 'codex' } })),
    })),
  };

  it('is refused where all who read would be of the families of those who write', () => {
    const changes: PlannedChange[] = [{ change: 'policy', fallback: ['claude'] }];
    const amended = amendPlan({ plan: agents, statuses, milestone: 'm2', changes });
    // Tasks that run hear of another fallback; what is over is history.
    expect(faultsOf(amended).map(({ path }) => path)).toEqual([
      'milestones.1.tasks.0',
      'milestones.1.tasks.1',
      'milestones.1.tasks.2',
      'milestones.1.tasks.3',
      'milestones.2.tasks.0',
    ]);
    expect(faultsOf(amended)[0]?.message).toContain('c may be written by openai and anthropic');
  });

  it('is made where somebody else reads', () => {
    const changes: PlannedChange[] = [{ change: 'policy', fallback: ['pi'] }];
    expect(amendPlan({ plan: agents, statuses, milestone: 'm2', changes }).kind).toBe('amended');
  });
});
