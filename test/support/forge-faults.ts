/** What every driver of a forge that is asked over HTTP must make of one that fails. */
import { beforeEach, expect, it } from 'vitest';
import type { Forge } from '../../activities/forge/forge.ts';
import type { FakeForge } from '../fakes/fake-forge.ts';
import { openPullRequest, type RestWorld } from './forge-worlds.ts';

/** Far below the time for which the fake holds back an answer. */
const timeoutMs = 3_000;

export function describeFaults(of: {
  makeWorld: (of: { timeoutMs: number }) => Promise<{ fake: FakeForge; world: RestWorld }>;
  /** How a merge is asked for, and what a look at the base ends with. */
  mergeMethod: 'POST' | 'PUT';
  basePath: RegExp;
}): void {
  const { makeWorld, mergeMethod, basePath } = of;
  let fake: FakeForge;
  let world: RestWorld;
  let forge: Forge;
  beforeEach(async () => {
    ({ fake, world } = await makeWorld({ timeoutMs }));
    forge = world.process();
  });

  const lost = ['fails-after', 'hangs-after', 'cut-after'] as const;

  it.each(lost)(
    'has done what was asked, and its answer %s: the merge is found, not asked again',
    async (how) => {
      const { merge } = await openPullRequest({ world, forge });
      fake.breakNext({ method: mergeMethod, path: /merge$/, how });
      expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
      expect(await world.repository.history()).toEqual([`T (#${merge.pullRequest})`, 'first']);
      expect(fake.calls.filter((call) => /^P\w+ .*\/merge$/.test(call))).toHaveLength(1);
    },
  );

  it.each(lost)(
    'has made what was asked, and its answer %s: issue, pull request and review are there once',
    async (how) => {
      const { planned: repository } = world.repository;
      const sha = await world.repository.commit({ branch: 'topic', files: { a: 'a' } });
      for (const path of [/issues$/, /comments$/, /pulls$/, /reviews$/]) {
        fake.breakNext({ method: 'POST', path, how });
      }
      const issue = await forge.findOrCreateIssue({
        repository,
        marker: 'mission:m/T',
        title: 'T',
        body: '',
      });
      await forge.closeIssue({ repository, number: issue.number, comment: 'done' });
      const asked = { repository, branch: 'topic', title: 'T', body: '' };
      const { number } = await forge.findOrOpenPullRequest(asked);
      const review = { engine: 'diff-check', sha, verdict: 'approve' as const, summary: '', findings: [] };
      await forge.postReview({ repository, pullRequest: number, review });
      expect(await world.issues()).toMatchObject([{ state: 'closed', comments: ['done'] }]);
      expect(await world.pullRequests()).toHaveLength(1);
      expect(await world.reviews(number)).toHaveLength(1);
    },
  );

  it('has not done what was asked: that is told as unknown, and done by the next attempt', async () => {
    const { merge } = await openPullRequest({ world, forge });
    fake.breakNext({ method: mergeMethod, path: /merge$/, how: 'fails-before' });
    await expect(forge.merge(merge)).rejects.toMatchObject({ type: 'OutcomeUnknown', nonRetryable: false });
    expect(await world.repository.history()).toEqual(['first']);
    expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
    expect(await world.repository.history()).toHaveLength(2);
  });

  it('is not sure at first whether it can merge, and is asked until it is', async () => {
    const { merge } = await openPullRequest({ world, forge });
    fake.keepChecking(3);
    expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
    expect(await world.repository.history()).toHaveLength(2);
  });

  it('has had too many requests, and is asked again when it says so', async () => {
    const { planned: repository } = world.repository;
    fake.breakNext({ method: 'GET', path: basePath, how: 'too-many-requests' });
    const looked = forge.branchHead({ repository, branch: 'main' });
    await expect(looked).rejects.toMatchObject({ type: 'Unavailable', nextRetryDelay: 7_000 });
  });

  it.each(['fails-before', 'hangs-after', 'cut-after'] as const)(
    'does not answer a look (%s): that may pass, and names the call and the host',
    async (how) => {
      const { planned: repository } = world.repository;
      // Twice: one may be asked again at once.
      fake.breakNext({ method: 'GET', path: basePath, how });
      fake.breakNext({ method: 'GET', path: basePath, how });
      const failure = await forge.branchHead({ repository, branch: 'main' }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ type: 'Unavailable', nonRetryable: false });
      expect(String(failure)).toContain(new URL(fake.url).host);
      expect(String(failure)).toMatch(basePath);
      expect(String(failure)).not.toContain('token-of-author');
    },
  );
}
