import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { FakeForge } from '../../test/fakes/fake-forge.ts';
import { startFakeGitea } from '../../test/fakes/fake-gitea.ts';
import { useDatabase } from '../../test/support/databases.ts';
import { giteaWorld, localWorld, type ForgeWorld, type RestWorld } from '../../test/support/forge-worlds.ts';
import type { MilestoneActivities } from '../../workflows/ports.ts';
import { createMilestoneActivities } from './milestone-activities.ts';

const database = useDatabase('PGlite');

const m1 = { id: 'm1', title: 'Core' };
const tasks = ['A', 'B'].map((id) => ({ id, title: `Task ${id}`, goal: 'Do it.' }));

/** As a worker has them; each call is one that knows nothing of the others. */
function activitiesOn(world: ForgeWorld): MilestoneActivities {
  const forge = world.process();
  const activities = createMilestoneActivities({
    forges: () => forge,
    workspace: world.repository.workspace,
  });
  return {
    openMilestones: (input) =>
      new MockActivityEnvironment().run((of: typeof input) => activities.openMilestones(of), input),
    closeMilestone: (input) =>
      new MockActivityEnvironment().run((of: typeof input) => activities.closeMilestone(of), input),
  };
}

function placeOn(world: ForgeWorld) {
  return { tenant: 'default', mission: 'demo', repository: world.repository.planned };
}

async function head(world: ForgeWorld): Promise<string> {
  const { planned: repository } = world.repository;
  return (await world.process().branchHead({ repository, branch: 'main' })) ?? '';
}

async function tagsOf(world: ForgeWorld): Promise<Record<string, string>> {
  const tags = await world.repository.workspace.listTags(world.repository.planned);
  return Object.fromEntries(tags.map(({ name, sha }) => [name, sha]));
}

/** Closes a milestone as twice told: the second time by another process. */
async function closeTwice(world: ForgeWorld, tag: string): Promise<string | null> {
  const release = { tag, title: null, notes: 'All of it.', sha: await head(world) };
  const input = { place: placeOn(world), milestone: m1, release };
  const first = await activitiesOn(world).closeMilestone(input);
  expect(await activitiesOn(world).closeMilestone(input)).toEqual(first);
  return first.tag;
}

describe('on a forge with milestones and releases', () => {
  let fake: FakeForge;
  let world: RestWorld;
  beforeEach(async () => {
    fake = await startFakeGitea(onTestFinished);
    world = await giteaWorld({ server: fake, queries: database().queries });
  });
  const look = <Answer>(path: string, answer: z.ZodType<Answer>) =>
    fake
      .call({ as: fake.author, path: `${world.path}${path}` })
      .then((found) => z.array(answer).parse(found));

  it('each milestone and task is opened once, and the tasks’ issues belong to their milestone', async () => {
    const input = { place: placeOn(world), milestones: [{ ...m1, tasks }] };
    await activitiesOn(world).openMilestones(input);
    fake.breakNext({ method: 'POST', path: /issues$/, how: 'cut-after' });
    await activitiesOn(world).openMilestones(input);

    const Issue = z.object({ title: z.string(), milestone: z.object({ title: z.string() }) });
    expect(await look('/issues', Issue)).toEqual([
      { title: 'B: Task B', milestone: { title: 'Core (demo/m1)' } },
      { title: 'A: Task A', milestone: { title: 'Core (demo/m1)' } },
    ]);
    expect(await look('/milestones', z.object({ state: z.string() }))).toEqual([{ state: 'open' }]);
  });

  it('a milestone is closed, tagged and released once', async () => {
    await activitiesOn(world).openMilestones({ place: placeOn(world), milestones: [{ ...m1, tasks }] });
    expect(await closeTwice(world, 'v1.0.0')).toBe('v1.0.0');

    expect(await tagsOf(world)).toEqual({ 'v1.0.0': await head(world) });
    expect(await look('/milestones', z.object({ state: z.string() }))).toEqual([{ state: 'closed' }]);
    const made = fake.calls.filter((call) => /^POST .*\/(tags|releases)$/.test(call));
    expect(made).toHaveLength(2);
  });

  it('an answer that is lost after the forge has acted changes nothing', async () => {
    fake.breakNext({ method: 'POST', path: /tags$/, how: 'fails-after' });
    fake.breakNext({ method: 'POST', path: /releases$/, how: 'cut-after' });
    fake.breakNext({ method: 'PATCH', path: /milestones/, how: 'cut-after' });
    await closeTwice(world, 'v1.0.0');
    expect(await look('/milestones', z.object({ state: z.string() }))).toEqual([{ state: 'closed' }]);
  });
});

describe('a tag with a pattern', () => {
  it('takes the next number once, however often it is asked for', async () => {
    const world = await localWorld(database().queries);
    const first = await head(world);
    expect(await closeTwice(world, 'v1.4.*')).toBe('v1.4.0');
    const second = await world.repository.commit({ branch: 'main', files: { a: 'a' } });
    const { planned: repository } = world.repository;
    await world.process().findOrCreateTag({ repository, name: 'v1.4.10', sha: first });
    await world.process().findOrCreateTag({ repository, name: 'v1.40.99', sha: first });

    expect(await closeTwice(world, 'v1.4.*')).toBe('v1.4.11');
    expect(await tagsOf(world)).toMatchObject({ 'v1.4.0': first, 'v1.4.11': second });
  });

  it('has the ids of mission and milestone filled in, and is never moved', async () => {
    const world = await localWorld(database().queries);
    expect(await closeTwice(world, '{mission}/{milestone}')).toBe('demo/m1');
    await world.repository.commit({ branch: 'main', files: { a: 'a' } });
    await expect(closeTwice(world, '{mission}/{milestone}')).rejects.toThrow("can't be put on");
  });
});
