import { beforeEach, describe, expect, it } from 'vitest';
import { describePending, type CiContext } from '../../schema/contracts/ci.ts';
import { forgeStatuses } from '../../schema/db/tables.ts';
import { useDatabase } from '../../test/support/databases.ts';
import { localForge, makeRepository, type TestRepository } from '../../test/support/repository.ts';
import type { Forge } from '../forge/forge.ts';
import { LocalStore } from '../forge/local/local-store.ts';
import { createScrub } from '../scrub.ts';
import { createStatusCi } from './status-ci.ts';

const minute = 60_000;

const database = useDatabase('PGlite');
let repository: TestRepository;

beforeEach(async () => {
  await database().queries.delete(forgeStatuses);
  repository = await makeRepository({ 'README.md': 'hi\n' });
});

/** The statuses of a repository, whose base may be protected. */
async function ciOf(of: { requires?: string[]; failureLog?: NonNullable<Forge['failureLog']> } = {}) {
  const { git, workspace, planned } = repository;
  const { queries } = database();
  const { requires } = of;
  const forge: Forge = {
    ...localForge({ git, queries }),
    branchProtection: () => Promise.resolve(requires && { requiredContexts: requires, requiredApprovals: 0 }),
    ...(of.failureLog ? { failureLog: of.failureLog } : {}),
  };
  const ci = createStatusCi({ forges: () => forge, git, workspace, scrub: createScrub({}), quietMs: minute });
  const store = new LocalStore({ queries, tenant: 'default' });
  const stepsAt = (await forge.branchHead({ repository: planned, branch: 'main' })) ?? '';
  return {
    stepsAt,
    forge,
    async verdict(sha: string) {
      return (await ci.look({ repository: planned, sha, stepsAt })).verdict;
    },
    look: (sha: string, required: string[] = []) => ci.look({ repository: planned, sha, stepsAt, required }),
    async explained(sha: string) {
      const report = await ci.look({ repository: planned, sha, stepsAt });
      return ci.explain?.({ repository: planned, report, stepsAt });
    },
    leftOut: (sha: string, since: number) => ci.leftOut?.({ repository: planned, sha, stepsAt, since }),
    post: (sha: string, contexts: CiContext[]) =>
      store.postStatuses({ repositoryId: planned.id, sha, contexts }),
  };
}

describe('the verdict on a commit', () => {
  it.each([
    { states: ['passed', 'pending'], verdict: 'pending' },
    { states: ['passed', 'pending', 'failed'], verdict: 'failed' },
    { states: ['passed', 'skipped'], verdict: 'passed' },
    { states: ['skipped'], verdict: 'skipped' },
  ] as const)('of $states is $verdict', async ({ states, verdict }) => {
    const ci = await ciOf();
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    await ci.post(
      sha,
      states.map((state, index) => ({ name: `ci/${index}`, state })),
    );
    expect(await ci.verdict(sha)).toBe(verdict);
  });

  it('waits for what the branch requires, whatever else is green', async () => {
    const ci = await ciOf({ requires: ['ci/*', 'scan (strict)'] });
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    await ci.post(sha, [{ name: 'ci/test', state: 'passed' }]);
    expect(await ci.verdict(sha)).toBe('pending');
    await ci.post(sha, [{ name: 'scan (strict)', state: 'passed' }]);
    expect(await ci.verdict(sha)).toBe('passed');
  });

  it('waits for what the mission requires, and says that nothing was heard of it', async () => {
    const ci = await ciOf({ requires: ['ci/*'] });
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    await ci.post(sha, [{ name: 'ci/test', state: 'passed' }]);
    const required = ['ci/test', 'scan (strict)'];
    const report = await ci.look(sha, required);
    expect(report.verdict).toBe('pending');
    expect(describePending(report)).toContain('scan (strict), required and not heard of yet');
    expect((await ci.look(ci.stepsAt, required)).verdict).toBe('none-yet');
  });

  it('asks of the base itself nothing that is required of changes', async () => {
    const ci = await ciOf({ requires: ['ci/of-changes'] });
    await ci.post(ci.stepsAt, [{ name: 'ci/of-base', state: 'passed' }]);
    expect(await ci.verdict(ci.stepsAt)).toBe('passed');
  });
});

describe('what has failed', () => {
  it('comes with what its log says of it, for a few contexts', async () => {
    const ci = await ciOf({
      failureLog: ({ context }) =>
        Promise.resolve(`installing\nnot ok 1 - ${context}, token=hunter2hunter2\n`),
    });
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    const names = ['ci/1', 'ci/2', 'ci/3', 'ci/4', 'ci/5', 'ci/6'];
    await ci.post(sha, [
      { name: 'ci/0', state: 'passed' },
      ...names.map((name) => ({ name, state: 'failed' as const, excerpt: 'Failing after 3s' })),
    ]);
    const contexts = (await ci.explained(sha))?.contexts ?? [];
    const said = new Map(contexts.map(({ name, excerpt }) => [name, excerpt]));
    expect(said.get('ci/0')).toBeUndefined();
    expect(said.get('ci/1')).toBe('Failing after 3s\ninstalling\nnot ok 1 - ci/1, token=[redacted]');
    expect(said.get('ci/6')).toBe('Failing after 3s');
  });

  it('is told at once where the log can’t be had', async () => {
    const ci = await ciOf({ failureLog: () => Promise.reject(new Error('the log is gone')) });
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    await ci.post(sha, [{ name: 'ci/test', state: 'failed', excerpt: 'red' }]);
    expect(await ci.explained(sha)).toMatchObject({ verdict: 'failed', contexts: [{ excerpt: 'red' }] });
  });
});

describe('a commit of which nothing is said', () => {
  it('has no CI when there is no trace of one, in three looks', async () => {
    const ci = await ciOf();
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    expect(await ci.verdict(sha)).toBe('none-yet');
    expect(await ci.verdict(sha)).toBe('none-yet');
    expect(await ci.verdict(sha)).toBe('not-configured');
  });

  it.each(['.gitea/workflows/test.yaml', '.woodpecker.yml', 'Jenkinsfile'])(
    'is waited for where there is %s',
    async (file) => {
      const ci = await ciOf();
      const sha = await repository.commit({ branch: 'topic', files: { [file]: 'x' } });
      for (let look = 0; look < 5; look++) expect(await ci.verdict(sha)).toBe('none-yet');
    },
  );

  it('is waited for where the base was judged before', async () => {
    const ci = await ciOf();
    await ci.post(ci.stepsAt, [{ name: 'ci/test', state: 'passed' }]);
    const sha = await repository.commit({ branch: 'topic', files: { a: 'a' } });
    for (let look = 0; look < 5; look++) expect(await ci.verdict(sha)).toBe('none-yet');
  });
});

describe('a commit that pipelines leave out', () => {
  const files = { 'docs/a.md': 'a' };
  beforeEach(async () => {
    const text = "on: {push: {paths-ignore: ['docs/**']}, pull_request: {paths-ignore: ['docs/**']}}\n";
    await repository.commit({ branch: 'main', files: { '.gitea/workflows/test.yaml': text } });
  });

  it('is told from one that is only late, by what the pipelines of its base say', async () => {
    const ci = await ciOf();
    const sha = await repository.commit({ branch: 'topic', files });
    expect(await ci.verdict(sha)).toBe('none-yet');
    expect(await ci.leftOut(sha, Date.now() - 2 * minute)).toEqual({ by: ['.gitea/workflows/test.yaml'] });
    expect(await ci.leftOut(sha, Date.now())).toBeUndefined();
  });

  it.each([
    { name: 'touches anything else', more: { 'src/a.js': 'a' } },
    { name: 'touches a pipeline', more: { '.gitea/workflows/more.yaml': 'on: push' } },
  ])('is waited for when it $name', async ({ more }) => {
    const ci = await ciOf();
    const sha = await repository.commit({ branch: 'topic', files: { ...files, ...more } });
    expect(await ci.leftOut(sha, 0)).toBeUndefined();
  });

  it('is known on the base too, where it is compared with what it was made on', async () => {
    const before = (await ciOf()).stepsAt;
    const sha = await repository.commit({ branch: 'main', files });
    const ci = await ciOf();
    expect(ci.stepsAt).toBe(sha);
    expect(await ci.leftOut(sha, 0)).toEqual({ by: ['.gitea/workflows/test.yaml'], madeOn: before });
  });
});
