import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../schema/db/database.ts';
import { effects, forgePullRequests } from '../../../schema/db/tables.ts';
import { databases, useDatabase } from '../../../test/support/databases.ts';
import { localForge, makeRepository, type TestRepository } from '../../../test/support/repository.ts';
import type { Git } from '../../git/git.ts';

let database: Database;
let repository: TestRepository;

/** Every test begins with a repository of its own, and with no claims and pull requests. */
function useRepository(kind: (typeof databases)[number]): void {
  const opened = useDatabase(kind);
  beforeEach(async () => {
    database = opened();
    repository = await makeRepository({ 'README.md': 'hello\n' });
    await database.queries.delete(effects);
    await database.queries.delete(forgePullRequests);
  });
}

/** A pull request of one commit, and what is needed to merge it. */
async function openPullRequest(git: Git = repository.git) {
  const forge = localForge({ git, queries: database.queries });
  const { planned } = repository;
  const baseSha = (await forge.branchHead({ repository: planned, branch: 'main' })) ?? '';
  const headSha = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
  const { number } = await forge.findOrOpenPullRequest({
    repository: planned,
    branch: 'topic',
    title: 'T-1: Add a',
    body: '',
  });
  const request = {
    repository: planned,
    pullRequest: number,
    headSha,
    baseSha,
    title: 'T-1: Add a',
    effectKey: 'k',
  };
  return { forge, request };
}

/** A git whose worker is killed right after one command: the effect is there, its answer never arrives. */
function dyingAfter(git: Git, command: string): Git {
  let dead = false;
  return {
    async run(of) {
      if (dead) throw new Error('killed');
      const result = await git.run(of);
      if (of.args[0] === command) dead = true;
      if (dead) throw new Error('killed');
      return result;
    },
  };
}

/** What every forge must do is in `forge-conformance.ts`; here is what the database decides, and how a worker dies. */
describe.each(databases)('a merge on the local forge, its records in %s', (kind) => {
  useRepository(kind);

  it('happens once when many ask at the same time', async () => {
    const { forge, request } = await openPullRequest();
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => forge.merge(request).catch(() => 'failed')));
    expect(outcomes.some((outcome) => typeof outcome === 'object' && outcome.kind === 'merged')).toBe(true);
    expect(await repository.history()).toHaveLength(2);
  });

  it('is found, not repeated, when the worker died right after it', async () => {
    const { forge, request } = await openPullRequest();
    const dying = localForge({ git: dyingAfter(repository.git, 'update-ref'), queries: database.queries });
    await expect(dying.merge(request)).rejects.toThrow('killed');
    expect(await repository.history()).toHaveLength(2);

    const outcome = await forge.merge(request);
    expect(outcome).toMatchObject({ kind: 'merged' });
    expect(await repository.history()).toHaveLength(2);
    const [row] = await database.queries
      .select()
      .from(forgePullRequests)
      .where(eq(forgePullRequests.number, request.pullRequest));
    expect(row).toMatchObject({ state: 'merged', headSha: request.headSha });
  });

  it('is done when the worker died right before it', async () => {
    const { forge, request } = await openPullRequest();
    const dying = localForge({ git: dyingAfter(repository.git, 'commit-tree'), queries: database.queries });
    await expect(dying.merge(request)).rejects.toThrow('killed');
    expect(await repository.history()).toHaveLength(1);
    expect(await forge.merge(request)).toMatchObject({ kind: 'merged' });
    expect(await repository.history()).toHaveLength(2);
  });

  it('is found even when others have merged since', async () => {
    const { forge, request } = await openPullRequest();
    const dying = localForge({ git: dyingAfter(repository.git, 'update-ref'), queries: database.queries });
    await expect(dying.merge(request)).rejects.toThrow('killed');
    await repository.commit({ branch: 'main', files: { 'b.txt': 'b\n' } });

    expect(await forge.merge(request)).toMatchObject({ kind: 'merged' });
    expect(await repository.history()).toHaveLength(3);
  });
});

describe.each(databases)('issues and pull requests on the local forge, in %s', (kind) => {
  useRepository(kind);

  it('are found by marker and branch, not made twice, also by many at once', async () => {
    const forge = localForge({ git: repository.git, queries: database.queries });
    const { planned } = repository;
    const issue = { repository: planned, marker: 'mission:m/T-1', title: 'T', body: '' };
    const issues = await Promise.all([1, 2, 3].map(() => forge.findOrCreateIssue(issue)));
    expect(new Set(issues.map(({ number }) => number)).size).toBe(1);

    const pullRequest = { repository: planned, branch: 'topic', title: 'T', body: '' };
    const opened = await Promise.all([1, 2, 3].map(() => forge.findOrOpenPullRequest(pullRequest)));
    expect(new Set(opened.map(({ number }) => number)).size).toBe(1);
  });
});
