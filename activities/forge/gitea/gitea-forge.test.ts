import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FakeForge } from '../../../test/fakes/fake-forge.ts';
import { startFakeGitea } from '../../../test/fakes/fake-gitea.ts';
import { useDatabase } from '../../../test/support/databases.ts';
import { describeForge } from '../../../test/support/forge-conformance.ts';
import { giteaWorld, type RestWorld } from '../../../test/support/forge-worlds.ts';
import type { Forge } from '../forge.ts';

const database = useDatabase('PGlite');

/** Far below the time for which the fake holds back an answer. */
const timeoutMs = 3_000;

describe('a fake Gitea', () => {
  describeForge(async () => {
    const server = await startFakeGitea(onTestFinished);
    return giteaWorld({ server, queries: database().queries });
  });
});

describe('a Gitea that fails', () => {
  let fake: FakeForge;
  let world: RestWorld;
  let forge: Forge;
  beforeEach(async () => {
    fake = await startFakeGitea(onTestFinished);
    world = await giteaWorld({ server: fake, queries: database().queries, timeoutMs });
    forge = world.process();
  });

  async function openPullRequest() {
    const { planned: repository } = world.repository;
    const baseSha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
    const headSha = await world.repository.commit({ branch: 'topic', files: { a: 'a' } });
    const asked = { repository, branch: 'topic', title: 'T', body: '' };
    const { number: pullRequest } = await forge.findOrOpenPullRequest(asked);
    return { repository, pullRequest, headSha, baseSha, title: 'T', effectKey: 'k' };
  }

  const lost = ['fails-after', 'hangs-after', 'cut-after'] as const;

  it.each(lost)(
    'has done what was asked, and its answer %s: the merge is found, not asked again',
    async (how) => {
      const merge = await openPullRequest();
      fake.breakNext({ method: 'POST', path: /merge$/, how });
      expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
      expect(await world.repository.history()).toEqual([`T (#${merge.pullRequest})`, 'first']);
      expect(fake.calls.filter((call) => /^POST .*\/merge$/.test(call))).toHaveLength(1);
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
    const merge = await openPullRequest();
    fake.breakNext({ method: 'POST', path: /merge$/, how: 'fails-before' });
    await expect(forge.merge(merge)).rejects.toMatchObject({ type: 'OutcomeUnknown', nonRetryable: false });
    expect(await world.repository.history()).toEqual(['first']);
    expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
    expect(await world.repository.history()).toHaveLength(2);
  });

  it('is not sure at first whether it can merge, and is asked until it is', async () => {
    const merge = await openPullRequest();
    fake.keepChecking(3);
    expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
    expect(await world.repository.history()).toHaveLength(2);
  });

  it('has had too many requests, and is asked again when it says so', async () => {
    const { planned: repository } = world.repository;
    fake.breakNext({ method: 'GET', path: /branches/, how: 'too-many-requests' });
    const looked = forge.branchHead({ repository, branch: 'main' });
    await expect(looked).rejects.toMatchObject({ type: 'Unavailable', nextRetryDelay: 7_000 });
  });

  it.each(['fails-before', 'hangs-after', 'cut-after'] as const)(
    'does not answer a look (%s): that may pass, and names the call and the host',
    async (how) => {
      const { planned: repository } = world.repository;
      fake.breakNext({ method: 'GET', path: /branches/, how });
      const failure = await forge.branchHead({ repository, branch: 'main' }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ type: 'Unavailable', nonRetryable: false });
      expect(String(failure)).toContain(new URL(fake.url).host);
      expect(String(failure)).toContain('/branches/main');
      expect(String(failure)).not.toContain('token-of-author');
    },
  );
});
