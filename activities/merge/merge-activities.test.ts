import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MergeRequest } from '../../schema/contracts/messages.ts';
import type { Database } from '../../schema/db/database.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { effects, forgePullRequests, forgeReviews } from '../../schema/db/tables.ts';
import { localForge, makeRepository, type TestRepository } from '../../test/support/repository.ts';
import type {
  BatchOutcome,
  Covered,
  FoundRevert,
  RevertOutcome,
  UpdateOutcome,
} from '../../workflows/ports.ts';
import { createMergeActivities } from './merge-activities.ts';

let database: Database;
let repository: TestRepository;

beforeAll(async () => {
  database = await openPglite();
});
afterAll(() => database.close());
beforeEach(async () => {
  for (const table of [effects, forgePullRequests, forgeReviews]) await database.queries.delete(table);
  repository = await makeRepository({ 'README.md': 'hello\n' });
});

function activities() {
  const { git, workspace } = repository;
  const forge = localForge({ git, queries: database.queries });
  return createMergeActivities({ git, forges: () => forge, workspace });
}

function requestAt(headSha: string): MergeRequest {
  return {
    id: 'r',
    workflowId: 'w',
    mission: 'm',
    task: 'T-1',
    title: 'T-1',
    pullRequest: 1,
    branch: 'topic',
    headSha,
    approvals: [{ engine: 'diff-check', summary: 'good' }],
    requireCi: false,
  };
}

/** What the lane asks for a pull request whose head was approved. */
function updateBranch(headSha: string, branch = 'topic', covered?: Covered): Promise<UpdateOutcome> {
  return update({ headSha, request: { ...requestAt(headSha), branch }, ...(covered ? { covered } : {}) });
}

function update(of: { headSha: string; request: MergeRequest; covered?: Covered }): Promise<UpdateOutcome> {
  const input = { tenant: 'default', repository: repository.planned, ...of };
  return new MockActivityEnvironment().run(
    (asked: typeof input): Promise<UpdateOutcome> => activities().updateBranch(asked),
    input,
  );
}

/** What the lane asks when the base is red at a merge. */
function openRevert(mergeSha: string): Promise<RevertOutcome> {
  const reason = `main is failed at ${mergeSha}`;
  const input = {
    ...{ tenant: 'default', repository: repository.planned, mergeSha, reason },
    request: requestAt(mergeSha),
  };
  return new MockActivityEnvironment().run(
    (of: typeof input): Promise<RevertOutcome> => activities().openRevert(of),
    input,
  );
}

describe('the lane’s update of a branch', () => {
  it('is not needed when the head holds the base', async () => {
    const headSha = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
    expect(await updateBranch(headSha)).toMatchObject({ kind: 'ready', headSha, updated: false });
  });

  it('merges the base in, keeps the approvals by posting them again, and can be repeated', async () => {
    const approved = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
    const baseSha = await repository.commit({ branch: 'main', files: { 'b.txt': 'b\n' } });
    const outcome = await updateBranch(approved);

    expect(outcome).toMatchObject({ kind: 'ready', baseSha, updated: true });
    expect(await updateBranch(approved)).toEqual(outcome);
    const posted = await database.queries.select().from(forgeReviews);
    expect(posted).toMatchObject([{ author: 'diff-check', verdict: 'approve' }]);
    expect(posted[0]?.sha).toBe(outcome.kind === 'ready' ? outcome.headSha : '');
  });

  it('names the files of a conflict, and changes nothing', async () => {
    const approved = await repository.commit({ branch: 'topic', files: { 'README.md': 'mine\n' } });
    await repository.commit({ branch: 'main', files: { 'README.md': 'theirs\n' } });
    expect(await updateBranch(approved)).toEqual({ kind: 'conflict', files: ['README.md'] });
  });

  it('does not take somebody’s push for its own', async () => {
    const approved = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
    const headSha = await repository.commit({ branch: 'topic', from: 'topic', files: { 'c.txt': 'c\n' } });
    expect(await updateBranch(approved)).toEqual({ kind: 'head-moved', headSha });
  });

  it('does not take a merge of another branch for its own, clean as it is: nobody has reviewed that', async () => {
    const approved = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
    await repository.commit({ branch: 'unreviewed', files: { 'evil.txt': 'evil\n' } });
    const headSha = await repository.merge({ branch: 'topic', other: 'unreviewed' });
    expect(await updateBranch(approved)).toEqual({ kind: 'head-moved', headSha });
  });
});

describe('the lane’s look for a merge that nobody has told it of', () => {
  /** A pull request of the branch `topic`, and how the forge merges it. */
  async function openPullRequest() {
    const { git, planned } = repository;
    const forge = localForge({ git, queries: database.queries });
    const headSha = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
    const asked = { repository: planned, branch: 'topic', title: 'T-1', body: '' };
    const { number: pullRequest } = await forge.findOrOpenPullRequest(asked);
    const merge = async (head: string): Promise<string> => {
      const baseSha = (await forge.branchHead({ repository: planned, branch: 'main' })) ?? '';
      const of = { repository: planned, pullRequest, headSha: head, baseSha, title: 'T-1', effectKey: 'k' };
      const outcome = await forge.merge(of);
      if (outcome.kind !== 'merged') throw new Error(outcome.kind);
      return outcome.mergeSha;
    };
    return { headSha, merge, request: { ...requestAt(headSha), pullRequest } };
  }
  const ask = (request: MergeRequest) => update({ request, headSha: request.headSha });

  it('finds it at the head that was asked for, and leaves the branch alone', async () => {
    const { headSha, merge, request } = await openPullRequest();
    const mergeSha = await merge(headSha);
    const merged = { kind: 'merged', headSha, mergeSha };
    expect(await ask(request)).toEqual({ ...merged, baseSha: mergeSha });
    const baseSha = await repository.commit({ branch: 'main', files: { 'b.txt': 'b\n' } });
    expect(await ask(request)).toEqual({ ...merged, baseSha });
    expect(await repository.workspace.fetchBranch({ repository: repository.planned, branch: 'topic' })).toBe(
      headSha,
    );
  });

  it('finds it at a head that the lane has made, by one update after another', async () => {
    const { merge, request } = await openPullRequest();
    let headSha = '';
    for (const file of ['b.txt', 'c.txt']) {
      await repository.commit({ branch: 'main', files: { [file]: 'new\n' } });
      const updated = await ask(request);
      headSha = updated.kind === 'ready' ? updated.headSha : '';
    }
    const mergeSha = await merge(headSha);
    expect(await ask(request)).toEqual({ kind: 'merged', headSha, mergeSha, baseSha: mergeSha });
  });

  it('finds one of which only the base knows, and the forge knows it after that', async () => {
    const { headSha, merge, request } = await openPullRequest();
    const mergeSha = await merge(headSha);
    await database.queries.update(forgePullRequests).set({ state: 'open', headSha: null, mergeSha: null });
    expect(await ask(request)).toMatchObject({ kind: 'merged', headSha, mergeSha });
    const noted = await database.queries.select().from(forgePullRequests);
    expect(noted).toMatchObject([{ state: 'merged', headSha, mergeSha }]);
  });

  it('does not take a merge for its own that has what nobody has approved', async () => {
    const { merge, request } = await openPullRequest();
    const headSha = await repository.commit({ branch: 'topic', from: 'topic', files: { 'c.txt': 'c\n' } });
    await merge(headSha);
    expect(await ask(request)).toEqual({ kind: 'head-moved', headSha });
  });
});

describe('the revert of a merge', () => {
  const read = async (sha: string, path: string) =>
    repository.workspace.readFileAt({ repository: repository.planned, commit: sha, path });

  it('takes back that merge and nothing after it, as a pull request, and can be repeated', async () => {
    const mergeSha = await repository.commit({
      branch: 'main',
      files: { 'a.txt': 'a\n', 'README.md': 'x\n' },
    });
    const baseSha = await repository.commit({ branch: 'main', files: { 'b.txt': 'b\n' } });
    const revert = await openRevert(mergeSha);

    if (revert.kind !== 'opened') throw new Error(revert.reason);
    expect(revert.baseSha).toBe(baseSha);
    expect(await read(revert.headSha, 'a.txt')).toBeUndefined();
    expect(await read(revert.headSha, 'README.md')).toBe('hello');
    expect(await read(revert.headSha, 'b.txt')).toBe('b');
    expect(await openRevert(mergeSha)).toEqual(revert);
  });

  it('is brought up to a base that has moved', async () => {
    const mergeSha = await repository.commit({ branch: 'main', files: { 'a.txt': 'a\n' } });
    const first = await openRevert(mergeSha);
    await repository.commit({ branch: 'main', files: { 'b.txt': 'b\n' } });
    const second = await openRevert(mergeSha);
    const numbers = [first, second].map((one) => one.kind === 'opened' && one.pullRequest);
    expect(numbers[0]).toBe(numbers[1]);
    expect(second).not.toEqual(first);
  });

  it('is not possible where later changes are in its way, or somebody has done it', async () => {
    const mergeSha = await repository.commit({ branch: 'main', files: { 'README.md': 'x\n' } });
    await repository.commit({ branch: 'main', files: { 'README.md': 'y\n' } });
    expect(await openRevert(mergeSha)).toMatchObject({ kind: 'not-possible' });
    await repository.commit({ branch: 'main', files: { 'README.md': 'hello\n' } });
    expect(await openRevert(mergeSha)).toEqual({ kind: 'not-possible', reason: 'it was taken back already' });
  });
});

describe('the look for a revert that nobody has told the lane of', () => {
  function findRevert(mergeSha: string): Promise<FoundRevert> {
    const input = {
      ...{ tenant: 'default', repository: repository.planned, mergeSha },
      request: requestAt(mergeSha),
    };
    return new MockActivityEnvironment().run(
      (of: typeof input): Promise<FoundRevert> => activities().findRevert(of),
      input,
    );
  }
  /** The merge that turned the base red, and the pull request that takes it back. */
  async function openOne() {
    const mergeSha = await repository.commit({ branch: 'main', files: { 'a.txt': 'a\n', 'b.txt': 'b\n' } });
    const opened = await openRevert(mergeSha);
    if (opened.kind !== 'opened') throw new Error(opened.reason);
    return { mergeSha, opened };
  }
  /** As the forge merges it, whoever asks. */
  async function merge(of: { headSha: string; pullRequest: number }): Promise<string> {
    const { git, planned } = repository;
    const forge = localForge({ git, queries: database.queries });
    const baseSha = (await forge.branchHead({ repository: planned, branch: 'main' })) ?? '';
    const asked = { ...of, repository: planned, baseSha, title: 'Revert', effectKey: 'revert' };
    const outcome = await forge.merge(asked);
    if (outcome.kind !== 'merged') throw new Error(outcome.kind);
    return outcome.mergeSha;
  }

  it('finds it on the base once it was merged, whatever came later', async () => {
    const { mergeSha, opened } = await openOne();
    expect(await findRevert(mergeSha)).toEqual({ kind: 'not-merged' });
    const revertSha = await merge(opened);
    const { branch, headSha, pullRequest } = opened;
    const found = { kind: 'merged', branch, headSha, pullRequest, revertSha };
    expect(await findRevert(mergeSha)).toEqual(found);
    await repository.commit({ branch: 'main', files: { 'a.txt': 'mended\n' } });
    expect(await findRevert(mergeSha)).toEqual(found);
  });

  it('finds none where none was opened, or what was merged has left something of the merge', async () => {
    const other = await repository.commit({ branch: 'main', files: { 'c.txt': 'c\n' } });
    expect(await findRevert(other)).toEqual({ kind: 'not-merged' });
    const { mergeSha, opened } = await openOne();
    const { branch, pullRequest } = opened;
    const headSha = await repository.commit({ branch, from: `origin/${branch}`, files: { 'b.txt': 'b\n' } });
    await merge({ headSha, pullRequest });
    expect(await findRevert(mergeSha)).toEqual({ kind: 'not-merged' });
  });
});

describe('heads that are tested together', () => {
  function openBatch(heads: Record<string, string>, baseSha: string): Promise<BatchOutcome> {
    const requests = Object.entries(heads).map(([branch, headSha]) => ({
      ...{ ...requestAt(headSha), branch, id: branch },
    }));
    const input = { tenant: 'default', repository: repository.planned, requests, baseSha };
    return new MockActivityEnvironment().run(
      (of: typeof input): Promise<BatchOutcome> => activities().openBatch(of),
      input,
    );
  }
  const base = async () =>
    (await repository.workspace.fetchBranch({ repository: repository.planned, branch: 'main' })) ?? '';

  it('lie one on the other as their merges would, and each comes to its tree on that base only', async () => {
    const a = await repository.commit({ branch: 'a', files: { 'a.txt': 'a\n' } });
    const b = await repository.commit({ branch: 'b', files: { 'b.txt': 'b\n' } });
    const conflicting = await repository.commit({ branch: 'c', files: { 'a.txt': 'c\n' } });
    const baseSha = await base();
    const batch = await openBatch({ a, c: conflicting, b }, baseSha);

    if (batch.kind !== 'opened') throw new Error(batch.reason);
    expect(batch.trees.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await openBatch({ a, c: conflicting, b }, baseSha)).toEqual(batch);
    const [first, second] = batch.trees.map(({ tree }) => tree);
    if (first === undefined || second === undefined) throw new Error('two fit');
    expect(await updateBranch(a, 'a', { tree: first, baseSha })).toMatchObject({ kind: 'ready', headSha: a });
    expect(await updateBranch(b, 'b', { tree: second, baseSha })).toEqual({ kind: 'not-covered' });
    const merged = await repository.commit({ branch: 'main', files: { 'a.txt': 'a\n' } });
    expect(await updateBranch(b, 'b', { tree: second, baseSha })).toEqual({ kind: 'not-covered' });
    expect(await updateBranch(b, 'b', { tree: first, baseSha: merged })).toEqual({ kind: 'not-covered' });
    expect(await updateBranch(b, 'b', { tree: second, baseSha: merged })).toMatchObject({
      ...{ kind: 'ready', baseSha: merged, updated: true },
    });
  });

  it('are none where the base has moved, or fewer than two fit', async () => {
    const a = await repository.commit({ branch: 'a', files: { 'a.txt': 'a\n' } });
    expect(await openBatch({ a, gone: a }, await base())).toMatchObject({ kind: 'not-possible' });
    expect(await openBatch({ a }, a)).toEqual({ kind: 'not-possible', reason: 'main has moved' });
  });
});
