import { describe, expect, it } from 'vitest';
import { graphFaults, MissionFile } from './mission-file.ts';

interface TestTask {
  id: string;
  dependsOn: string[];
}
interface TestMilestone {
  id: string;
  tasks: TestTask[];
}

function milestone(id: string, tasks: Record<string, string[]>): TestMilestone {
  return { id, tasks: Object.entries(tasks).map(([task, dependsOn]) => ({ id: task, dependsOn })) };
}

/** Tasks of which each waits on the one before it. */
function chain(length: number): TestTask[] {
  return Array.from({ length }, (_, index) => ({
    id: `t${index}`,
    dependsOn: index === 0 ? [] : [`t${index - 1}`],
  }));
}

/** The same chain, whose first task waits on the last. */
function ring(length: number): TestTask[] {
  return chain(length).map((task, index) =>
    index === 0 ? { ...task, dependsOn: [`t${length - 1}`] } : task,
  );
}

const task = {
  id: 'T-1',
  title: 'Greet',
  goal: 'Export greet(name)',
  runtime: 'script',
  script: './t-1.sh',
};

const smallest = {
  version: 1,
  title: 'Greetings',
  repository: { forge: 'local', path: './greeter.git' },
  milestones: [{ id: 'm1', title: 'Core', tasks: [task] }],
};

function withTask(more: object): object {
  return { ...smallest, milestones: [{ id: 'm1', title: 'Core', tasks: [{ ...task, ...more }] }] };
}

function withMilestone(more: object): object {
  return { ...smallest, milestones: [{ id: 'm1', title: 'Core', tasks: [task], ...more }] };
}

/** Where a file is wrong, as its author would look for the place. */
function faultyPlaces(file: unknown): string[] {
  const parsed = MissionFile.safeParse(file);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.'));
}

function faultMessages(file: unknown): string[] {
  const parsed = MissionFile.safeParse(file);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.message);
}

describe('a task graph that can be run', () => {
  it.each([
    { name: 'one task', milestones: [milestone('m1', { a: [] })] },
    { name: 'tasks side by side', milestones: [milestone('m1', { a: [], b: [] })] },
    { name: 'a diamond', milestones: [milestone('m1', { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] })] },
    { name: 'a task named before the one it waits on', milestones: [milestone('m1', { b: ['a'], a: [] })] },
    {
      name: 'a dependency on an earlier milestone',
      milestones: [milestone('m1', { a: [] }), milestone('m2', { b: ['a'] })],
    },
    { name: 'the same dependency named twice', milestones: [milestone('m1', { a: [], b: ['a', 'a'] })] },
    { name: 'a chain of 500 tasks', milestones: [{ id: 'm1', tasks: chain(500) }] },
    {
      name: 'a chain of 500 tasks, the last one first',
      milestones: [{ id: 'm1', tasks: chain(500).reverse() }],
    },
    { name: 'nothing at all', milestones: [] },
  ])('has no fault: $name', ({ milestones }) => {
    expect(graphFaults(milestones)).toEqual([]);
  });

  it('is found quickly though its paths are innumerable', () => {
    // 60 layers of two tasks that wait on both of the layer before: 2^60 paths lead through them.
    const layers = Array.from({ length: 60 }, (_, layer) => {
      const dependsOn = layer === 0 ? [] : [`a${layer - 1}`, `b${layer - 1}`];
      return [
        { id: `a${layer}`, dependsOn },
        { id: `b${layer}`, dependsOn },
      ];
    });
    expect(graphFaults([{ id: 'm1', tasks: layers.flat() }])).toEqual([]);
  });
});

describe('a task graph that can never be run', () => {
  it.each([
    {
      name: 'a milestone id used twice',
      milestones: [milestone('m1', { a: [] }), milestone('m1', { b: [] })],
      fault: { path: ['milestones', 1, 'id'], message: 'milestone id m1 is used twice' },
    },
    {
      name: 'a task id used twice in one milestone',
      milestones: [
        {
          id: 'm1',
          tasks: [
            { id: 'a', dependsOn: [] },
            { id: 'a', dependsOn: [] },
          ],
        },
      ],
      fault: { path: ['milestones', 0, 'tasks', 1, 'id'], message: 'task id a is used twice' },
    },
    {
      name: 'a task id used twice in two milestones',
      milestones: [milestone('m1', { a: [] }), milestone('m2', { b: [], a: [] })],
      fault: { path: ['milestones', 1, 'tasks', 1, 'id'], message: 'task id a is used twice' },
    },
    {
      name: 'a dependency on nothing',
      milestones: [milestone('m1', { a: [], b: ['a', 'ghost'] })],
      fault: {
        path: ['milestones', 0, 'tasks', 1, 'dependsOn', 1],
        message: 'no task has the id ghost',
      },
    },
    {
      name: 'a dependency on a milestone instead of a task',
      milestones: [milestone('m1', { a: [] }), milestone('m2', { b: ['m1'] })],
      fault: { path: ['milestones', 1, 'tasks', 0, 'dependsOn', 0], message: 'no task has the id m1' },
    },
    {
      name: 'a dependency on a later milestone',
      milestones: [milestone('m1', { a: ['b'] }), milestone('m2', { b: [] })],
      fault: {
        path: ['milestones', 0, 'tasks', 0, 'dependsOn', 0],
        message: 'b is in m2, a later milestone: it would never start',
      },
    },
    {
      name: 'a task that waits on itself',
      milestones: [milestone('m1', { a: ['a'] })],
      fault: { path: ['milestones'], message: 'tasks wait on each other: a → a' },
    },
    {
      name: 'two tasks that wait on each other',
      milestones: [milestone('m1', { a: ['b'], b: ['a'] })],
      fault: { path: ['milestones'], message: 'tasks wait on each other: a → b → a' },
    },
    {
      name: 'a cycle behind a harmless task, named without it',
      milestones: [milestone('m1', { first: ['a'], a: ['b'], b: ['c'], c: ['a'] })],
      fault: { path: ['milestones'], message: 'tasks wait on each other: a → b → c → a' },
    },
  ])('is refused at its place: $name', ({ milestones, fault }) => {
    expect(graphFaults(milestones)).toEqual([fault]);
  });

  it('is refused with every task of a cycle of 500', () => {
    const faults = graphFaults([{ id: 'm1', tasks: ring(500) }]);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.message.split(' → ')).toHaveLength(501);
  });

  it('is refused with all of its faults at once', () => {
    const faults = graphFaults([milestone('m1', { a: ['ghost'], b: ['c'] }), milestone('m2', { c: ['c'] })]);
    expect(faults.map(({ message }) => message)).toEqual([
      'no task has the id ghost',
      'c is in m2, a later milestone: it would never start',
      'tasks wait on each other: c → c',
    ]);
  });
});

describe('a mission file', () => {
  it('needs little: everything else has a default', () => {
    expect(MissionFile.parse(smallest)).toEqual({
      version: 1,
      title: 'Greetings',
      repository: { forge: 'local', path: './greeter.git', base: 'main' },
      policy: {
        coordinators: [],
        parallel: 4,
        reviewers: [{ engine: 'diff-check' }, { engine: 'test-check' }],
        remediations: 3,
        sessions: 10,
        sessionTimeoutSeconds: 3_600,
        checksTimeoutSeconds: 900,
        requireCi: false,
      },
      milestones: [
        { id: 'm1', title: 'Core', tasks: [{ ...task, acceptance: [], checks: [], dependsOn: [] }] },
      ],
    });
  });

  it.each([
    { name: 'an agent', fields: { runtime: 'codex', model: 'gpt-5.5', effort: 'high' } },
    { name: 'an agent by its model alone', fields: { model: 'gpt-5.5' } },
    { name: 'no agent: its mission does', fields: {} },
  ])('has tasks that name $name', ({ fields }) => {
    const { runtime, script, ...rest } = task;
    expect([runtime, script]).toEqual(['script', './t-1.sh']);
    const file = { ...smallest, milestones: [{ id: 'm1', title: 'Core', tasks: [{ ...rest, ...fields }] }] };
    expect(MissionFile.parse(file).milestones[0]?.tasks[0]).toMatchObject(fields);
  });

  it.each(['/etc/passwd', '../other/', 'src/../../x', ''])('refuses %j as a path that may change', (path) => {
    expect(faultyPlaces(withTask({ paths: [path] }))).toEqual(['milestones.0.tasks.0.paths.0']);
  });

  it('takes a brief beyond the goal', () => {
    const brief = {
      constraints: ['no new dependency'],
      ruledOut: ['a class'],
      pointers: ['src/a.ts:3'],
      paths: ['src/', '..a'],
    };
    expect(MissionFile.parse(withTask(brief)).milestones[0]?.tasks[0]).toMatchObject(brief);
  });

  it('fills up a policy that says only a little', () => {
    const { policy } = MissionFile.parse({ ...smallest, policy: { parallel: 2 } });
    expect(policy).toMatchObject({ parallel: 2, remediations: 3, requireCi: false });
  });

  it('leaves out the white space around titles and checks', () => {
    const file = MissionFile.parse({ ...withTask({ checks: [' npm test\n'] }), title: '  Greetings ' });
    expect(file.title).toBe('Greetings');
    expect(file.milestones[0]?.tasks[0]?.checks).toEqual(['npm test']);
  });

  it('calls a reviewer by paths or labels only where it has a role', () => {
    const policy = (reviewer: object) => ({
      ...smallest,
      policy: { reviewers: [{ engine: 'one' }, { engine: 'two', ...reviewer }] },
    });
    for (const more of [{ paths: ['a'] }, { labels: ['risky'] }]) {
      expect(faultyPlaces(policy(more))).toEqual(['policy.reviewers.1']);
      expect(faultMessages(policy(more))[0]).toContain('paths and labels go with a role');
      expect(faultyPlaces(policy({ role: 'security', ...more }))).toEqual([]);
    }
  });

  it('gives a fault of the graph at its place', () => {
    const file = withTask({ dependsOn: ['T-2'] });
    expect(faultyPlaces(file)).toEqual(['milestones.0.tasks.0.dependsOn.0']);
    expect(faultMessages(file)).toEqual(['no task has the id T-2']);
  });

  it.each([
    { name: 'at the top', file: { ...smallest, titel: 'x' }, key: 'titel' },
    { name: 'in the policy', file: { ...smallest, policy: { paralel: 2 } }, key: 'paralel' },
    {
      name: 'in the repository',
      file: { ...smallest, repository: { ...smallest.repository, branch: 'main' } },
      key: 'branch',
    },
    {
      name: 'in a milestone',
      file: { ...smallest, milestones: [{ id: 'm1', title: 'x', tasks: [task], after: [] }] },
      key: 'after',
    },
    { name: 'in a task', file: withTask({ dependson: [] }), key: 'dependson' },
    { name: 'of another runtime', file: withTask({ command: 'make' }), key: 'command' },
    {
      name: 'in a reviewer',
      file: { ...smallest, policy: { reviewers: [{ engine: 'diff-check', model: 'x' }] } },
      key: 'model',
    },
  ])('has no key that nobody knows $name', ({ file, key }) => {
    expect(faultMessages(file)).toEqual([expect.stringContaining(`"${key}"`)]);
  });

  it.each([
    { name: 'another version', file: { ...smallest, version: 2 }, at: 'version' },
    { name: 'the version as text', file: { ...smallest, version: '1' }, at: 'version' },
    { name: 'an empty title', file: { ...smallest, title: '  ' }, at: 'title' },
    { name: 'a title that is too long', file: { ...smallest, title: 'x'.repeat(201) }, at: 'title' },
    { name: 'a title that is a number', file: { ...smallest, title: 7 }, at: 'title' },
    { name: 'a key with capitals', file: { ...smallest, key: 'Greetings' }, at: 'key' },
    {
      name: 'an unknown forge',
      file: { ...smallest, repository: { forge: 'sourceforge', path: 'x' } },
      at: 'repository.forge',
    },
    {
      name: 'a base that is an option',
      file: { ...smallest, repository: { ...smallest.repository, base: '--upload-pack=x' } },
      at: 'repository.base',
    },
    { name: 'no milestone', file: { ...smallest, milestones: [] }, at: 'milestones' },
    {
      name: 'a milestone without tasks',
      file: { ...smallest, milestones: [{ id: 'm1', title: 'x', tasks: [] }] },
      at: 'milestones.0.tasks',
    },
    {
      name: 'a policy that is a list',
      file: { ...smallest, policy: [] },
      at: 'policy',
    },
    { name: 'no parallel task', file: { ...smallest, policy: { parallel: 0 } }, at: 'policy.parallel' },
    { name: 'half a task', file: { ...smallest, policy: { parallel: 1.5 } }, at: 'policy.parallel' },
    { name: 'a number as text', file: { ...smallest, policy: { parallel: '2' } }, at: 'policy.parallel' },
    {
      name: 'fewer than no remediations',
      file: { ...smallest, policy: { remediations: -1 } },
      at: 'policy.remediations',
    },
    { name: 'no session', file: { ...smallest, policy: { sessions: 0 } }, at: 'policy.sessions' },
    {
      name: 'a session of more than a day',
      file: { ...smallest, policy: { sessionTimeoutSeconds: 86_401 } },
      at: 'policy.sessionTimeoutSeconds',
    },
    { name: 'yes for true', file: { ...smallest, policy: { requireCi: 'yes' } }, at: 'policy.requireCi' },
    {
      name: 'a tag that git does not take',
      file: withMilestone({ release: { tag: 'v1..0' } }),
      at: 'milestones.0.release.tag',
    },
    {
      name: 'a tag with two numbers to choose',
      file: withMilestone({ release: { tag: 'v*.*' } }),
      at: 'milestones.0.release.tag',
    },
    {
      name: 'an empty check of a milestone',
      file: withMilestone({ verify: [' '] }),
      at: 'milestones.0.verify.0',
    },
    { name: 'a task id with a slash', file: withTask({ id: '../T-1' }), at: 'milestones.0.tasks.0.id' },
    { name: 'no goal', file: withTask({ goal: '' }), at: 'milestones.0.tasks.0.goal' },
    {
      name: 'one check that is no list',
      file: withTask({ checks: 'npm test' }),
      at: 'milestones.0.tasks.0.checks',
    },
    {
      name: 'an empty check, which would always be green',
      file: withTask({ checks: [' '] }),
      at: 'milestones.0.tasks.0.checks.0',
    },
    {
      name: 'an unknown runtime',
      file: withTask({ runtime: 'telepathy' }),
      at: 'milestones.0.tasks.0.runtime',
    },
    { name: 'a list', file: [smallest], at: '' },
    { name: 'nothing', file: null, at: '' },
  ])('is refused at its place: $name', ({ file, at }) => {
    expect(faultyPlaces(file)).toEqual([at]);
  });
});
