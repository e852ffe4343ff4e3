import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createCredentials, type Credentials } from '../../activities/forge/credentials.ts';
import type { Forge } from '../../activities/forge/forge.ts';
import { createGiteaAccess } from '../../activities/forge/gitea/access.ts';
import { keyOf } from '../../activities/forge/compose-review.ts';
import { giteaDialect } from '../../activities/forge/gitea/dialect.ts';
import { findForgeRepository } from '../../activities/forge/rest/find-repository.ts';
import type { Review } from '../../schema/contracts/review.ts';
import { useDatabase } from '../support/databases.ts';
import { describeForge } from '../support/forge-conformance.ts';
import { credentialsOf, giteaWorld, openPullRequest, type RestWorld } from '../support/forge-worlds.ts';
import { describeThreads } from '../support/forge-threads.ts';
import { useGitea } from '../support/gitea.ts';
import { temporaryFolder } from '../support/temporary.ts';

const database = useDatabase('PGlite');
const gitea = useGitea();

describe('a real Gitea', () => {
  describeForge(() => giteaWorld({ server: gitea(), queries: database().queries }));
});

describe('what only Gitea has', () => {
  let world: RestWorld;
  let forge: Forge;
  beforeEach(async () => {
    world = await giteaWorld({ server: gitea(), queries: database().queries });
    forge = world.process();
  });

  function call(method: string, path: string, body?: unknown): Promise<unknown> {
    return gitea().call({ as: gitea().author, method, path: `${world.path}${path}`, body });
  }

  function approvalOf(sha: string): Review {
    return { engine: 'diff-check', sha, verdict: 'approve', summary: 'good', findings: [] };
  }

  async function reviews(pullRequest: number) {
    const Reviews = z.array(
      z.object({ id: z.int(), state: z.string(), user: z.object({ login: z.string() }) }),
    );
    const found = Reviews.parse(await call('GET', `/pulls/${pullRequest}/reviews`));
    return found.map(({ id, state, user: { login } }) => ({ id, state, login }));
  }

  it('reviews as the engine’s own account, and in a comment where it has none', async () => {
    const { merge } = await openPullRequest({ world, forge });
    const { repository, pullRequest, headSha } = merge;
    const review = approvalOf(headSha);
    await forge.postReview({ repository, pullRequest, review });
    await forge.postReview({ repository, pullRequest, review: { ...review, engine: 'test-check' } });
    expect(await reviews(pullRequest)).toMatchObject([
      { state: 'APPROVED', login: 'reviewer' },
      { state: 'COMMENT', login: 'author' },
    ]);
  });

  it('posts an approval again that the forge has dismissed', async () => {
    const { merge } = await openPullRequest({ world, forge });
    const { repository, pullRequest, headSha } = merge;
    const review = approvalOf(headSha);
    const posting = { repository, pullRequest, review };
    await forge.postReview(posting);
    const [first] = await reviews(pullRequest);
    await call('POST', `/pulls/${pullRequest}/reviews/${first?.id ?? 0}/dismissals`, { message: 'no' });
    await forge.postReview(posting);
    await forge.postReview(posting);
    expect(await reviews(pullRequest)).toHaveLength(2);
  });

  describeThreads(async () => ({
    world,
    async resolvers(pullRequest) {
      const Comments = z.array(z.object({ resolver: z.object({ login: z.string() }).nullable() }));
      const all = await reviews(pullRequest);
      const found = await Promise.all(
        all.map(({ id }) => call('GET', `/pulls/${pullRequest}/reviews/${id}/comments`)),
      );
      return found.flatMap((one) => Comments.parse(one)).map(({ resolver }) => resolver?.login ?? null);
    },
  }));

  it('goes on with the comments of a review that died before it was posted', async () => {
    const { merge } = await openPullRequest({ world, forge, files: { a: 'a\n' } });
    const { repository, pullRequest, headSha: sha } = merge;
    const nit = { severity: 'nit' as const, category: 'style', file: 'a', line: 1, message: 'why?' };
    const review = {
      engine: 'diff-check',
      sha,
      verdict: 'approve' as const,
      summary: 'good',
      findings: [nit],
    };
    // As Gitea has it while it works on a request, and for ever when that breaks off.
    const body = `why?\n\n<!-- finding:diff-check:${keyOf('diff-check', nit)} -->`;
    const { reviewers } = gitea();
    await gitea().call({
      as: reviewers['diff-check'] ?? gitea().author,
      method: 'POST',
      path: `${world.path}/pulls/${pullRequest}/reviews`,
      body: {
        event: 'PENDING',
        commit_id: sha,
        body: 'a draft',
        comments: [{ path: 'a', new_position: 1, body }],
      },
    });
    await forge.postReview({ repository, pullRequest, review });
    expect(await reviews(pullRequest)).toMatchObject([{ state: 'APPROVED', login: 'reviewer' }]);
    expect(await world.comments(pullRequest)).toHaveLength(1);
  });

  it('never reviews as the author, whatever the tokens are called', async () => {
    const { merge } = await openPullRequest({ world, forge });
    const { repository, pullRequest, headSha } = merge;
    const review = approvalOf(headSha);
    const { token } = gitea().author;
    const mistaken = credentialsOf({ token, reviewers: { 'diff-check': token } });
    const posting = { repository, pullRequest, review };
    await expect(world.process(mistaken).postReview(posting)).rejects.toThrow('would review as author');
    expect(await reviews(pullRequest)).toEqual([]);
  });

  it('merges into a protected branch only when the forge lets it, and says why not', async () => {
    const { merge } = await openPullRequest({ world, forge });
    const { repository, pullRequest, headSha } = merge;
    await call('POST', '/branch_protections', {
      rule_name: 'main',
      enable_status_check: true,
      status_check_contexts: ['ci/*'],
      required_approvals: 1,
    });
    expect(await forge.branchProtection?.({ repository, branch: 'main' })).toEqual({
      requiredContexts: ['ci/*'],
      requiredApprovals: 1,
    });
    expect(await forge.branchProtection?.({ repository, branch: 'topic' })).toBeUndefined();
    await expect(forge.merge(merge)).rejects.toThrow('status checks');
    await world.postStatuses({ sha: headSha, contexts: [{ name: 'ci/test', state: 'passed' }] });
    await expect(forge.merge(merge)).rejects.toThrow('approvals');
    await forge.postReview({ repository, pullRequest, review: approvalOf(headSha) });
    expect(await forge.merge(merge)).toMatchObject({ kind: 'merged' });
  });

  it('leaves no token where an agent or anybody else could read it', async () => {
    const { git, workspace, planned } = world.repository;
    const { token } = gitea().author;
    const clone = join(await temporaryFolder(), 'clone');
    await workspace.prepareClone({
      repository: planned,
      clone,
      branch: 'topic',
      name: 's1',
      keepUncommitted: false,
    });
    const mirror = await workspace.openMirror(planned);
    for (const cwd of [mirror, clone]) {
      const { stdout } = await git.run({ cwd, args: ['config', '--list'] });
      expect(stdout).not.toContain(token);
      expect(stdout.toLowerCase()).not.toContain('extraheader');
    }
    expect(await readFile(join(clone, '.git', 'config'), 'utf8')).not.toContain('127.0.0.1');
  });

  describe('at the door', () => {
    async function find(
      url: string,
      more: { base?: string; credentials?: Credentials; open?: boolean } = {},
    ) {
      const { base = 'main', credentials = world.credentials, open = true } = more;
      const access = createGiteaAccess({ credentials });
      return findForgeRepository({ access, dialect: giteaDialect, url, base, privateAddresses: open });
    }

    async function refusalOf(...of: Parameters<typeof find>): Promise<string> {
      const found = await find(...of);
      if (found.kind === 'found') throw new Error('it was found');
      return `${found.at}: ${found.reason}`;
    }

    it('finds a repository by any of its names', async () => {
      const { address } = world.repository.planned;
      for (const url of [address, `${address}.git`, `${address}/`, address.replace('/author/', '/Author/')]) {
        expect(await find(url)).toEqual({ kind: 'found', address });
      }
    });

    it('says what is missing, and where', async () => {
      const { address } = world.repository.planned;
      expect(await refusalOf(`${address}-not`)).toMatch(/^url: .*no such repository/);
      expect(await refusalOf(address, { base: 'nope' })).toMatch(/^base: .*no branch nope/);
      expect(await refusalOf(address, { open: false })).toMatch(/private address/);
    });

    it('names the host of a token that is wrong or missing, the hosts that are known, and the remedy', async () => {
      const { address } = world.repository.planned;
      const { host } = new URL(address);
      const path = join(await temporaryFolder(), 'forges.yaml');
      const credentials = createCredentials({ path });
      expect(await refusalOf(address, { credentials })).toContain(
        `there is no ${path}, so no token for ${host}`,
      );
      await writeFile(path, 'hosts: {git.example.org: {token: abc}}\n', { mode: 0o600 });
      expect(await refusalOf(address, { credentials })).toContain(
        `${path} has no token for ${host} (it has git.example.org)`,
      );
      await writeFile(path, `hosts: {'${host}': {token: this-is-wrong}}\n`);
      const wrong = await refusalOf(address, { credentials });
      expect(wrong).toContain(`${host} does not accept the token that the engine has for it: renew it`);
      expect(wrong).not.toContain('this-is-wrong');
      await chmod(path, 0o644);
      expect(await refusalOf(address, { credentials })).toContain(`chmod 600 ${path}`);
    });
  });
});
