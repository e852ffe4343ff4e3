import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import { approval, FakeWorld, report, sha } from '../fakes/fake-world.ts';
import { until } from '../support/until.ts';
import { refusalOf, replay, startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

const deleted = {
  law: 'weakened-checks',
  file: 'a.test.js',
  message: 'the test file a.test.js is deleted',
} as const;
const leaked = {
  law: 'secret',
  file: 'a.js',
  line: 3,
  message: 'a.js has what looks like an API key',
} as const;

/** The question that the task waits for. */
async function asked(): Promise<string> {
  await until(() => world.views.get('T-1')?.questions.length === 1);
  return world.view('T-1').questions[0]?.id ?? '';
}

describe('a delivery that breaks a law', () => {
  it.each([deleted, leaked])('goes back to its author before it is pushed: $law', async (breach) => {
    world.breaches = (head) => (head === sha('T-1.1') ? [breach] : []);
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions[1]?.feedback).toMatchObject([
      {
        gate: 'verify-delivery',
        findings: [{ severity: 'blocker', category: breach.law, file: breach.file }],
      },
    ]);
    expect(world.merges.map(({ headSha }) => headSha)).toEqual([sha('T-1.2')]);
    expect(world.view('T-1').lifted).toEqual([]);
    expect(world.events.some(({ message }) => message.includes(`the push of ${sha('T-1.1')}`))).toBe(false);
  });

  it('is a person’s to decide when its author insists, and is merged at that head alone', async () => {
    world.breaches = (head) => (head === sha('fine') ? [] : [deleted]);
    world.author = ({ launch }) => ({ kind: 'commit', name: launch < 3 ? `T-1.${launch}` : 'fine' });
    const handle = await engine.startTask({});

    const question = await asked();
    expect(world.view('T-1')).toMatchObject({ headSha: sha('T-1.2'), waits: { for: 'person' } });
    expect(world.branches.size).toBe(0);
    expect(world.view('T-1').questions[0]).toMatchObject({ kind: 'law', session: null });
    expect(world.view('T-1').questions[0]?.detail).toContain('the test file a.test.js is deleted');
    await handle.executeUpdate(updates.answer, { args: [{ question, option: 'lift', by: 'lead' }] });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.merges.map(({ headSha }) => headSha)).toEqual([sha('T-1.2')]);
    expect(world.view('T-1').lifted).toMatchObject([{ ...deleted, sha: sha('T-1.2'), by: 'lead' }]);
    // Whoever goes on with it after a crash comes to the same.
    await replay(handle);
  });

  it('is let through by a coordinator alone, where the mission names some', async () => {
    world.breaches = () => [deleted];
    const handle = await engine.startTask({ policy: { coordinators: ['lead'] } });
    const question = await asked();
    const lift = (by: string) =>
      handle.executeUpdate(updates.answer, { args: [{ question, option: 'lift', by }] });

    expect(await refusalOf(lift('writer'))).toBe('NotCoordinator');
    expect(world.view('T-1').lifted).toEqual([]);
    await lift('lead');
    await until(() => world.view('T-1').gate === 'go-ahead');
    expect(world.view('T-1').lifted).toMatchObject([{ by: 'lead' }]);
    await handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.2'), by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });

  it('goes back again when the person says so, and parks when its author is out of attempts', async () => {
    world.breaches = () => [deleted];
    const handle = await engine.startTask({ policy: { remediations: 2 } });

    const first = await asked();
    await handle.executeUpdate(updates.answer, {
      args: [{ question: first, option: 'send-back', by: 'lead' }],
    });
    await until(() => world.views.get('T-1')?.questions[0]?.id === 'law-2');
    await handle.executeUpdate(updates.answer, {
      args: [{ question: 'law-2', option: 'send-back', by: 'lead' }],
    });
    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toContain('weakened, skipped or deleted');
    expect(world.branches.size).toBe(0);
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'abandoned' });
  });

  it('is let through for one head: the next is asked about anew', async () => {
    world.breaches = () => [deleted];
    world.verdicts.set(sha('T-1.2'), 'failed');
    const handle = await engine.startTask({});

    await handle.executeUpdate(updates.answer, {
      args: [{ question: await asked(), option: 'lift', by: 'lead' }],
    });
    await until(() => world.views.get('T-1')?.questions[0]?.id === 'law-2');
    expect(world.view('T-1')).toMatchObject({ headSha: sha('T-1.3'), ci: null });
    await handle.executeUpdate(updates.answer, {
      args: [{ question: 'law-2', option: 'lift', by: 'owner' }],
    });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').lifted.map(({ sha: at, by }) => ({ at, by }))).toEqual([
      { at: sha('T-1.2'), by: 'lead' },
      { at: sha('T-1.3'), by: 'owner' },
    ]);
  });

  it('stays let through where the lane brings that very head up to its base', async () => {
    const moved = sha('T-1^0');
    world.breaches = (head) => {
      // By now the lane has told that nobody has tested it.
      if (head === moved) world.leftOut.delete(moved);
      return [deleted];
    };
    world.leftOut.add(moved);
    world.reviewer = ({ headSha }) => {
      if (headSha === sha('T-1.2') && world.base === sha('base')) world.moveBase();
      return approval;
    };
    const handle = await engine.startTask({});

    await handle.executeUpdate(updates.answer, {
      args: [{ question: await asked(), option: 'lift', by: 'lead' }],
    });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.merges.map(({ headSha }) => headSha)).toEqual([moved]);
    expect(world.view('T-1').lifted).toMatchObject([
      { sha: sha('T-1.2'), by: 'lead' },
      { sha: moved, by: 'lead' },
    ]);
    expect(world.events.filter(({ type }) => type === 'asked')).toHaveLength(1);
  });

  it('stays let through where the task takes a base that was mended', async () => {
    world.breaches = () => [deleted];
    world.verdicts.set(sha('T-1.2'), 'failed');
    world.verdicts.set(world.base, 'failed');
    const handle = await engine.startTask({});

    await handle.executeUpdate(updates.answer, {
      args: [{ question: await asked(), option: 'lift', by: 'lead' }],
    });
    await until(() => world.view('T-1').waits?.on.includes('to be green again') === true);
    world.moveBase();
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.merges.map(({ headSha }) => headSha)).toEqual([sha('T-1^0')]);
    expect(world.events.filter(({ type }) => type === 'asked')).toHaveLength(1);
  });
});

describe('a verdict', () => {
  it.each<{ name: string; reviewed: FakeWorld['reviewed']; says: string }>([
    {
      name: 'of the conversation that the change was written in',
      reviewed: (review, session) => ({
        review,
        session: { ...session, agent: report({ conversation: 'c1' }) },
      }),
      says: 'in c1, where the change was written',
    },
    {
      name: 'of the author’s session',
      reviewed: (review, session) => ({
        review,
        session: { ...session, id: 'demo.T-1.author.1' },
      }),
      says: 'where the change was written',
    },
    {
      name: 'of an older head',
      reviewed: (review, session) => ({ review: { ...review, sha: sha('older') }, session }),
      says: `has read ${sha('older')}, not ${sha('T-1.1')}`,
    },
  ])('$name is asked for anew, and never counts as approval', async ({ reviewed, says }) => {
    world.author = () => ({ kind: 'commit', name: 'T-1.1', agent: { conversation: 'c1' } });
    world.reviewed = (review, session) =>
      review.engine === 'test-check' ? reviewed(review, session) : { review, session };
    const handle = await engine.startTask({});

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toContain(says);
    expect(world.view('T-1').reviews.map((review) => review.engine)).toEqual(['diff-check']);
    expect(world.merges).toEqual([]);
    world.reviewed = (review, session) => ({ review, session });
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });
});

describe('a change that two persons must agree to', () => {
  it('is merged when two have, also where both speak at once, and one of them twice', async () => {
    world.needsTwo = true;
    const handle = await engine.startTask({ policy: { twoPersons: ['src/auth/*'] } });
    const give = (by: string) =>
      handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by, via: 'cli' }] });

    await until(() => world.views.get('T-1')?.gate === 'go-ahead');
    const answers = await Promise.allSettled([give('lead'), give('lead')]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await until(() => world.view('T-1').waits?.on.includes('1 of 2') === true);
    expect(world.merges).toEqual([]);
    expect(await refusalOf(give('lead'))).toBe('WrongPhase');

    expect(await give('owner')).toMatchObject({ by: 'owner', via: 'cli', standing: { given: 2, needed: 2 } });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').goAheads.map(({ by, sha: at }) => ({ by, at }))).toEqual([
      { by: 'lead', at: sha('T-1.1') },
      { by: 'owner', at: sha('T-1.1') },
    ]);
  });

  it('is one that it names: another has its go-ahead from one, and the second at once is told so', async () => {
    const policy = { twoPersons: ['src/auth/*'], coordinators: ['lead', 'owner'] };
    const handle = await engine.startTask({ policy });
    const give = (by: string) =>
      handle.executeUpdate(updates.goAhead, { args: [{ headSha: sha('T-1.1'), by }] });

    await until(() => world.views.get('T-1')?.gate === 'go-ahead');
    const answers = await Promise.allSettled([give('lead'), give('owner')]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').goAheads).toHaveLength(1);
  });
});
