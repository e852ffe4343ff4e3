import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { FakeRepository } from '../fakes/fake-forge.ts';
import { startFakeGithub, type FakeGithub } from '../fakes/fake-github.ts';
import { useDatabase } from '../support/databases.ts';
import { startKillableEngine } from '../support/engine-process.ts';
import { githubWorld } from '../support/forge-worlds.ts';

const database = useDatabase('PGlite');

/** Paced as an account of GitHub's is: a second between two calls that write. */
const missionMs = 240_000;

/** A check run for each head of a branch: red where there is a file `red`. */
function runChecks(fake: FakeGithub, name: string): void {
  check(fake.repositoryAt(name));
  fake.onPush(check);

  function check(repository: FakeRepository): void {
    const { runs, logs } = fake.extrasOf(repository.name);
    const heads = gitOf(repository, 'for-each-ref', '--format=%(objectname)', 'refs/heads').split('\n');
    for (const sha of heads.filter((head) => !runs.some((run) => run.sha === head))) {
      const isRed = gitOf(repository, 'ls-tree', '--name-only', sha).split('\n').includes('red');
      const job = String(runs.length + 1);
      logs.set(job, 'greeting is missing\nError: 1 test failed\n');
      const details_url = `${fake.url}/${name}/actions/runs/1/job/${job}`;
      const conclusion = isRed ? 'failure' : 'success';
      runs.push({ sha, name: 'test', suite: 1, status: 'completed', conclusion, details_url });
    }
  }
}

function gitOf(repository: FakeRepository, ...args: string[]): string {
  return execFileSync('git', args, { cwd: repository.path, encoding: 'utf8' }).trim();
}

it(
  'a mission on a GitHub is merged by its rules: with check runs, a red one that is mended, and reviews by an account',
  async () => {
    const fake = await startFakeGithub(onTestFinished);
    const world = await githubWorld({ server: fake, queries: database().queries });
    const name = world.path.replace('/repos/', '');
    fake.extrasOf(name).protection = { contexts: ['test'], approvals: 1 };
    runChecks(fake, name);
    const { host } = new URL(fake.url);
    const reviewers = { 'diff-check': 'token-of-reviewer' };
    const at = await startKillableEngine({
      repository: world.repository,
      settings: {
        'engine.yaml': JSON.stringify({ allowPrivateAddresses: true }),
        'forges.yaml': JSON.stringify({ hosts: { [host]: { token: 'token-of-author', reviewers } } }),
      },
      atEnd: onTestFinished,
    });
    const prompt = join(at.work, 'prompt');
    const commit = 'git add --all\ngit commit --quiet --message "$MISSION_TASK $MISSION_LAUNCH"\n';
    await at.startMission({
      key: 'greetings',
      scripts: {
        A: `set -e\necho hi > greeting.txt\n${commit}`,
        B: `set -e
if test "$MISSION_LAUNCH" = 1
then touch red
else
  cp "$MISSION_PROMPT_FILE" '${prompt}'
  git rm --quiet red
fi
echo b > b.txt
${commit}`,
      },
      policy: { requireCi: true },
      milestone: { release: { tag: 'v1.0.0' } },
    });
    const events = await at.follow('greetings');
    expect(events.at(-1)).toMatchObject({ message: 'completed' });

    const { tasks } = await (await at.api()).show('greetings');
    expect(tasks.map(({ id, status }) => `${id} ${status}`)).toEqual(['A merged', 'B merged']);
    const told = await readFile(prompt, 'utf8');
    expect(told).toContain('CI failed: test');
    expect(told).toContain('Error: 1 test failed');

    const left = fake.repositoryAt(name);
    const pulls = left.issues.filter(({ pull }) => pull !== undefined);
    expect(pulls.map(({ title, state }) => `${title} ${state}`).sort()).toEqual([
      'A: Task A closed',
      'B: Task B closed',
    ]);
    const merged = tasks.map(({ mergeSha }) => mergeSha);
    expect(pulls.map(({ pull }) => pull?.mergeSha).sort()).toEqual([...merged].sort());
    expect(gitOf(left, 'rev-list', '--count', 'main')).toBe('3');
    expect(gitOf(left, 'branch', '--format=%(refname:short)')).toBe('main');
    for (const { number, pull } of pulls) {
      const approvals = left.reviews.filter((one) => one.pull === number && one.user.login === 'reviewer');
      expect(approvals.at(-1)).toMatchObject({ state: 'APPROVE', commit_id: pull?.lastHead });
    }
    expect(left.milestones).toEqual([{ number: 1, title: 'All (greetings/m1)', state: 'closed' }]);
    expect(left.releases.map(({ tag_name: tag }) => tag)).toEqual(['v1.0.0']);
  },
  missionMs,
);
