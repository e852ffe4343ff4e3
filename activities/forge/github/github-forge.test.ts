import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startFakeGithub, type CheckRun, type FakeGithub } from '../../../test/fakes/fake-github.ts';
import { useDatabase } from '../../../test/support/databases.ts';
import { describeForge } from '../../../test/support/forge-conformance.ts';
import { describeFaults } from '../../../test/support/forge-faults.ts';
import {
  credentialsOf,
  githubWorld,
  openPullRequest,
  type RestWorld,
} from '../../../test/support/forge-worlds.ts';
import { combineContexts } from '../../../schema/contracts/ci.ts';
import type { Forge } from '../forge.ts';
import { findForgeRepository } from '../rest/find-repository.ts';
import { createGithubAccess } from './access.ts';
import { createApps } from './apps.ts';
import { githubDialect } from './dialect.ts';
import { apiOf, graphqlOf } from './octokit.ts';

const database = useDatabase('PGlite');

function stringContaining(text: string): unknown {
  return expect.stringContaining(text);
}

describe('a fake GitHub', () => {
  describeForge(async () => {
    const server = await startFakeGithub(onTestFinished);
    return githubWorld({ server, queries: database().queries });
  });
});

describe('a GitHub that fails', () => {
  describeFaults({
    mergeMethod: 'PUT',
    basePath: /\/heads\/main/,
    async makeWorld({ timeoutMs }) {
      const fake = await startFakeGithub(onTestFinished);
      return { fake, world: await githubWorld({ server: fake, queries: database().queries, timeoutMs }) };
    },
  });
});

describe('what only GitHub has', () => {
  let fake: FakeGithub;
  let world: RestWorld;
  let forge: Forge;
  beforeEach(async () => {
    fake = await startFakeGithub(onTestFinished);
    world = await githubWorld({ server: fake, queries: database().queries });
    forge = world.process();
  });

  function extras() {
    return fake.extrasOf(world.path.replace('/repos/', ''));
  }

  describe('checks', () => {
    async function contextsOf(...runs: Partial<CheckRun>[]) {
      const { planned: repository } = world.repository;
      const sha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
      const whole = { name: 'test', suite: 1, status: 'completed', conclusion: null, sha };
      extras().runs.push(...runs.map((run) => ({ ...whole, ...run })));
      return forge.commitStatuses({ repository, sha });
    }

    it.each([
      { conclusion: 'success', state: 'passed' },
      { conclusion: 'skipped', state: 'skipped' },
      { conclusion: 'neutral', state: 'skipped' },
      { conclusion: 'stale', state: 'pending' },
      { conclusion: 'failure', state: 'failed' },
      { conclusion: 'cancelled', state: 'failed' },
      { conclusion: 'timed_out', state: 'failed' },
      { conclusion: 'action_required', state: 'failed' },
      { conclusion: 'of tomorrow', state: 'failed' },
      { conclusion: null, state: 'failed' },
    ])('that ended as $conclusion are $state', async ({ conclusion, state }) => {
      expect(await contextsOf({ conclusion })).toMatchObject([{ name: 'test', state }]);
    });

    it.each(['queued', 'in_progress', 'waiting', 'requested', 'of tomorrow'])(
      'that are %s are pending',
      async (status) => {
        expect(await contextsOf({ status })).toEqual([{ name: 'test', state: 'pending' }]);
      },
    );

    it('that are all neutral or skipped are no pass', async () => {
      const contexts = await contextsOf({ conclusion: 'neutral' }, { name: 'lint', conclusion: 'skipped' });
      expect(combineContexts(contexts)).toBe('skipped');
    });

    it('of one name in two suites count both, and the newest of each', async () => {
      const contexts = await contextsOf(
        { suite: 1, conclusion: 'failure', output: { title: 'two are red', summary: '' } },
        { suite: 2, conclusion: 'failure' },
        { suite: 2, conclusion: 'success' },
      );
      expect(contexts).toEqual([{ name: 'test', state: 'failed', excerpt: 'failure\ntwo are red' }]);
    });

    it('of Actions have a log, which is read elsewhere and without the token', async () => {
      const { planned: repository } = world.repository;
      const job = 'https://github.example.org/author/greeter/actions/runs/5/job/77';
      extras().logs.set('77', `${'.'.repeat(2 * 1024 * 1024)}\nError: two are red`);
      await contextsOf(
        { conclusion: 'failure', details_url: job },
        { name: 'other', conclusion: 'failure', details_url: 'https://ci.example.org/1' },
      );
      const sha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
      const log = await forge.failureLog?.({ repository, sha, context: 'test' });
      expect(log).toMatch(/Error: two are red$/);
      expect(log).toHaveLength(1024 * 1024);
      expect(await forge.failureLog?.({ repository, sha, context: 'other' })).toBeUndefined();
    });

    it('that are only about to come are seen by the workflows that run', async () => {
      const { planned: repository } = world.repository;
      const run = { display_title: 'Add a', path: '.github/workflows/ci.yml' };
      extras().workflowRuns.push(
        { ...run, branch: 'main', status: 'queued' },
        { ...run, branch: 'main', status: 'completed' },
        { ...run, branch: 'topic', status: 'queued' },
      );
      const running = await forge.runningPipelines?.({ repository, branch: 'main' });
      expect(running).toEqual(['.github/workflows/ci.yml (Add a)']);
    });

    it('stand beside statuses, many of each', async () => {
      const { planned: repository } = world.repository;
      const sha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
      const statuses = Array.from({ length: 130 }, (_, index) => ({
        ...{ sha, context: `status/${index}`, state: 'success', description: null },
      }));
      fake.repositoryAt(world.path.replace('/repos/', '')).statuses.push(...statuses);
      const runs = Array.from({ length: 130 }, (_, index) => ({
        ...{ name: `run/${index}`, conclusion: 'success' },
      }));
      const contexts = await contextsOf(...runs);
      expect(contexts).toHaveLength(260);
      expect(combineContexts(contexts)).toBe('passed');
      expect(combineContexts(await forge.commitStatuses({ repository, sha: '0'.repeat(40) }))).toBe(
        'none-yet',
      );
    });
  });

  describe('protection', () => {
    const checks = (...contexts: string[]) => ({
      type: 'required_status_checks',
      parameters: { required_status_checks: contexts.map((context) => ({ context })) },
    });
    const approvals = (count: number) => ({
      type: 'pull_request',
      parameters: { required_approving_review_count: count },
    });

    async function protectionOf(branch: string) {
      return forge.branchProtection?.({ repository: world.repository.planned, branch });
    }

    it('is none where there is none', async () => {
      expect(await protectionOf('main')).toBeUndefined();
    });

    it('comes from the branch, and from all rulesets', async () => {
      extras().protection = { contexts: ['build', 'test'], approvals: 1 };
      extras().rules.push({ type: 'deletion' }, checks('test', 'scan'), approvals(2));
      expect(await protectionOf('main')).toEqual({
        requiredContexts: ['build', 'test', 'scan'],
        requiredApprovals: 2,
      });
      expect(await protectionOf('topic')).toBeUndefined();
    });

    it('comes from rulesets alone', async () => {
      extras().rules.push(checks('test'));
      expect(await protectionOf('main')).toEqual({ requiredContexts: ['test'], requiredApprovals: 0 });
    });

    it('is told without its approvals to whoever is no administrator', async () => {
      extras().protection = { contexts: ['test'], approvals: -1 };
      expect(await protectionOf('main')).toEqual({ requiredContexts: ['test'], requiredApprovals: 0 });
    });
  });

  describe('a merge', () => {
    it.each([
      { status: 405, message: 'Base branch was modified. Review and try the merge again.' },
      { status: 405, message: 'Pull Request is not mergeable' },
      { status: 409, message: 'Head branch was modified. Review and try the merge again.' },
    ] as const)('that is refused with $status ($message) is looked at again', async (refusal) => {
      const { merge } = await openPullRequest({ world, forge });
      extras().refusals.push(refusal);
      expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
      expect(await world.repository.history()).toHaveLength(2);
    });

    it.each([
      { status: 405, message: 'Required status check "test" is expected.' },
      { status: 405, message: 'At least 1 approving review is required by reviewers with write access.' },
      { status: 405, message: 'Squash merges are not allowed on this repository.' },
      { status: 403, message: 'Resource not accessible by integration' },
      { status: 422, message: 'Validation Failed' },
    ] as const)('that is refused with $status ($message) is for a person', async (refusal) => {
      const { merge } = await openPullRequest({ world, forge });
      extras().refusals.push(refusal);
      const failure = await forge.merge(merge).catch((error: unknown) => error);
      expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
      expect(String(failure)).toContain(refusal.message);
      expect(await world.repository.history()).toEqual(['first']);
    });
  });

  describe('reviews', () => {
    it('are the engine’s own where it has an account, and comments otherwise', async () => {
      const { merge } = await openPullRequest({ world, forge });
      const { repository, pullRequest, headSha: sha } = merge;
      const review = { sha, verdict: 'request-changes' as const, summary: 'bad', findings: [] };
      await forge.postReview({ repository, pullRequest, review: { ...review, engine: 'diff-check' } });
      await forge.postReview({ repository, pullRequest, review: { ...review, engine: 'test-check' } });
      expect(fake.repositoryAt(world.path.replace('/repos/', '')).reviews).toMatchObject([
        { state: 'REQUEST_CHANGES', user: { login: 'reviewer' } },
        { state: 'COMMENT', user: { login: 'author' } },
      ]);
    });

    it('have all in their body, where the diff as GitHub sees it has one of their lines not', async () => {
      const { planned: repository } = world.repository;
      const text = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join('');
      await world.repository.commit({ branch: 'main', files: { 'old.txt': text } });
      const files = { 'old.txt': null, 'moved.txt': `${text}and more\n` };
      const sha = await world.repository.commit({ branch: 'topic', files });
      const asked = { repository, branch: 'topic', title: 'T', body: '' };
      const { number } = await forge.findOrOpenPullRequest(asked);
      const nit = { severity: 'nit' as const, category: 'style', message: 'why?' };
      const review = { engine: 'diff-check', sha, verdict: 'approve' as const, summary: 'good' };
      const findings = [{ ...nit, file: 'moved.txt', line: 2 }];
      await forge.postReview({ repository, pullRequest: number, review: { ...review, findings } });
      expect(await world.comments(number)).toEqual([]);
      expect(await world.reviews(number)).toMatchObject([
        { body: stringContaining('- nit (style) moved.txt:2: why?') },
      ]);
    });

    it('are never the author’s, whatever the tokens are called', async () => {
      const { merge } = await openPullRequest({ world, forge });
      const { repository, pullRequest, headSha: sha } = merge;
      const { token } = fake.author;
      const mistaken = credentialsOf({ token, reviewers: { 'diff-check': token } });
      const review = { engine: 'diff-check', sha, verdict: 'approve' as const, summary: '', findings: [] };
      const posted = world.process(mistaken).postReview({ repository, pullRequest, review });
      await expect(posted).rejects.toThrow('would review as author');
    });

    it('that were dismissed are posted again', async () => {
      const { merge } = await openPullRequest({ world, forge });
      const { repository, pullRequest, headSha: sha } = merge;
      const review = { engine: 'diff-check', sha, verdict: 'approve' as const, summary: '', findings: [] };
      await forge.postReview({ repository, pullRequest, review });
      const { reviews } = fake.repositoryAt(world.path.replace('/repos/', ''));
      for (const posted of reviews) posted.state = 'DISMISSED';
      await forge.postReview({ repository, pullRequest, review });
      await forge.postReview({ repository, pullRequest, review });
      expect(reviews).toHaveLength(2);
    });
  });

  it('finds an issue that is older than the newest hundred, by its words', async () => {
    const { planned: repository } = world.repository;
    const issue = { repository, title: 'T', body: '', marker: 'mission:m/T-1' };
    const { number } = await forge.findOrCreateIssue(issue);
    await forge.findOrCreateIssue({ ...issue, marker: 'mission:m/T-1/x' });
    const { issues } = fake.repositoryAt(world.path.replace('/repos/', ''));
    const user = { login: 'author' };
    for (let more = 0; more < 120; more++) {
      issues.push({ number: issues.length + 1, state: 'open', title: 'x', body: 'x', user, comments: [] });
    }
    expect(await world.process().findOrCreateIssue(issue)).toMatchObject({ number });
  });

  it('knows the commit of a tag that has a message of its own', async () => {
    const { git, planned: repository } = world.repository;
    const { path: cwd } = fake.repositoryAt(world.path.replace('/repos/', ''));
    const sha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
    await git.run({ cwd, args: ['tag', '--annotate', '--message', 'One', 'v1', sha] });
    await forge.findOrCreateTag({ repository, name: 'v1', sha });
    const headSha = await world.repository.commit({ branch: 'topic', files: { a: 'a' } });
    await expect(forge.findOrCreateTag({ repository, name: 'v1', sha: headSha })).rejects.toThrow(sha);
  });

  it('is asked with what is known already: what has not changed costs nothing', async () => {
    const { planned: repository } = world.repository;
    const sha = (await forge.branchHead({ repository, branch: 'main' })) ?? '';
    const context = { sha, context: 'test', state: 'pending', description: null };
    const { statuses } = fake.repositoryAt(world.path.replace('/repos/', ''));
    statuses.push(context);
    const first = await forge.commitStatuses({ repository, sha });
    expect(fake.notModified).toEqual([]);
    expect(await forge.commitStatuses({ repository, sha })).toEqual(first);
    expect(await forge.branchHead({ repository, branch: 'main' })).toBe(sha);
    expect(fake.notModified).toHaveLength(3);
    statuses.push({ ...context, state: 'success' });
    expect(await forge.commitStatuses({ repository, sha })).toEqual([{ name: 'test', state: 'passed' }]);
  });

  it('is waited for when it says that too much was asked, and not for long', async () => {
    const paced = await githubWorld({ server: fake, queries: database().queries, isPaced: true });
    const { planned: repository } = paced.repository;
    const driver = paced.process();
    const look = { method: 'GET', path: /heads/, how: 'too-many-requests' } as const;
    fake.breakNext({ ...look, retryAfter: 1 });
    expect(await driver.branchHead({ repository, branch: 'main' })).toMatch(/^\w{40}$/);
    fake.breakNext({ ...look, retryAfter: 90 });
    const looked = driver.branchHead({ repository, branch: 'main' });
    await expect(looked).rejects.toMatchObject({ type: 'Unavailable', nextRetryDelay: 90_000 });
    // What changes something and was refused for that has not happened: it may be sent again.
    const issues = { method: 'POST', path: /issues$/, how: 'too-many-requests' } as const;
    fake.breakNext({ ...issues, retryAfter: 1 });
    await driver.findOrCreateIssue({ repository, marker: 'mission:m/T', title: 'T', body: '' });
    expect(await paced.issues()).toHaveLength(1);
  });

  it('names the host when it does not accept a token, and never the token', async () => {
    const { planned: repository } = world.repository;
    fake.breakNext({ method: 'GET', path: /heads/, how: 'unauthorized' });
    const failure = await forge.branchHead({ repository, branch: 'main' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'Refused' });
    expect(String(failure)).toContain(`${new URL(fake.url).host} does not accept the token`);
    expect(String(failure)).not.toContain(fake.author.token);
  });

  it('is found at the door by any name of a repository, or says what is missing', async () => {
    const { address } = world.repository.planned;
    const access = createGithubAccess({ credentials: world.credentials, apps: createApps() });
    const find = (url: string, base = 'main') =>
      findForgeRepository({ access, dialect: githubDialect, url, base, privateAddresses: true });
    expect(await find(`${address}.git`)).toEqual({ kind: 'found', address });
    expect(await find(`${address}-not`)).toMatchObject({ at: 'url', kind: 'refused' });
    expect(await find(address, 'nope')).toMatchObject({ at: 'base', kind: 'refused' });
    expect(await find(`${address}/tree/main`)).toMatchObject({ at: 'url', kind: 'refused' });
  });
});

describe('the API of a host', () => {
  it.each([
    ['https://github.com', 'https://api.github.com', 'https://api.github.com/graphql'],
    ['https://tenant.ghe.com', 'https://api.tenant.ghe.com', 'https://api.tenant.ghe.com/graphql'],
    [
      'https://ghe.example.org:844',
      'https://ghe.example.org:844/api/v3',
      'https://ghe.example.org:844/api/graphql',
    ],
  ])('of %s is at %s, and the other at %s', (url, api, graphql) => {
    const at = { url, host: new URL(url).host };
    expect(apiOf(at)).toBe(api);
    expect(graphqlOf(at)).toBe(graphql);
  });
});
