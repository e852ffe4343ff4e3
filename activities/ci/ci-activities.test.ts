import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CiContext, CiRules } from '../../schema/contracts/ci.ts';
import { forgeStatuses } from '../../schema/db/tables.ts';
import { useDatabase } from '../../test/support/databases.ts';
import { localForge, makeRepository, type TestRepository } from '../../test/support/repository.ts';
import { until } from '../../test/support/until.ts';
import type { CiActivities } from '../../workflows/ports.ts';
import type { Forge } from '../forge/forge.ts';
import { ForgeNewsHub } from '../forge/forge-news.ts';
import { LocalStore } from '../forge/local/local-store.ts';
import { createScrub } from '../scrub.ts';
import { createCiActivities } from './ci-activities.ts';
import { createCiWaits } from './ci-waits.ts';
import { createLooks } from './looks.ts';
import { createPollBudget } from './poll-budget.ts';
import { createStatusCi } from './status-ci.ts';

const hour = 3_600_000;
const database = useDatabase('PGlite');
const pipeline = { '.gitea/workflows/test.yaml': "on: {push: {paths-ignore: ['docs/**']}}\n" };

let repository: TestRepository;
let running: string[];
let createActivities: (mostWaiting: number) => CiActivities;
let activities: CiActivities;
let stepsAt: string;

beforeEach(async () => {
  await database().queries.delete(forgeStatuses);
  repository = await makeRepository({ 'README.md': 'hi\n' });
  stepsAt = await repository.commit({ branch: 'main', files: pipeline });
  running = [];
  const { git, workspace } = repository;
  const forge: Forge = {
    ...localForge({ git, queries: database().queries }),
    runningPipelines: () => Promise.resolve(running),
  };
  const ci = createStatusCi({ forges: () => forge, git, workspace, scrub: createScrub({}) });
  createActivities = (mostWaiting) => {
    const budget = createPollBudget();
    const waits = createCiWaits({ news: new ForgeNewsHub(), budget, mostWaiting });
    return createCiActivities({ cis: () => ci, workspace, waits, looks: createLooks({ budget }) });
  };
  // What would wait has no room, and says what for.
  activities = createActivities(0);
});

function post(sha: string, states: Record<string, CiContext['state']>): Promise<void> {
  const store = new LocalStore({ queries: database().queries, tenant: 'default' });
  const contexts = Object.entries(states).map(([name, state]) => ({ name, state }));
  return store.postStatuses({ repositoryId: repository.planned.id, sha, contexts });
}

/** Every attempt is in a process of its own; all know when the workflow has asked. */
function attempt(of: { askedAgo?: number } = {}): MockActivityEnvironment {
  return new MockActivityEnvironment({ scheduledTimestampMs: Date.now() - (of.askedAgo ?? 0) });
}

function place() {
  return { tenant: 'default', repository: repository.planned };
}

describe('the wait for CI', () => {
  function awaitCi(sha: string, of: { ci?: CiRules; askedAgo?: number; since?: number } = {}) {
    const { askedAgo = 0, ...more } = of;
    return attempt({ askedAgo }).run(() => activities.awaitCi({ place: place(), sha, stepsAt, ...more }));
  }

  it('says what it waits for', async () => {
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    await expect(awaitCi(sha)).rejects.toThrow(`CI of ${sha} is none-yet: it waits for a first status`);
    await post(sha, { 'ci/build': 'pending', 'ci/lint': 'passed' });
    const ci = { required: ['ci/lint', 'scan'] };
    await expect(awaitCi(sha, { ci })).rejects.toThrow(
      'is pending: it waits for ci/build to end; scan, required and not heard of yet',
    );
  });

  it('shows what it waits for while it does', async () => {
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    const waiting = createActivities(1);
    const environment = attempt();
    const beats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    const ended = environment
      .run(() => waiting.awaitCi({ place: place(), sha, stepsAt }))
      .catch(() => 'ended');
    const waitsFor = `CI of ${sha} is none-yet: it waits for a first status`;
    await until(() => beats.some((beat) => JSON.stringify(beat) === JSON.stringify({ waitsFor })));
    environment.cancel();
    expect(await ended).toBe('ended');
  });

  describe('of a change that all pipelines leave out', () => {
    let sha: string;
    beforeEach(async () => {
      sha = await repository.commit({ branch: 'topic', files: { 'docs/a.md': 'a' } });
    });

    it('ends a quarter of an hour after the workflow has asked, whatever has become of workers', async () => {
      await expect(awaitCi(sha, { askedAgo: hour / 5 })).rejects.toThrow('a first status');
      expect(await awaitCi(sha, { askedAgo: hour / 3 })).toMatchObject({
        verdict: 'none-yet',
        leftOutBy: ['.gitea/workflows/test.yaml'],
      });
      expect(await awaitCi(sha, { since: Date.now() - hour / 3 })).toMatchObject({ verdict: 'none-yet' });
    });

    it('takes it for skipped where that is accepted, and a status for what it is', async () => {
      const ci: CiRules = { pathsIgnored: 'accept' };
      expect(await awaitCi(sha, { ci, askedAgo: hour })).toMatchObject({ verdict: 'skipped' });
      await post(sha, { 'ci/test': 'failed' });
      expect(await awaitCi(sha, { ci, askedAgo: hour })).toMatchObject({ verdict: 'failed' });
    });

    it('goes on where a context is required: the forge would not merge it', async () => {
      const ci: CiRules = { required: ['ci/test'], pathsIgnored: 'accept' };
      await expect(awaitCi(sha, { ci, askedAgo: hour })).rejects.toThrow('ci/test, required');
    });
  });

  describe('with a failure', () => {
    let sha: string;
    beforeEach(async () => {
      sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
      await post(sha, {
        'CI / test (pull_request)': 'failed',
        'ci/woodpecker/pr/audit': 'failed',
        lint: 'passed',
      });
    });

    it('tells which contexts fail on the base too, whatever event has started them', async () => {
      await post(stepsAt, {
        'CI / test (push)': 'passed',
        'ci/woodpecker/push/audit': 'failed',
        lint: 'failed',
      });
      expect(await awaitCi(sha)).toMatchObject({ failsOnBase: ['ci/woodpecker/pr/audit'] });
    });

    it('goes by the newest word on the base', async () => {
      await post(stepsAt, { 'CI / test (push)': 'failed', 'ci/woodpecker/push/audit': 'failed' });
      const mended = await repository.commit({ branch: 'main', files: { b: 'b' } });
      await post(mended, { 'CI / test (push)': 'passed', 'ci/woodpecker/push/audit': 'pending' });
      expect(await awaitCi(sha)).toMatchObject({ failsOnBase: ['ci/woodpecker/pr/audit'] });
    });

    it('compares the base with nothing', async () => {
      await post(stepsAt, { 'ci/test': 'failed' });
      const report = await attempt().run(() => activities.awaitCi({ place: place(), sha: stepsAt, stepsAt }));
      expect(report).toEqual({
        sha: stepsAt,
        verdict: 'failed',
        contexts: [{ name: 'ci/test', state: 'failed' }],
      });
    });
  });
});

describe('the queue guard', () => {
  function guard(of: { mustBeGreen?: boolean; waitAtMostSeconds?: number; askedAgo?: number } = {}) {
    const { mustBeGreen = false, askedAgo = 0, ...more } = of;
    const input = { place: place(), mustBeGreen, requireCi: false, ...more };
    return attempt({ askedAgo }).run(() => activities.guardQueue(input));
  }

  it('waits for what runs on the base, also before it has posted a status', async () => {
    await post(stepsAt, { 'ci/test': 'passed' });
    running = ['deploy.yaml (first)'];
    await expect(guard()).rejects.toThrow('main has pipelines: deploy.yaml (first)');
    running = [];
    expect(await guard()).toMatchObject({ baseSha: stepsAt });
    await post(stepsAt, { 'ci/deploy': 'pending' });
    await expect(guard()).rejects.toThrow('ci/deploy to end');
  });

  it('fails with what it waits for, when it has waited as long as it may', async () => {
    running = ['deploy.yaml (first)'];
    const waitAtMostSeconds = 6 * 3_600;
    await expect(guard({ waitAtMostSeconds, askedAgo: 5 * hour })).rejects.toMatchObject({
      type: 'CiPending',
    });
    const late = guard({ waitAtMostSeconds, askedAgo: 7 * hour });
    await expect(late).rejects.toThrow(
      /^main has pipelines: deploy.yaml .first.. It has been waited for since .*retry/,
    );
    await expect(late).rejects.toMatchObject({ type: 'Refused' });
    await expect(guard({ askedAgo: 7 * hour })).rejects.toMatchObject({ type: 'CiPending' });
  });

  it('never gives up on a base that is red', async () => {
    await post(stepsAt, { 'ci/test': 'failed' });
    const red = guard({ mustBeGreen: true, waitAtMostSeconds: 1, askedAgo: hour });
    await expect(red).rejects.toMatchObject({ type: 'BaseNotReady' });
  });

  it('takes a base that ends with what pipelines leave out for as green as what is below', async () => {
    await post(stepsAt, { 'ci/test': 'failed' });
    const date = new Date(Date.now() - hour);
    const top = await repository.commit({ branch: 'main', files: { 'docs/a.md': 'a' }, date });
    expect(await guard()).toEqual({ baseSha: top, verdict: 'failed' });
    await expect(guard({ mustBeGreen: true })).rejects.toThrow(`main is failed at ${stepsAt}`);
    await post(stepsAt, { 'ci/test': 'passed' });
    expect(await guard({ mustBeGreen: true })).toEqual({ baseSha: top, verdict: 'passed' });
  });
});
