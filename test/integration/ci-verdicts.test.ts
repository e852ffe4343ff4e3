import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import { FakeWorld, sha } from '../fakes/fake-world.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;
beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

const head = sha('T-1.1');

function waitsOn(): string {
  return world.views.get('T-1')?.waits?.on ?? '';
}

describe('a failure that the base shows too', () => {
  beforeEach(() => {
    world.verdicts.set(head, 'failed');
    world.verdicts.set(world.base, 'failed');
  });

  it('sends nobody back: once the base is mended the branch is brought up to it and tested again', async () => {
    const handle = await engine.startTask({ policy: { remediations: 0 } });
    await until(() => waitsOn() === 'main to be green again: ci/test fails there too');
    expect(world.view('T-1')).toMatchObject({ status: 'running', ci: 'failed', waits: { for: 'ci' } });
    world.moveBase();

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions).toHaveLength(1);
    expect(world.view('T-1').failures).toEqual([]);
    expect(world.merges).toMatchObject([{ headSha: sha('T-1^0'), baseSha: sha('base1') }]);
  });

  it('that is over on the same base leaves the head to be run again', async () => {
    const handle = await engine.startTask({ policy: { remediations: 0 } });
    await until(() => waitsOn().includes('green again'));
    world.verdicts.set(world.base, 'passed');
    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toContain('let CI run again there, and answer retry');
    world.verdicts.set(head, 'passed');
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions).toHaveLength(1);
    expect(world.view('T-1').failures).toEqual([]);
  });

  it('asks nobody when the head was run again by then', async () => {
    const handle = await engine.startTask({ policy: { remediations: 0 } });
    await until(() => waitsOn().includes('green again'));
    world.verdicts.set(head, 'passed');
    world.verdicts.set(world.base, 'passed');

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.events.filter(({ type }) => type === 'blocked')).toEqual([]);
  });
});

describe('a change that all pipelines leave out', () => {
  beforeEach(() => {
    world.leftOut.add(head);
  });

  it('is for a person, who is told why, and lets it go on', async () => {
    const handle = await engine.startTask({});
    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toBe(
      `no CI will run for ${head}: the paths of .gitea/workflows/test.yaml leave the change out. Answer retry to go on without`,
    );
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('T-1').ci).toBe('skipped');
    expect(world.sessions).toHaveLength(1);
  });

  it('goes on where the policy accepts that', async () => {
    const handle = await engine.startTask({ policy: { ci: { pathsIgnored: 'accept' } } });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.events.filter(({ type }) => type === 'blocked')).toEqual([]);
  });
});
