import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signals, updates } from '../../schema/contracts/messages.ts';
import { approval, FakeWorld, objection, sha } from '../fakes/fake-world.ts';
import { moment } from '../support/moment.ts';
import { until } from '../support/until.ts';
import { task } from '../support/plans.ts';
import { refusalOf, startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

function isAt(id: string, gate: string): boolean {
  return world.views.get(id)?.gate === gate;
}

describe('a task that merges solo', () => {
  it('walks every gate once, in order, and closes its issue', async () => {
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'merged', mergeSha: sha('m1') });
    const gates = world.events
      .filter(({ type }) => type === 'gate-entered')
      .map(({ message }) => message.split(':')[0]);
    expect(gates).toEqual([
      'intake',
      'implement',
      'verify-delivery',
      'queue-guard',
      'push',
      'open-pull-request',
      'review-and-ci',
      'go-ahead',
      'merge-lane',
      'verify-merge',
      'close-issue',
      'clean-up',
      'done',
    ]);
    expect(world.merges).toEqual([{ task: 'T-1', headSha: sha('T-1.1'), baseSha: sha('base') }]);
    expect(world.issues.get('T-1')).toEqual({ number: 1, state: 'closed' });
    expect(world.cleaned).toEqual(['T-1']);
    expect(world.branches.size).toBe(0);
  });

  it('keeps a happy path within 110 events', async () => {
    const handle = await engine.startTask({});
    await handle.result();
    const { historyLength } = await handle.describe();
    expect(historyLength).toBeLessThanOrEqual(110);
  });

  it('keeps what is done with its evidence: the merge, the base that is green with it, and the issue', async () => {
    const handle = await engine.startTask({});
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').evidence).toMatchObject({
      merge: { sha: sha('m1') },
      base: { sha: sha('m1'), verdict: 'passed' },
      issue: { number: 1 },
    });
  });

  it('ends as no-change when there is nothing to do, with the reason on the issue', async () => {
    world.author = () => ({ kind: 'no-change', reason: 'it greets already' });
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'no-change', reason: 'it greets already' });
    expect(world.pullRequests).toEqual([]);
    expect(world.issues.get('T-1')?.state).toBe('closed');
  });
});

describe('what a gate sends back', () => {
  it('tells the next session what the reviewer found, and merges the second attempt', async () => {
    world.reviewer = ({ engine: name, headSha }) =>
      name === 'test-check' && headSha === sha('T-1.1')
        ? objection('no test', { category: 'untested' })
        : approval;
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions).toHaveLength(2);
    expect(world.sessions[1]?.feedback[0]).toMatchObject({
      gate: 'review-and-ci',
      findings: [{ category: 'untested', severity: 'blocker' }],
    });
    expect(world.merges).toEqual([expect.objectContaining({ headSha: sha('T-1.2') })]);
  });

  it('does not have the very same files read and tested twice', async () => {
    // The second session only makes another commit of what the first had made.
    world.treeOf = (headSha) => (headSha === sha('T-1.2') ? sha('T-1.1') : headSha);
    world.reviewer = ({ headSha }) => (headSha === sha('T-1.3') ? approval : objection('sloppy'));
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').reviews.map((review) => review.sha)).not.toContain(sha('T-1.2'));
    expect(world.tested).not.toContain(sha('T-1.2'));
    expect(world.sessions[2]?.feedback.at(-1)?.message).toContain(`has the very files of ${sha('T-1.1')}`);
  });

  it('gives CI failure and review findings to the same session', async () => {
    world.verdicts.set(sha('T-1.1'), 'failed');
    world.reviewer = ({ headSha }) => (headSha === sha('T-1.1') ? objection('sloppy') : approval);
    const handle = await engine.startTask({});

    await handle.result();
    expect(world.sessions[1]?.feedback.map(({ message }) => message)).toEqual([
      'diff-check asks for changes: sloppy',
      'test-check asks for changes: sloppy',
      'CI failed: ci/test',
    ]);
  });

  it.each([
    { name: 'a session without commits', work: { kind: 'nothing' } as const, says: 'no commits' },
    { name: 'a red check', work: { kind: 'red-check', check: 'npm test' } as const, says: 'npm test is red' },
    { name: 'a lost session', work: { kind: 'ends', end: 'lost' } as const, says: 'ended with lost' },
    { name: 'exit code 1', work: { kind: 'ends', end: 'exited', exitCode: 1 } as const, says: 'exit code 1' },
  ])('does not take $name for a delivery', async ({ work, says }) => {
    world.author = ({ launch }) => (launch === 1 ? work : { kind: 'commit', name: 'good' });
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions[1]?.feedback[0]?.message).toContain(says);
    const isLost = work.kind === 'ends' && work.end === 'lost';
    expect(world.sessions[1]?.handoff ?? '').toMatch(isLost ? /^### T-1: / : /^$/);
  });

  it('parks at once for a login that only a person can give, and then goes on', async () => {
    world.author = ({ launch }) =>
      launch === 1
        ? { kind: 'fails', agent: { outcome: 'auth', message: '401', conversation: 'c1' } }
        : { kind: 'commit', name: 'good', agent: {} };
    const handle = await engine.startTask({});

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toContain('is not logged in');
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions[1]?.resumes?.conversation).toBe('c1');
  });

  it.each(['stalled', 'killed', 'lost'] as const)(
    'goes on with the conversation of an agent that was %s',
    async (outcome) => {
      world.author = ({ launch }) =>
        launch === 1
          ? { kind: 'fails', agent: { outcome, message: 'gone', conversation: 'c1' } }
          : { kind: 'commit', name: 'good', agent: {} };
      const handle = await engine.startTask({});

      expect(await handle.result()).toMatchObject({ status: 'merged' });
      expect(world.sessions[1]).toMatchObject({ resumes: { conversation: 'c1' } });
      expect(world.sessions[1]?.feedback[0]?.message).toContain(`${outcome}: gone`);
    },
  );

  it('parks before a launch that has no budget left, and allows as much again when a person says so', async () => {
    world.author = ({ launch }) =>
      launch < 3
        ? { kind: 'fails', agent: { outcome: 'killed' } }
        : { kind: 'commit', name: 'good', agent: {} };
    const handle = await engine.startTask({ task: task('T-1', { budget: { tokens: 150, minutes: 90 } }) });

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toBe('the task has used 214 tokens of its budget of 150 tokens');
    expect(world.sessions.map(({ limits }) => limits)).toEqual([{ tokens: 150 }, { tokens: 43 }]);
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions[2]).toMatchObject({ limits: { tokens: 150 }, timeoutSeconds: 3_600 });
  });

  it('parks before reviews that have no budget left, and asks once for all of them', async () => {
    world.author = () => ({ kind: 'commit', name: 'good', agent: {} });
    const budget = { tokens: 100, sessions: 1 };
    const handle = await engine.startTask({ task: task('T-1', { budget }) });

    await until(() => world.views.get('T-1')?.status === 'blocked');
    const { reason, gate, sessions } = world.view('T-1');
    expect(reason).toBe('the task has used 107 tokens of its budget of 100 tokens');
    expect(gate).toBe('review-and-ci');
    expect(sessions).toHaveLength(1);
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.events.filter(({ type }) => type === 'blocked')).toHaveLength(1);
  });

  it('reviews what its last allowed session has delivered', async () => {
    const handle = await engine.startTask({ task: task('T-1', { budget: { sessions: 1 } }) });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });

  it('parks when sessions call done what leaves the head where it was, whatever it is that fails', async () => {
    world.author = () => ({ kind: 'commit', name: 'same', agent: {} });
    let round = 0;
    world.verdicts.set(sha('same'), 'failed');
    world.reviewer = () => objection('wrong', { file: `${(round += 1)}.js` });
    const handle = await engine.startTask({ policy: { remediations: 10, noProgress: 2 } });

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toBe(
      `no progress: 2 sessions in a row said that they were done and left the branch at ${sha('same')}`,
    );
    expect(world.sessions).toHaveLength(3);
    world.author = () => ({ kind: 'commit', name: 'other', agent: {} });
    world.reviewer = () => approval;
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });

  it('parks after three remediations of the same failure, and goes on when a person says so', async () => {
    let fixed = false;
    world.reviewer = () => (fixed ? approval : objection('still wrong'));
    const handle = await engine.startTask({});

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.sessions).toHaveLength(4);
    expect(world.view('T-1').waits).toMatchObject({ for: 'person' });
    fixed = true;
    await handle.executeUpdate(updates.resolve, {
      args: [{ action: 'retry', guidance: 'look again', by: 'lead' }],
    });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions[4]?.guidance).toEqual(['lead: look again']);
  });

  it('ends as a person says, whatever its agents still ask', async () => {
    world.reviewer = ({ engine: name }) => (name === 'diff-check' ? 'garbage' : approval);
    const handle = await engine.startTask({ policy: { questions: { remindSeconds: 3_600 } } });
    await until(() => world.views.get('T-1')?.status === 'blocked');
    const options = [{ id: 'yes', name: 'Yes' }];
    const question = { id: 'author-2-1', session: 'of-another', title: 'Run it', detail: null, options };
    await handle.signal(signals.question, { kind: 'asked', question: { ...question, at: Date.now() } });
    await until(() => world.view('T-1').questions.length === 1);
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'skip', by: 'lead' }] });

    expect(await handle.result()).toMatchObject({ status: 'skipped' });
    expect(world.view('T-1')).toMatchObject({ questions: [], waits: null });
  });

  it.each([
    { action: 'skip', ends: 'skipped' },
    { action: 'retry', ends: 'merged' },
  ])('takes one answer for two reviewers that are parked side by side: $action', async ({ action, ends }) => {
    let isAway = true;
    world.reviewer = () => (isAway ? 'garbage' : approval);
    const handle = await engine.startTask({ policy: { coordinators: ['lead'] } });
    await until(() => world.events.filter(({ type }) => type === 'blocked').length === 2);
    isAway = false;
    await handle.executeUpdate(updates.resolve, { args: [{ action, by: 'lead' }] });
    if (action === 'retry') {
      await until(() => isAt('T-1', 'go-ahead'));
      expect(
        world
          .view('T-1')
          .waited.map(({ on }) => on)
          .at(-1),
      ).toMatch(/^diff-check, test-check and CI/);
      await handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by: 'lead' }] });
    }

    expect(await handle.result()).toMatchObject({ status: ends });
  });

  it('parks when reviewers give no verdict: silence is not approval', async () => {
    world.reviewer = ({ engine: name }) => (name === 'diff-check' ? 'garbage' : approval);
    const handle = await engine.startTask({});

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toContain('no verdict');
    expect(world.merges).toEqual([]);
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'abandoned' });
    expect(world.pullRequests[0]?.state).toBe('closed');
  });
});

describe('the go-ahead', () => {
  const policy = { coordinators: ['lead'] };

  it('is waited for, and counts for one head only', async () => {
    const handle = await engine.startTask({ policy });
    await until(() => isAt('T-1', 'go-ahead'));

    expect(world.view('T-1').waits).toMatchObject({ for: 'person', gate: 'go-ahead' });
    const stale = handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('old'), by: 'lead' }] });
    expect(await refusalOf(stale)).toBe('StaleHead');
    const stranger = handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by: 'eve' }] });
    expect(await refusalOf(stranger)).toBe('NotCoordinator');
    expect(world.merges).toEqual([]);

    await handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').goAhead).toMatchObject({ by: 'lead', via: 'api', sha: sha('T-1.1') });
  });

  it('is refused before its gate', async () => {
    const { come: release, came: released } = moment();
    world.author = async () => {
      await released;
      return { kind: 'commit', name: 'T-1.1' };
    };
    const handle = await engine.startTask({ policy });
    await until(() => isAt('T-1', 'implement'));

    const early = handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by: 'lead' }] });
    expect(await refusalOf(early)).toBe('WrongPhase');
    release();
    await until(() => isAt('T-1', 'go-ahead'));
    await handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by: 'lead' }] });
    await handle.result();
  });

  it('is void after a push that the engine did not make: the new head is reviewed and approved anew', async () => {
    const handle = await engine.startTask({ policy });
    await until(() => isAt('T-1', 'go-ahead'));
    const foreign = world.push('mission/demo/T-1', 'foreign');
    await handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by: 'lead' }] });

    await until(() => isAt('T-1', 'go-ahead') && world.view('T-1').headSha === foreign);
    expect(world.merges).toEqual([]);
    expect(world.view('T-1').goAhead).toBeNull();
    const reviewed = world.view('T-1').reviews.filter((review) => review.sha === foreign);
    expect(reviewed.map((review) => review.engine).sort()).toEqual(['diff-check', 'test-check']);
    await handle.executeUpdate(updates.goAhead, { args: [{ headSha: foreign, by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.merges).toEqual([expect.objectContaining({ headSha: foreign })]);
  });

  it('may come by signal where the engine runs its own server; a malformed one is ignored', async () => {
    const handle = await engine.startTask({ policy });
    await until(() => isAt('T-1', 'go-ahead'));
    await handle.signal(signals.goAhead, 'yes please');
    await handle.signal(signals.goAhead, { headSha: sha('old'), by: 'lead' });
    await handle.signal(signals.goAhead, { headSha: sha('T-1.1'), by: 'lead' });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').goAhead).toMatchObject({ via: 'temporal' });
    expect(world.events.filter(({ type }) => type === 'ignored')).toHaveLength(2);
  });

  it('is asked of a person, even solo, for a change of the files that judge', async () => {
    world.author = () => ({ kind: 'commit', name: 'judge', touchesJudge: true });
    const handle = await engine.startTask({});

    await until(() => isAt('T-1', 'go-ahead'));
    expect(world.view('T-1').waits).toMatchObject({ for: 'person' });
    await handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('judge'), by: 'anybody' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });
});

describe('cancelling a task', () => {
  it('cleans up, and merges nothing', async () => {
    const handle = await engine.startTask({ policy: { coordinators: ['lead'] } });
    await until(() => isAt('T-1', 'go-ahead'));
    await handle.cancel();

    await expect(handle.result()).rejects.toThrow(/cancel/i);
    expect(world.view('T-1').status).toBe('cancelled');
    expect(world.pullRequests[0]?.state).toBe('closed');
    expect(world.cleaned).toEqual(['T-1']);
    expect(world.merges).toEqual([]);
  });

  it('tells of the session that it has ended', async () => {
    const { come: release, came: released } = moment();
    world.author = async ({ task: id, launch }) => {
      await released;
      return { kind: 'commit', name: `${id}.${launch}` };
    };
    const handle = await engine.startTask({});
    await until(() => world.sessions.length > 0);
    await handle.cancel();
    await until(async () => {
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.activityTaskCancelRequestedEventAttributes) ?? false;
    });
    release();

    await expect(handle.result()).rejects.toThrow();
    const told = world.events.map(({ type }) => type);
    expect(told).toContain('session-ended');
    expect(told.at(-1)).toBe('task-ended');
  });

  it('comes too late for a merge that is under way: the task ends as merged', async () => {
    world.beforeMerge = async () => {
      await handle.cancel();
      await until(() => world.live === 0);
    };
    const handle = await engine.startTask({ task: task('T-1') });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.merges).toHaveLength(1);
    expect(world.issues.get('T-1')?.state).toBe('closed');
  });
});
