import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CiReport } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { ForgeNews } from '../../schema/contracts/webhook.ts';
import type { Listener } from '../../schema/db/database.ts';
import { ForgeNewsHub } from '../forge/forge-news.ts';
import { createCiActivities } from './ci-activities.ts';
import { createCiWaits } from './ci-waits.ts';
import { createLooks } from './looks.ts';
import { createPollBudget, pollsPerMinute } from './poll-budget.ts';

const repository: PlannedRepository = {
  id: 'r1',
  forge: 'gitea',
  address: 'https://git.example.org/Owner/name',
  base: 'main',
};
const topic = 'owner/name';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function sha(of: number): string {
  return of.toString(16).padStart(40, '0');
}

/** A forge whose CI says what it is told to, and a process that waits for it. */
async function startWorld(of: { mostWaiting?: number } = {}) {
  const green = new Set<string>();
  const asked: { what: string; at: number }[] = [];
  let base = sha(0xba5e);
  let listener: Listener | undefined;
  const news = new ForgeNewsHub();
  await news.start({
    listen: (_channel, theirs) => {
      listener = theirs;
      return Promise.resolve(() => Promise.resolve());
    },
  });
  const budget = createPollBudget();
  const looks = createLooks({ budget });
  const ask = (what: string) => asked.push({ what, at: Date.now() });
  const forges = looks.shareForges(() => ({
    commitStatuses: (commit: { repository: PlannedRepository; sha: string }) => {
      ask(`statuses ${commit.sha}`);
      return Promise.resolve(green.has(commit.sha) ? [{ name: 'ci', state: 'passed' as const }] : []);
    },
  }));
  const workspace = looks.shareWorkspace({
    fetchBranch: () => {
      ask('base');
      return Promise.resolve(base);
    },
  });
  const ci = {
    async look(question: { sha: string }): Promise<CiReport> {
      const contexts = await forges(repository).commitStatuses({ repository, sha: question.sha });
      // As where nobody knows yet whether there is a CI at all.
      if (contexts.length === 0) await forges(repository).commitStatuses({ repository, sha: base });
      return { sha: question.sha, verdict: contexts.length > 0 ? 'passed' : 'pending', contexts };
    },
  };
  const waits = createCiWaits({ news, budget, ...of });
  const activities = createCiActivities({ cis: () => ci, workspace, looks, waits });
  const place = { tenant: 'default', repository };
  return {
    asked,
    green: (commit: string) => green.add(commit),
    moveBase: (commit: string) => (base = commit),
    tell: (word: ForgeNews) => listener?.onPayload(JSON.stringify(word)),
    gap: () => listener?.onGap(),
    garble: () => listener?.onPayload('{"topic": 1}'),
    await(commit: string, attempt = 1) {
      const environment = new MockActivityEnvironment({ attempt });
      const ended = environment.run(() => activities.awaitCi({ place, sha: commit, stepsAt: sha(0) }));
      return watch(environment, ended);
    },
    guard() {
      const environment = new MockActivityEnvironment();
      const input = { place, mustBeGreen: true, requireCi: true };
      return watch(
        environment,
        environment.run(() => activities.guardQueue(input)),
      );
    },
  };
}

function watch(environment: MockActivityEnvironment, ended: Promise<unknown>) {
  let at: number | undefined;
  const outcome = ended
    .catch((error: unknown) => error)
    .finally(() => {
      at = Date.now();
    });
  return { outcome, endedAt: () => at, cancel: () => environment.cancel() };
}

describe('a wait for CI', () => {
  it('looks at once when a webhook tells of its commit', async () => {
    const world = await startWorld();
    const waiting = world.await(sha(1));
    await vi.advanceTimersByTimeAsync(3_000);
    world.green(sha(1));
    world.tell({ topic, sha: sha(1) });
    await vi.advanceTimersByTimeAsync(0);
    expect(await waiting.outcome).toMatchObject({ verdict: 'passed' });
  });

  it.each([
    { what: 'another commit', word: { topic, sha: sha(2) } },
    { what: 'a branch', word: { topic, branch: 'topic' } },
    { what: 'another repository', word: { topic: 'owner/other', sha: sha(1) } },
  ])('is not woken by news of $what', async ({ word }) => {
    const world = await startWorld();
    const waiting = world.await(sha(1));
    await vi.advanceTimersByTimeAsync(3_000);
    world.green(sha(1));
    world.tell(word);
    await vi.advanceTimersByTimeAsync(26_000);
    expect(waiting.endedAt()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waiting.endedAt()).toBeDefined();
  });

  it('finds by polling what no webhook told', async () => {
    const world = await startWorld();
    const waiting = world.await(sha(1));
    const began = Date.now();
    await vi.advanceTimersByTimeAsync(1_000);
    world.green(sha(1));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await waiting.outcome).toMatchObject({ verdict: 'passed' });
    expect(waiting.endedAt()).toBe(began + 30_000);
  });

  it('looks again when news come in the midst of its look, or were lost', async () => {
    const world = await startWorld();
    const early = world.await(sha(1));
    world.tell({ topic, sha: sha(1) });
    world.green(sha(1));
    const late = world.await(sha(2));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(early.endedAt()).toBeDefined();
    world.green(sha(2));
    world.garble();
    await vi.advanceTimersByTimeAsync(0);
    expect(late.endedAt()).toBeUndefined();
    world.gap();
    await vi.advanceTimersByTimeAsync(0);
    expect(late.endedAt()).toBeDefined();
  });

  it('looks at a chatty CI once a second at most, and misses nothing', async () => {
    const world = await startWorld();
    const waiting = world.await(sha(1));
    await vi.advanceTimersByTimeAsync(3_000);
    const before = world.asked.length;
    for (let word = 0; word < 50; word++) world.tell({ topic, sha: sha(1) });
    await vi.advanceTimersByTimeAsync(100);
    for (let word = 0; word < 50; word++) world.tell({ topic, sha: sha(1) });
    world.green(sha(1));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting.outcome).toMatchObject({ verdict: 'passed' });
    expect(world.asked.length - before).toBeLessThan(5);
  });

  it('ends when nobody wants it any more', async () => {
    const world = await startWorld();
    const waiting = world.await(sha(1));
    await vi.advanceTimersByTimeAsync(3_000);
    waiting.cancel();
    await vi.advanceTimersByTimeAsync(0);
    expect(await waiting.outcome).toMatchObject({ name: 'CancelledFailure' });
  });

  it('is the server’s where too many wait already', async () => {
    const world = await startWorld({ mostWaiting: 1 });
    const first = world.await(sha(1));
    await vi.advanceTimersByTimeAsync(0);
    const second = world.await(sha(2));
    await vi.advanceTimersByTimeAsync(0);
    expect(await second.outcome).toMatchObject({ type: 'CiPending', nextRetryDelay: 30_000 });
    expect(await second.outcome).toBeInstanceOf(ApplicationFailure);
    world.green(sha(1));
    world.tell({ topic, sha: sha(1) });
    await vi.advanceTimersByTimeAsync(0);
    expect(first.endedAt()).toBeDefined();
    const third = world.await(sha(3));
    await vi.advanceTimersByTimeAsync(0);
    expect(third.endedAt()).toBeUndefined();

    const before = world.asked.length;
    const fourth = world.await(sha(4), 2);
    await vi.advanceTimersByTimeAsync(0);
    expect(await fourth.outcome).toMatchObject({ type: 'CiPending' });
    expect(world.asked.length).toBe(before);
  });
});

describe('the queue guard', () => {
  it('looks at once at a base that was pushed to', async () => {
    const world = await startWorld();
    const waiting = world.guard();
    await vi.advanceTimersByTimeAsync(3_000);
    world.moveBase(sha(7));
    world.green(sha(7));
    world.tell({ topic, sha: sha(7), branch: 'main' });
    await vi.advanceTimersByTimeAsync(0);
    expect(await waiting.outcome).toEqual({ baseSha: sha(7), verdict: 'passed' });
  });
});

describe('fifty pull requests that wait', () => {
  it('share a budget of requests a minute, and each of them is looked at', async () => {
    const world = await startWorld();
    for (let pull = 1; pull <= 50; pull++) world.await(sha(pull));
    await vi.advanceTimersByTimeAsync(0);
    // Those of the first looks are made at once, and then missing.
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    const began = Date.now();
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    const polls = world.asked.filter(({ at }) => at >= began);
    for (const { at: from } of polls) {
      const within = polls.filter(({ at }) => at >= from && at < from + 60_000);
      expect(within.length).toBeLessThanOrEqual(pollsPerMinute);
    }
    const looked = new Set(polls.map(({ what }) => what));
    for (let pull = 1; pull <= 50; pull++) expect(looked).toContain(`statuses ${sha(pull)}`);
  });

  it('hear of a webhook at once, however long the others wait for their turn', async () => {
    const world = await startWorld();
    for (let pull = 1; pull < 50; pull++) world.await(sha(pull));
    const last = world.await(sha(50));
    // By then it stands in line for its second look.
    await vi.advanceTimersByTimeAsync(60_000);
    world.green(sha(50));
    world.tell({ topic, sha: sha(50) });
    await vi.advanceTimersByTimeAsync(0);
    expect(await last.outcome).toMatchObject({ verdict: 'passed' });
  });

  it('do not all look at once when their worker is up again', async () => {
    const world = await startWorld();
    for (let pull = 1; pull <= 50; pull++) world.await(sha(pull), 2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.asked.length).toBeLessThanOrEqual(pollsPerMinute);
  });
});
