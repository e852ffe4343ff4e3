/** What every forge's driver must do, whatever the forge. */
import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Forge } from '../../activities/forge/forge.ts';
import type { Finding, Review } from '../../schema/contracts/review.ts';
import { openPullRequest, type ForgeWorld } from './forge-worlds.ts';

/** Text that anything which looks into it would change. */
const hostileBody = await readFile(new URL('../fixtures/hostile-body.md', import.meta.url), 'utf8');

/** Of two processes of ours, each with two that ask at the same time. */
function byMany<Made>(world: ForgeWorld, ask: (forge: Forge) => Promise<Made>): Promise<Made[]> {
  const [one, other] = [world.process(), world.process()];
  return Promise.all([one, one, other, other].map(ask));
}

export function describeForge(makeWorld: () => Promise<ForgeWorld>): void {
  let world: ForgeWorld;
  let forge: Forge;
  beforeEach(async () => {
    world = await makeWorld();
    forge = world.process();
  });

  async function openOne(files: Record<string, string> = { 'a.txt': 'a\n' }) {
    const opened = await openPullRequest({ world, forge, files, title: 'T-1: Add a', body: 'Why.' });
    const { repository, pullRequest: number, headSha, baseSha } = opened.merge;
    return { ...opened, repository, number, headSha, baseSha };
  }

  function reviewOf(sha: string): Review {
    return { engine: 'diff-check', sha, verdict: 'approve', summary: hostileBody, findings: [] };
  }

  describe('issues', () => {
    const issue = { marker: 'mission:m/T-1', title: 'T-1: Add a', body: hostileBody };

    it('are found by their marker, not made twice', async () => {
      const { planned: repository } = world.repository;
      const first = await forge.findOrCreateIssue({ repository, ...issue });
      expect(await world.process().findOrCreateIssue({ repository, ...issue })).toMatchObject(first);
      const other = await forge.findOrCreateIssue({ repository, ...issue, marker: 'mission:m/T-10' });
      expect(other.number).not.toBe(first.number);
      expect(await world.issues()).toHaveLength(2);
    });

    it('are made once by many at the same time', async () => {
      const { planned: repository } = world.repository;
      const asked = [1, 2, 3, 4].map(() => forge.findOrCreateIssue({ repository, ...issue }));
      const numbers = (await Promise.all(asked)).map(({ number }) => number);
      expect(new Set(numbers).size).toBe(1);
      expect(await world.issues()).toHaveLength(1);
    });

    it('have their body byte for byte', async () => {
      const { planned: repository } = world.repository;
      await forge.findOrCreateIssue({ repository, ...issue });
      const [standing] = await world.issues();
      expect(standing?.body.slice(0, hostileBody.length)).toBe(hostileBody);
    });

    it('are closed once, with one comment', async () => {
      const { planned: repository } = world.repository;
      const { number } = await forge.findOrCreateIssue({ repository, ...issue });
      const close = { repository, number, comment: hostileBody };
      await forge.closeIssue(close);
      await world.process().closeIssue(close);
      expect(await world.issues()).toMatchObject([{ state: 'closed', comments: [hostileBody] }]);
      expect(await forge.findOrCreateIssue({ repository, ...issue })).toMatchObject({
        number,
        state: 'closed',
      });
    });
  });

  describe('pull requests', () => {
    it('are found by their branch, also by many at the same time', async () => {
      const { asked, number } = await openOne();
      const found = await byMany(world, (driver) => driver.findOrOpenPullRequest(asked));
      expect(found.map((one) => one.number)).toEqual([number, number, number, number]);
      expect(await world.pullRequests()).toHaveLength(1);
    });

    it('are opened once by many at the same time', async () => {
      const { planned: repository } = world.repository;
      await world.repository.commit({ branch: 'topic', files: { a: 'a' } });
      const asked = { repository, branch: 'topic', title: 'T', body: '' };
      const opened = await byMany(world, (driver) => driver.findOrOpenPullRequest(asked));
      expect(new Set(opened.map(({ number }) => number)).size).toBe(1);
      const open = (await world.pullRequests()).filter(({ state }) => state === 'open');
      expect(open).toHaveLength(1);
    });

    it('have their title and body byte for byte, and get new ones', async () => {
      const { repository, number } = await openOne();
      const changed = { title: 'T-1: `a` & <b> "c"', body: hostileBody };
      await forge.updatePullRequest({ repository, number, ...changed });
      await forge.updatePullRequest({ repository, number, ...changed });
      expect(await world.pullRequests()).toMatchObject([changed]);
    });

    it('are found when they are merged, also without opening one', async () => {
      const { asked, merge, number } = await openOne();
      expect(await world.process().findPullRequest(asked)).toMatchObject({ number, state: 'open' });
      await forge.merge(merge);
      expect(await forge.findOrOpenPullRequest(asked)).toMatchObject({ state: 'merged' });
      expect(await world.process().findPullRequest(asked)).toMatchObject({ number, state: 'merged' });
    });

    it('are closed, and opened anew after that', async () => {
      const { repository, asked, number } = await openOne();
      await forge.closePullRequest({ repository, number });
      await forge.closePullRequest({ repository, number });
      expect(await forge.findPullRequest(asked)).toBeUndefined();
      const next = await forge.findOrOpenPullRequest(asked);
      expect(next.number).not.toBe(number);
      expect((await world.pullRequests()).map(({ state }) => state).sort()).toEqual(['closed', 'open']);
    });
  });

  describe('reviews', () => {
    it('are posted once for each engine and commit', async () => {
      const { repository, number, headSha } = await openOne();
      const posting = { repository, pullRequest: number, review: reviewOf(headSha) };
      await Promise.all([1, 2, 3].map(() => forge.postReview(posting)));
      await world.process().postReview(posting);
      await forge.postReview({ ...posting, review: { ...posting.review, engine: 'test-check' } });
      const next = await world.repository.commit({ branch: 'topic', from: 'topic', files: { b: 'b' } });
      await forge.postReview({ ...posting, review: reviewOf(next) });
      const posted = await world.reviews(number);
      expect(posted.map(({ sha }) => sha).sort()).toEqual([headSha, headSha, next].sort());
      for (const { body } of posted) expect(body.slice(0, hostileBody.length)).toBe(hostileBody);
    });
  });

  describe('findings', () => {
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join('');

    function finding(message: string, place: Partial<Finding> = {}): Finding {
      return { severity: 'should-fix', category: 'naming', message, ...place };
    }

    function objection(sha: string, ...findings: Finding[]): Review {
      return { engine: 'diff-check', sha, verdict: 'request-changes', summary: 'Not yet.', findings };
    }

    /** A file of 40 lines on the base; the branch changes its 20th, and brings another file. */
    async function openChange() {
      const { planned: repository } = world.repository;
      await world.repository.commit({ branch: 'main', files: { 'long.txt': lines(1, 40) } });
      const opened = await openOne({
        'long.txt': `${lines(1, 19)}changed\n${lines(21, 40)}`,
        'new file.txt': 'one\ntwo\n',
      });
      const post = (review: Review, more: { repeats?: true } = {}) =>
        world.process().postReview({ repository, pullRequest: opened.number, review, ...more });
      const next = () =>
        world.repository.commit({ branch: 'topic', from: 'topic', files: { c: String(Math.random()) } });
      return { ...opened, post, next };
    }

    it('stand at their lines where the diff shows these, and in the body otherwise', async () => {
      const { number, headSha, post } = await openChange();
      const review = objection(
        headSha,
        finding('of a changed line', { file: 'long.txt', line: 20 }),
        finding('of a line beside it', { file: 'long.txt', line: 23 }),
        finding('of a new file', { file: 'new file.txt', line: 2 }),
        finding('of a line far away', { file: 'long.txt', line: 1 }),
        finding('of a line after the end', { file: 'new file.txt', line: 3 }),
        finding('of no such file', { file: 'nowhere.txt', line: 1 }),
        finding('of no path at all', { file: '../../etc/passwd', line: 1 }),
        finding('of a file', { file: 'long.txt' }),
        finding('of all', {}),
      );
      await post(review);
      await post(review);
      expect((await world.comments(number)).sort()).toEqual([
        'long.txt:20 **should-fix** (naming): of a changed line',
        'long.txt:23 **should-fix** (naming): of a line beside it',
        'new file.txt:2 **should-fix** (naming): of a new file',
      ]);
      const [posted, ...others] = await world.reviews(number);
      expect(others).toEqual([]);
      const said = posted?.body.split('\n').filter((line) => line.startsWith('- '));
      expect(said?.map((line) => line.replace(/^.*: /, ''))).toEqual([
        'of a line far away',
        'of a line after the end',
        'of no such file',
        'of no path at all',
        'of a file',
        'of all',
      ]);
    });

    it('are told at their lines once in all rounds, and as fixed once', async () => {
      const { number, headSha, post, next } = await openChange();
      const stays = finding('stays', { file: 'long.txt', line: 20 });
      const goes = finding('goes', { file: 'new file.txt', line: 1 });
      const comes = finding('comes', { file: 'new file.txt', line: 2 });
      await post(objection(headSha, stays, goes));
      const second = await next();
      await post(objection(second, stays, comes));
      const third = await next();
      await post(objection(third, stays, comes));
      const places = (await world.comments(number)).map((line) => line.replace(/ \*\*.*: /, ' '));
      expect(places).toEqual(['long.txt:20 stays', 'new file.txt:1 goes', 'new file.txt:2 comes']);
      const bodies = new Map((await world.reviews(number)).map(({ sha, body }) => [sha, body]));
      expect(bodies.get(headSha)).not.toMatch(/Fixed|Still open/);
      expect(bodies.get(second)).toContain('Still open, see the comments at these lines:\n- long.txt:20');
      expect(bodies.get(second)).toContain('Fixed since the last review:\n- new file.txt:1');
      expect(bodies.get(third)).not.toContain('Fixed');
    });

    it('of one engine are not another’s', async () => {
      const { number, headSha, post, next } = await openChange();
      const its = finding('a name', { file: 'long.txt', line: 20 });
      await post(objection(headSha, its));
      await post({ ...objection(headSha, its), engine: 'test-check' });
      await post({ ...reviewOf(await next()), engine: 'test-check' });
      expect(await world.comments(number)).toHaveLength(2);
      const last = (await world.reviews(number)).at(-1);
      expect(last?.body.match(/Fixed since the last review:\n- long\.txt:20/g)).toHaveLength(1);
    });

    it('are left as they are by an approval that is repeated for another head', async () => {
      const { number, headSha, post, next } = await openChange();
      const nit = { ...finding('a name', { file: 'long.txt', line: 20 }), severity: 'nit' as const };
      await post({ ...objection(headSha, nit), verdict: 'approve' });
      const moved = await next();
      await post(reviewOf(moved), { repeats: true });
      const repeated = (await world.reviews(number)).find(({ sha }) => sha === moved);
      expect(repeated?.body).not.toContain('Fixed');
    });
  });

  describe('statuses', () => {
    it('are those of one commit, the newest of each context', async () => {
      const { repository, headSha: sha, baseSha } = await openOne();
      expect(await forge.commitStatuses({ repository, sha })).toEqual([]);
      const names = Array.from({ length: 60 }, (_, index) => `many/${String(index).padStart(2, '0')}`);
      await world.postStatuses({
        sha,
        contexts: [
          { name: 'ci/test', state: 'pending' },
          { name: 'ci/lint', state: 'skipped' },
          { name: 'ci/test', state: 'failed', excerpt: 'two tests are red' },
          { name: 'ci/old', state: 'passed' },
          ...names.map((name) => ({ name, state: 'passed' as const })),
        ],
      });
      const contexts = await forge.commitStatuses({ repository, sha });
      expect(contexts).toHaveLength(63);
      expect(contexts).toEqual(
        expect.arrayContaining([
          { name: 'ci/test', state: 'failed', excerpt: 'two tests are red' },
          { name: 'ci/lint', state: 'skipped' },
          { name: 'ci/old', state: 'passed' },
        ]),
      );
      expect(await forge.commitStatuses({ repository, sha: baseSha })).toEqual([]);
    });
  });

  describe('a merge', () => {
    it('puts one squash commit on the base, with the head’s very tree', async () => {
      const { merge, number, headSha } = await openOne();
      const outcome = await forge.merge(merge);
      expect(outcome).toMatchObject({ kind: 'merged' });
      expect(await world.repository.history()).toEqual([`T-1: Add a (#${number})`, 'first']);
      const { git, workspace, planned } = world.repository;
      const mergeSha = await workspace.fetchBranch({ repository: planned, branch: 'main' });
      expect(outcome).toEqual({ kind: 'merged', mergeSha });
      await workspace.fetchCommit({ repository: planned, sha: headSha });
      const cwd = await workspace.openMirror(planned);
      const diff = await git.run({ cwd, args: ['diff', '--name-only', mergeSha ?? '', headSha] });
      expect(diff.stdout).toBe('');
    });

    it('answers the same when it is asked again, by others too', async () => {
      const { merge } = await openOne();
      const first = await forge.merge(merge);
      expect(await forge.merge(merge)).toEqual(first);
      expect(await world.process().merge({ ...merge, effectKey: 'of another engine' })).toEqual(first);
      expect(await world.repository.history()).toHaveLength(2);
    });

    it('is found later by others, with the head that was merged, wherever the branch is by then', async () => {
      const { repository, merge, number, headSha } = await openOne();
      expect(await forge.findMerge({ repository, pullRequest: number })).toBeUndefined();
      const outcome = await forge.merge(merge);
      const mergeSha = outcome.kind === 'merged' ? outcome.mergeSha : '';
      const moved = await world.repository.commit({ branch: 'topic', from: 'topic', files: { b: 'b' } });
      const found = () => world.process().findMerge({ repository, pullRequest: number });
      expect(await found()).toEqual({ headSha, mergeSha });
      await forge.deleteBranch({ repository, branch: 'topic', head: moved });
      expect(await found()).toEqual({ headSha, mergeSha });
    });

    it('is none of a pull request that was closed', async () => {
      const { repository, number } = await openOne();
      await forge.closePullRequest({ repository, number });
      expect(await forge.findMerge({ repository, pullRequest: number })).toBeUndefined();
    });

    it('happens once when many ask at the same time', async () => {
      const { merge } = await openOne();
      const asked = [1, 2, 3, 4].map(() => forge.merge(merge).catch(() => undefined));
      const outcomes = await Promise.all(asked);
      expect(outcomes).toContainEqual(expect.objectContaining({ kind: 'merged' }));
      expect(await world.repository.history()).toHaveLength(2);
    });

    it('refuses a head that has moved since it was approved', async () => {
      const { merge } = await openOne();
      const headSha = await world.repository.commit({ branch: 'topic', from: 'topic', files: { a: 'evil' } });
      expect(await forge.merge(merge)).toEqual({ kind: 'head-moved', headSha });
      expect(await world.repository.history()).toEqual(['first']);
    });

    it('is not the merge of another head', async () => {
      const { merge } = await openOne();
      const headSha = await world.repository.commit({
        branch: 'topic',
        from: 'topic',
        files: { a: 'other' },
      });
      expect(await forge.merge({ ...merge, headSha })).toMatchObject({ kind: 'merged' });
      expect(await forge.merge(merge)).toEqual({ kind: 'head-moved', headSha });
      expect(await world.repository.history()).toHaveLength(2);
    });

    it('refuses a base that the head was not tested on', async () => {
      const { merge } = await openOne();
      const baseSha = await world.repository.commit({ branch: 'main', files: { 'b.txt': 'b\n' } });
      expect(await forge.merge(merge)).toEqual({ kind: 'base-moved', baseSha });
      await expect(forge.merge({ ...merge, baseSha })).rejects.toThrow('was not tested on');
      expect(await world.repository.history()).toHaveLength(2);
    });

    it('tells a conflict at once: it is no matter of waiting', async () => {
      const { merge } = await openOne({ 'README.md': 'mine\n' });
      const baseSha = await world.repository.commit({ branch: 'main', files: { 'README.md': 'theirs\n' } });
      expect(await forge.merge(merge)).toEqual({ kind: 'base-moved', baseSha });
      await expect(forge.merge({ ...merge, baseSha })).rejects.toMatchObject({ type: 'Refused' });
      expect(await world.repository.history()).toHaveLength(2);
    });

    it('refuses a pull request that was closed', async () => {
      const { repository, merge, number } = await openOne();
      await forge.closePullRequest({ repository, number });
      expect(await forge.merge(merge)).toEqual({ kind: 'closed' });
      expect(await world.repository.history()).toEqual(['first']);
    });
  });

  describe('a pull request after another of the same branch', () => {
    it('is a new one, where the one before counts as over', async () => {
      const { asked, number: before, merge } = await openOne();
      await forge.merge(merge);
      expect((await forge.findOrOpenPullRequest(asked)).number).toBe(before);
      await world.repository.commit({ branch: 'topic', from: 'topic', files: { again: 'again' } });
      const made = await byMany(world, (driver) => driver.findOrOpenPullRequest({ ...asked, after: before }));
      expect(new Set(made.map(({ number }) => number)).size).toBe(1);
      expect(made[0]?.number).toBeGreaterThan(before);
    });
  });

  describe('branches, tags and releases', () => {
    it('delete a branch at a known head, and leave what somebody else has pushed', async () => {
      const { repository, headSha } = await openOne();
      const other = await world.repository.commit({ branch: 'topic', from: 'topic', files: { b: 'b' } });
      await forge.deleteBranch({ repository, branch: 'topic', head: headSha });
      expect(await forge.branchHead({ repository, branch: 'topic' })).toBe(other);
      await forge.deleteBranch({ repository, branch: 'topic', head: other });
      await forge.deleteBranch({ repository, branch: 'topic', head: other });
      expect(await forge.branchHead({ repository, branch: 'topic' })).toBeUndefined();
    });

    it('make a tag once, and never move it', async () => {
      const { repository, baseSha, headSha } = await openOne();
      const tag = { repository, name: 'v1.0.0', sha: baseSha };
      await byMany(world, (driver) => driver.findOrCreateTag(tag));
      await expect(forge.findOrCreateTag({ ...tag, sha: headSha })).rejects.toThrow(baseSha);
    });

    it('make a release once, where the forge has releases', async (context) => {
      if (!forge.findOrCreateRelease) return context.skip('this forge has none');
      const { repository, baseSha } = await openOne();
      await forge.findOrCreateTag({ repository, name: 'v1.0.0', sha: baseSha });
      const release = { repository, tag: 'v1.0.0', title: 'One', notes: hostileBody };
      const made = await byMany(world, async (driver) => driver.findOrCreateRelease?.(release));
      expect(new Set(made.map((one) => one?.id)).size).toBe(1);
      await expect(forge.findOrCreateRelease({ ...release, tag: 'v2' })).rejects.toThrow('no tag v2');
    });

    it('make a milestone once and close it, where the forge has milestones', async (context) => {
      if (!forge.findOrCreateMilestone) return context.skip('this forge has none');
      const { planned: repository } = world.repository;
      const milestone = { repository, title: 'Core', description: hostileBody };
      await forge.findOrCreateMilestone({ ...milestone, title: 'Core and more' });
      const { id } = await forge.findOrCreateMilestone(milestone);
      await forge.closeMilestone?.({ repository, id });
      await forge.closeMilestone?.({ repository, id });
      const again = await world.process().findOrCreateMilestone?.(milestone);
      expect(again).toEqual({ id, state: 'closed' });
    });
  });
}
