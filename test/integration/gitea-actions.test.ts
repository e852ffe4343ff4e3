import { beforeEach, describe, expect, it } from 'vitest';
import { createStatusCi } from '../../activities/ci/status-ci.ts';
import type { Forge } from '../../activities/forge/forge.ts';
import { createScrub } from '../../activities/scrub.ts';
import { registerRunner, type ActionsRunner } from '../support/actions-runner.ts';
import { useDatabase } from '../support/databases.ts';
import { giteaWorld, type RestWorld } from '../support/forge-worlds.ts';
import { useGitea } from '../support/gitea.ts';
import { until } from '../support/until.ts';

const database = useDatabase('PGlite');
const gitea = useGitea();

const workflow = `name: CI
on: {push: {paths-ignore: ['docs/**']}}
jobs:
  test: {runs-on: ubuntu-latest, steps: [{run: npm test}]}
`;

let world: RestWorld;
let forge: Forge;
let runner: ActionsRunner;
beforeEach(async () => {
  world = await giteaWorld({ server: gitea(), queries: database().queries });
  forge = world.process();
  runner = await registerRunner(gitea(), world.path);
});

describe('the Actions of a real Gitea', () => {
  async function push(branch: string) {
    const { planned } = world.repository;
    const sha = await world.repository.commit({ branch, files: { '.gitea/workflows/test.yaml': workflow } });
    const { git, workspace } = world.repository;
    const ci = createStatusCi({ forges: () => forge, git, workspace, scrub: createScrub({}) });
    const look = () => ci.look({ repository: planned, sha, stepsAt: sha });
    const explained = async () => ci.explain?.({ repository: planned, report: await look(), stepsAt: sha });
    return { sha, look, explained };
  }

  it('tell of a job that failed what its log says', async () => {
    const { look, explained } = await push('topic');
    const job = await runner.takeJob();
    await until(async () => (await look()).verdict === 'pending');
    await job.end({ passed: false, log: ['npm test', 'not ok 1 - greets', '##[error]exit code 1'] });
    await until(async () => (await look()).verdict === 'failed');
    const context = (await explained())?.contexts[0];
    expect(context?.name).toBe('CI / test (push)');
    expect(context?.excerpt).toMatch(
      /^Failing after .*\nnpm test\nnot ok 1 - greets\n##\[error\]exit code 1$/,
    );
  });

  it('tell what runs on a branch, until it has ended', async () => {
    const { planned: repository } = world.repository;
    const { look } = await push('main');
    await until(
      async () => ((await forge.runningPipelines?.({ repository, branch: 'main' })) ?? []).length === 1,
    );
    expect(await forge.runningPipelines?.({ repository, branch: 'main' })).toEqual([
      expect.stringContaining('test.yaml'),
    ]);
    expect(await forge.runningPipelines?.({ repository, branch: 'topic' })).toEqual([]);
    await (await runner.takeJob()).end({ passed: true, log: ['ok'] });
    await until(async () => (await look()).verdict === 'passed');
    expect(await forge.runningPipelines?.({ repository, branch: 'main' })).toEqual([]);
  });

  it('have no log of a status that somebody else has posted', async () => {
    const { planned: repository } = world.repository;
    const { sha } = await push('topic');
    await world.postStatuses({ sha, contexts: [{ name: 'bb/test', state: 'failed' }] });
    expect(await forge.failureLog?.({ repository, sha, context: 'bb/test' })).toBeUndefined();
  });
});
