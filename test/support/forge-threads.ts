/** What every driver must make of a forge where a comment at a line can be marked as settled. */
import { expect, it } from 'vitest';
import type { FakeForge } from '../fakes/fake-forge.ts';
import { openPullRequest, type RestWorld } from './forge-worlds.ts';

/** Who has settled each comment at a line of a pull request, oldest first. */
export type Resolvers = (pullRequest: number) => Promise<(string | null)[]>;

export function resolversIn(fake: FakeForge, world: RestWorld): Resolvers {
  const { reviewComments } = fake.repositoryAt(world.path.replace('/repos/', ''));
  return async (pullRequest) =>
    reviewComments.filter(({ pull }) => pull === pullRequest).map(({ resolver }) => resolver?.login ?? null);
}

/** A pull request whose first line one engine may find fault with, and the rounds of its reviews. */
export async function openRounds(world: RestWorld) {
  const forge = world.process();
  const { merge } = await openPullRequest({ world, forge, files: { 'a.txt': 'a\n' } });
  const { repository, pullRequest } = merge;
  const nit = { severity: 'nit' as const, category: 'style', file: 'a.txt', line: 1, message: 'why?' };
  let sha = merge.headSha;
  const post = (findings: (typeof nit)[] = []) =>
    world.process().postReview({
      ...{ repository, pullRequest },
      review: { engine: 'diff-check', sha, verdict: 'approve', summary: 'good', findings },
    });
  return {
    pullRequest,
    /** Said of the head as it stands. */
    post,
    /** Said of another head. */
    next: async (found: 'found' | 'fixed') => {
      sha = await world.repository.commit({ branch: 'topic', from: 'topic', files: { 'b.txt': sha } });
      await post(found === 'found' ? [nit] : []);
    },
    first: () => post([nit]),
  };
}

export function describeThreads(makeWorld: () => Promise<{ world: RestWorld; resolvers: Resolvers }>): void {
  it('marks a finding at its line as settled when it is fixed, and as open when it comes back', async () => {
    const { world, resolvers } = await makeWorld();
    const { pullRequest, first, next, post } = await openRounds(world);
    await first();
    expect(await resolvers(pullRequest)).toEqual([null]);
    await next('fixed');
    await post();
    expect(await resolvers(pullRequest)).toEqual(['reviewer']);
    await next('found');
    expect(await resolvers(pullRequest)).toEqual([null]);
    expect(await world.reviews(pullRequest)).toHaveLength(3);
  });
}
