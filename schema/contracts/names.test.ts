import { describe, expect, it } from 'vitest';
import {
  BranchName,
  controlQueue,
  hostQueue,
  laneWorkflowId,
  missionOfWorkflow,
  missionWorkflowId,
  MissionKey,
  Name,
  sessionId,
  Sha,
  taskBranch,
  taskWorkflowId,
} from './names.ts';

function accepts(schema: { safeParse(value: unknown): { success: boolean } }, value: unknown): boolean {
  return schema.safeParse(value).success;
}

describe('a branch name', () => {
  it.each([
    'main',
    'release/1.2',
    'feature/a-b_c',
    '_private',
    'v1.0',
    'a.lock.b',
    'locked',
    '9lives',
    'x'.repeat(200),
  ])('may be %s', (name) => {
    expect(accepts(BranchName, name)).toBe(true);
  });

  it.each([
    { name: '', why: 'it is empty' },
    { name: '-main', why: 'git would take it for an option' },
    { name: '--upload-pack=x', why: 'git would take it for an option' },
    { name: 'a..b', why: 'that is a range' },
    { name: '../main', why: 'it leads out of its folder' },
    { name: 'a/../b', why: 'it leads out of its folder' },
    { name: '.hidden', why: 'git refuses a leading dot' },
    { name: 'a/.hidden', why: 'git refuses a leading dot in each part' },
    { name: '/main', why: 'it begins with a slash' },
    { name: 'main/', why: 'it ends with a slash' },
    { name: 'a//b', why: 'a part is empty' },
    { name: 'main.', why: 'it ends with a dot' },
    { name: 'main.lock', why: 'git keeps its locks there' },
    { name: 'a.lock/b', why: 'git keeps its locks there' },
    { name: 'main\n', why: 'a line ends in it' },
    { name: 'a\nb', why: 'a line ends in it' },
    { name: 'a;b', why: 'a shell would end the command' },
    { name: 'a b', why: 'it has white space' },
    { name: '$(id)', why: 'a shell would run it' },
    { name: 'a~1', why: 'that is an ancestor' },
    { name: 'a^', why: 'that is a parent' },
    { name: 'a:b', why: 'that is a refspec' },
    { name: '@', why: 'that is HEAD' },
    { name: 'a@{1}', why: 'that is the reflog' },
    { name: 'a*', why: 'that is a pattern' },
    { name: 'a\\b', why: 'git refuses backslashes' },
    { name: 'a\u0000', why: 'it has a control character' },
    { name: 'grüße', why: 'not every forge accepts it' },
    { name: 'x'.repeat(201), why: 'it is too long' },
    { name: 7, why: 'it is no text' },
  ])('can not be $name: $why', ({ name }) => {
    expect(accepts(BranchName, name)).toBe(false);
  });
});

describe('a mission key', () => {
  it.each(['a', 'greetings', '2026-plan', 'a--b', 'a-', 'x'.repeat(63)])('may be %s', (key) => {
    expect(accepts(MissionKey, key)).toBe(true);
  });

  it.each(['', '-a', 'A', 'a_b', 'a.b', 'a/b', '..', 'a\n', 'a;b', 'a b', 'ä', 'x'.repeat(64)])(
    'can not be %j',
    (key) => {
      expect(accepts(MissionKey, key)).toBe(false);
    },
  );
});

describe('a name', () => {
  it.each(['T-001', 't_1', 'A', '1', 'diff-check', 'x'.repeat(63)])('may be %s', (name) => {
    expect(accepts(Name, name)).toBe(true);
  });

  it.each([
    '',
    '-x',
    '_x',
    '.',
    '..',
    'a.b',
    'a.lock',
    'a/b',
    'a\\b',
    'T-001\n',
    'a;b',
    'a b',
    '__proto__',
    'x'.repeat(64),
  ])('can not be %j', (name) => {
    expect(accepts(Name, name)).toBe(false);
  });
});

describe('a commit id', () => {
  it.each([
    { name: 'SHA-1', id: '0123456789abcdef0123456789abcdef01234567' },
    { name: 'SHA-256', id: '0123456789abcdef'.repeat(4) },
  ])('is the whole of a $name', ({ id }) => {
    expect(accepts(Sha, id)).toBe(true);
  });

  it.each([
    { name: 'an abbreviation', id: '0123456' },
    { name: 'one digit too few', id: 'a'.repeat(39) },
    { name: 'one digit too many', id: 'a'.repeat(41) },
    { name: 'a length between the two', id: 'a'.repeat(63) },
    { name: 'capitals', id: 'A'.repeat(40) },
    { name: 'a letter that is no digit', id: `${'a'.repeat(39)}g` },
    { name: 'a line end', id: `${'a'.repeat(40)}\n` },
    { name: 'a ref', id: 'HEAD' },
    { name: 'an option', id: `-${'a'.repeat(39)}` },
    { name: 'nothing', id: '' },
  ])('is not $name', ({ id }) => {
    expect(accepts(Sha, id)).toBe(false);
  });
});

describe('ids', () => {
  const task = { installation: 'i1', mission: 'greetings', task: 'T-001' };

  it.each([
    { what: 'a mission', id: missionWorkflowId(task), is: 'i1/mission-greetings' },
    { what: 'a task', id: taskWorkflowId(task), is: 'i1/mission-greetings/T-001' },
    {
      what: 'a lane',
      id: laneWorkflowId({ installation: 'i1', repositoryId: 'r1', base: 'main' }),
      is: 'i1/lane/r1/main',
    },
    {
      what: 'the lane of a branch with a slash',
      id: laneWorkflowId({ installation: 'i1', repositoryId: 'r1', base: 'release/1.2' }),
      is: 'i1/lane/r1/release%2F1.2',
    },
    { what: 'the control queue', id: controlQueue('i1'), is: 'control:i1' },
    { what: 'a host queue', id: hostQueue({ installation: 'i1', host: 'h1' }), is: 'host:i1:h1' },
    { what: 'a branch', id: taskBranch(task), is: 'mission/greetings/T-001' },
    {
      what: 'a session',
      id: sessionId({ ...task, role: 'author', launch: 2 }),
      is: 'greetings.T-001.author.2',
    },
  ])('of $what is $is', ({ id, is }) => {
    expect(id).toBe(is);
  });

  it.each([
    { workflowId: 'i1/mission-greetings', is: { mission: 'greetings' } },
    { workflowId: 'i1/mission-greetings/T-001', is: { mission: 'greetings', task: 'T-001' } },
    { workflowId: 'i1/lane/r1/main', is: {} },
  ])('$workflowId names what it is of', ({ workflowId, is }) => {
    expect(missionOfWorkflow(workflowId)).toEqual(is);
  });

  it('of two installations never meet', () => {
    const other = { ...task, installation: 'i2' };
    expect(missionWorkflowId(other)).not.toBe(missionWorkflowId(task));
    expect(taskWorkflowId(other)).not.toBe(taskWorkflowId(task));
    expect(hostQueue({ ...other, host: 'h' })).not.toBe(hostQueue({ ...task, host: 'h' }));
  });

  it('of two launches never meet', () => {
    const first = sessionId({ ...task, role: 'author', launch: 1 });
    expect(sessionId({ ...task, role: 'author', launch: 2 })).not.toBe(first);
    expect(sessionId({ ...task, role: 'review-diff-check', launch: 1 })).not.toBe(first);
  });

  it('of a task make a branch that git accepts', () => {
    expect(BranchName.parse(taskBranch(task))).toBe('mission/greetings/T-001');
  });
});
