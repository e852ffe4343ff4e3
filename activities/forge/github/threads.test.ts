import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startFakeGithub, type FakeGithub } from '../../../test/fakes/fake-github.ts';
import { useDatabase } from '../../../test/support/databases.ts';
import { describeThreads, openRounds, resolversIn } from '../../../test/support/forge-threads.ts';
import { credentialsOf, githubWorld, type RestWorld } from '../../../test/support/forge-worlds.ts';

const database = useDatabase('PGlite');

describe('threads of findings', () => {
  let fake: FakeGithub;
  let world: RestWorld;
  beforeEach(async () => {
    fake = await startFakeGithub(onTestFinished);
    world = await githubWorld({ server: fake, queries: database().queries });
  });

  function extras() {
    return fake.extrasOf(world.path.replace('/repos/', ''));
  }

  describeThreads(() => Promise.resolve({ world, resolvers: resolversIn(fake, world) }));

  it('are found on any page, and left as somebody else has settled them', async () => {
    extras().threadsPerPage = 1;
    const { pullRequest, first, next } = await openRounds(world);
    await first();
    const resolvers = resolversIn(fake, world);
    const { reviewComments } = fake.repositoryAt(world.path.replace('/repos/', ''));
    const [own] = reviewComments;
    if (own) reviewComments.unshift({ ...own, id: 7, user: { login: 'ann' }, body: 'and this?' });
    await next('fixed');
    expect(await resolvers(pullRequest)).toEqual([null, 'reviewer']);
    Object.assign(own ?? {}, { resolver: { login: 'ann' } });
    await next('found');
    expect(await resolvers(pullRequest)).toEqual([null, 'ann']);
  });

  it('of an app are its own, though it is called by another name there', async () => {
    const app = { login: 'engine[bot]', token: 'token-of-engine[bot]' };
    const credentials = credentialsOf({
      token: fake.author.token,
      reviewers: { 'diff-check': app.token },
    });
    const its = await githubWorld({ server: fake, queries: database().queries, credentials });
    const { pullRequest, first, next } = await openRounds(its);
    const resolvers = resolversIn(fake, its);
    await first();
    await next('fixed');
    expect(await resolvers(pullRequest)).toEqual([app.login]);
    await next('found');
    expect(await resolvers(pullRequest)).toEqual([null]);
  });

  it.each([
    ['may not be seen', ['FORBIDDEN']],
    ['may be seen, and not settled', ['none', 'FORBIDDEN']],
    ['are asked of a server that has no such API', ['404']],
  ] as const)('that %s are left to people: the review tells what is fixed', async (_, errors) => {
    const { pullRequest, first, next } = await openRounds(world);
    await first();
    extras().threadErrors.push(...errors);
    await next('fixed');
    expect(await resolversIn(fake, world)(pullRequest)).toEqual([null]);
    const bodies = (await world.reviews(pullRequest)).map(({ body }) => body);
    expect(bodies.at(-1)).toContain('Fixed since the last review:\n- a.txt:1');
  });

  it.each([
    ['the look at them was lost', ['502']],
    ['GitHub was asked too much', ['RATE_LIMITED']],
    ['the answer that they are settled was lost', ['none', '502']],
  ] as const)('are settled by the next attempt where %s; the review stands once', async (_, errors) => {
    const { pullRequest, first, next, post } = await openRounds(world);
    await first();
    extras().threadErrors.push(...errors);
    await expect(next('fixed')).rejects.toMatchObject({ nonRetryable: false });
    await post();
    expect(await resolversIn(fake, world)(pullRequest)).toEqual(['reviewer']);
    expect(await world.reviews(pullRequest)).toHaveLength(2);
  });
});
