import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { combineContexts, describePending, type CiContext } from '../../../schema/contracts/ci.ts';
import { startFakeWoodpecker, type FakeWoodpecker } from '../../../test/fakes/fake-woodpecker.ts';
import { credentialsOf } from '../../../test/support/forge-worlds.ts';
import { temporaryFolder } from '../../../test/support/temporary.ts';
import { createCredentials, type Credentials } from '../../forge/credentials.ts';
import type { StatusSource } from '../ci.ts';
import { createLooks, type Looks } from '../looks.ts';
import { createPollBudget, pollsPerMinute, type PollBudget } from '../poll-budget.ts';
import { besideWoodpecker } from './woodpecker.ts';

const commit = 'a'.repeat(40);
const repository = {
  id: 'r1',
  forge: 'gitea' as const,
  address: 'https://git.example.org/author/greeter',
  base: 'main',
};

let woodpecker: FakeWoodpecker;
let posted: CiContext[];
let source: StatusSource;
let budget: PollBudget;
let looks: Looks;
beforeEach(async () => {
  budget = createPollBudget({ now: () => 0 });
  looks = createLooks({ budget });
  woodpecker = await startFakeWoodpecker(onTestFinished);
  posted = [];
  source = beside({ url: `${woodpecker.url}/`, token: woodpecker.token });
});

function beside(entry: { url: string; token: string } | undefined): StatusSource {
  const credentials: Credentials = {
    of: async (host) => ({
      ...(await credentialsOf({ token: 't' }).of(host)),
      ...(entry ? { woodpecker: entry } : {}),
    }),
  };
  const forge: StatusSource = {
    commitStatuses: () => Promise.resolve(posted),
    failureLog: ({ context }) => Promise.resolve(`the forge’s log of ${context}`),
    runningPipelines: () => Promise.resolve(['of the forge']),
  };
  return besideWoodpecker({ credentials, statuses: () => forge, looks })(repository);
}

function statuses(): Promise<CiContext[]> {
  return source.commitStatuses({ repository, sha: commit });
}

describe('the pipelines of a Woodpecker', () => {
  it.each([
    { state: 'success', verdict: 'passed' },
    { state: 'skipped', verdict: 'skipped' },
    { state: 'created', verdict: 'pending' },
    { state: 'pending', verdict: 'pending' },
    { state: 'running', verdict: 'pending' },
    { state: 'failure', verdict: 'failed' },
    { state: 'error', verdict: 'failed' },
    { state: 'killed', verdict: 'failed' },
    { state: 'canceled', verdict: 'failed' },
    { state: 'declined', verdict: 'failed' },
    { state: 'of tomorrow', verdict: 'failed' },
  ])('have a context for each workflow: $state is $verdict', async ({ state, verdict }) => {
    woodpecker.add({ commit, status: state, workflows: [{ name: 'test', state }] });
    const contexts = await statuses();
    expect(contexts).toMatchObject([{ name: 'ci/woodpecker/push/test', state: verdict }]);
    expect(combineContexts(contexts)).toBe(verdict);
  });

  it('are bound to their commit, and only those of changes count', async () => {
    const workflows = [{ name: 'test', state: 'failure' }];
    woodpecker.add({ commit: 'b'.repeat(40), status: 'failure', workflows });
    for (const event of ['cron', 'deployment', 'tag', 'manual', 'pull_request_closed', 'release']) {
      woodpecker.add({ commit, event, status: 'failure', workflows });
    }
    expect(await statuses()).toEqual([]);
    woodpecker.add({
      commit,
      event: 'pull_request',
      status: 'running',
      workflows: [{ name: 'test', state: 'running' }],
    });
    expect(await statuses()).toEqual([{ name: 'ci/woodpecker/pr/test', state: 'pending' }]);
  });

  it('are found below many newer ones', async () => {
    woodpecker.add({ commit, status: 'success', workflows: [{ name: 'test', state: 'success' }] });
    for (let index = 0; index < 120; index++) woodpecker.add({ commit: 'b'.repeat(40), status: 'success' });
    expect(await statuses()).toMatchObject([{ state: 'passed' }]);
  });

  it('say more than the statuses that they post: those may be late, or of an earlier run', async () => {
    posted = [
      { name: 'ci/woodpecker/push/test', state: 'failed' },
      { name: 'scan', state: 'passed' },
    ];
    const run = { commit, status: 'failure', workflows: [{ name: 'test', state: 'failure' }] };
    woodpecker.add(run);
    woodpecker.add({ ...run, status: 'running', workflows: [{ name: 'test', state: 'running' }] });
    expect(await statuses()).toEqual([
      { name: 'scan', state: 'passed' },
      { name: 'ci/woodpecker/push/test', state: 'pending' },
    ]);
  });

  it('count the legs of a matrix, as their statuses do', async () => {
    const workflows = [
      { name: 'test', state: 'success' },
      { name: 'test', state: 'failure' },
      { name: 'lint', state: 'success' },
    ];
    woodpecker.add({ commit, status: 'failure', workflows });
    expect((await statuses()).map(({ name, state }) => `${name} ${state}`)).toEqual([
      'ci/woodpecker/push/test/1 passed',
      'ci/woodpecker/push/test/2 failed',
      'ci/woodpecker/push/lint passed',
    ]);
  });

  it('that could not be read, or wait for an approval, say so', async () => {
    const errors = [
      { type: 'linter', message: 'steps: is missing', is_warning: false },
      { type: 'bad_habit', message: 'no event filter', is_warning: true },
    ];
    const number = woodpecker.add({ commit, status: 'error', errors });
    expect(await statuses()).toEqual([
      { name: 'ci/woodpecker/push', state: 'failed', excerpt: 'steps: is missing' },
    ]);
    woodpecker.change(number, { status: 'blocked', errors: [] });
    const contexts = await statuses();
    expect(describePending({ sha: commit, verdict: 'pending', contexts })).toContain(
      'ci/woodpecker/push (an approval in Woodpecker)',
    );
  });

  it('tell of a failure which step it was, and what that has written', async () => {
    const steps = [
      { name: 'clone', state: 'success', log: ['cloning'] },
      { name: 'npm test', state: 'failure', exitCode: 1, log: ['> test', 'not ok 1 – grüßt', '# fail 1'] },
      { name: 'later', state: 'skipped' },
    ];
    woodpecker.add({ commit, status: 'failure', workflows: [{ name: 'test', state: 'failure', steps }] });
    posted = [{ name: 'scan', state: 'failed' }];
    expect(await statuses()).toContainEqual({
      name: 'ci/woodpecker/push/test',
      state: 'failed',
      excerpt: 'step npm test ended with exit code 1',
    });
    const logOf = (context: string) => source.failureLog?.({ repository, sha: commit, context });
    expect(await logOf('ci/woodpecker/push/test')).toBe('> test\nnot ok 1 – grüßt\n# fail 1');
    expect(await logOf('scan')).toBe('the forge’s log of scan');
  });

  it.each([true, false])('that run on a branch are known (with filters: %s)', async (filters) => {
    if (!filters) woodpecker.forgetFilters();
    woodpecker.add({ commit, branch: 'main', status: 'running', message: 'Greet\n\nall' });
    woodpecker.add({ commit, branch: 'main', status: 'blocked' });
    woodpecker.add({ commit, branch: 'main', status: 'success' });
    woodpecker.add({ commit, branch: 'main', event: 'cron', status: 'running' });
    woodpecker.add({ commit, branch: 'topic', status: 'pending' });
    expect(await source.runningPipelines?.({ repository, branch: 'main' })).toEqual([
      'of the forge',
      'Woodpecker 1 (Greet)',
    ]);
  });

  it.each([
    { how: 'fails', says: '503' },
    { how: 'cut', says: 'not understood' },
    { how: 'too-many-requests', says: 'too many requests' },
  ] as const)(
    'are asked again when a call $how: none-yet is never taken from that',
    async ({ how, says }) => {
      woodpecker.add({ commit, status: 'failure', workflows: [{ name: 'test', state: 'failure' }] });
      woodpecker.breakNext(how);
      await expect(statuses()).rejects.toThrow(says);
      woodpecker.breakNext(how);
      await expect(statuses()).rejects.toMatchObject({ type: 'Unavailable', nonRetryable: false });
      expect(await statuses()).toMatchObject([{ state: 'failed' }]);
    },
  );

  it('need a token that Woodpecker knows, and never tell it', async () => {
    source = beside({ url: woodpecker.url, token: 'wrong-token' });
    const refusal = await statuses().then(() => '', String);
    expect(refusal).toContain('does not accept the token');
    expect(refusal).not.toContain('wrong-token');
  });
});

describe('what a Woodpecker is asked', () => {
  /** What a look is given that waits for its turn for ever, unless somebody is in a hurry. */
  function poll() {
    let hurry: () => void = () => undefined;
    const hurried = new Promise<void>((resolve) => (hurry = resolve));
    const looking = { pace: 'poll' as const, hurry: hurried, signal: new AbortController().signal };
    return { looking: { ...looking, read: new Set<string>(), sha: commit }, hurry };
  }

  it('counts in the budget of the repository’s polls, and waits for its turn there', async () => {
    woodpecker.add({ commit, status: 'success', workflows: [{ name: 'test', state: 'success' }] });
    budget.take({ repositoryId: repository.id, requests: pollsPerMinute, pace: 'at-once' });
    const { looking, hurry } = poll();
    const before = budget.delayOf(repository.id);
    const asked = looks.run(looking, statuses);
    await vi.waitUntil(() => budget.delayOf(repository.id) > before);
    expect(woodpecker.calls).toEqual([]);
    hurry();
    expect(await asked).toMatchObject([{ state: 'passed' }]);
  });

  it('is asked once for the logs of many contexts, and once for all commits of a look', async () => {
    const steps = [{ name: 'npm test', state: 'failure', exitCode: 1, log: ['not ok'] }];
    const names = ['test', 'lint', 'scan'];
    const workflows = names.map((name) => ({ name, state: 'failure', steps }));
    woodpecker.add({ commit, status: 'failure', workflows });
    await looks.run(poll().looking, async () => {
      await statuses();
      for (const digit of '12345') await source.commitStatuses({ repository, sha: digit.repeat(40) });
    });
    const contexts = names.map((name) => `ci/woodpecker/push/${name}`);
    await Promise.all(
      contexts.map(async (context) => {
        const log = await source.failureLog?.({ repository, sha: commit, context });
        expect(log).toBe('not ok');
      }),
    );
    const lists = woodpecker.calls.filter((path) => path.endsWith('/pipelines'));
    expect(lists).toHaveLength(1);
    expect(woodpecker.calls.filter((path) => path.includes('/logs/'))).toHaveLength(names.length);
  });
});

describe('a repository without a Woodpecker', () => {
  it.each([
    { name: 'its host has none', of: () => beside(undefined), address: repository.address },
    {
      name: 'the one of its host does not know it',
      of: () => source,
      address: 'https://git.example.org/author/other',
    },
  ])('has what its forge tells: $name', async ({ of, address }) => {
    posted = [{ name: 'scan', state: 'passed' }];
    woodpecker.add({ commit, status: 'failure', workflows: [{ name: 'test', state: 'failure' }] });
    const other = { ...repository, address };
    expect(await of().commitStatuses({ repository: other, sha: commit })).toEqual(posted);
    expect(await of().runningPipelines?.({ repository: other, branch: 'main' })).toEqual(['of the forge']);
  });
});

describe('the entry of a Woodpecker in forges.yaml', () => {
  async function entry(url: string) {
    const path = join(await temporaryFolder(), 'forges.yaml');
    const text = `hosts: {git.example.org: {token: abc, woodpecker: {url: '${url}', token: of-woodpecker}}}`;
    await writeFile(path, text, { mode: 0o600 });
    return createCredentials({ path });
  }

  it('has a secret of its own', async () => {
    const credentials = await entry('https://ci.example.org');
    expect(await credentials.secrets()).toEqual(['abc', 'of-woodpecker']);
    expect(await credentials.of('git.example.org')).toMatchObject({ woodpecker: { token: 'of-woodpecker' } });
  });

  it.each(['http://ci.example.org', 'ci.example.org', 'file:///etc'])('is refused for %s', async (url) => {
    const refusal = (await entry(url)).of('git.example.org');
    await expect(refusal).rejects.toThrow('hosts.git.example.org.woodpecker.url');
    await expect(refusal).rejects.not.toThrow('of-woodpecker');
  });

  it('may be in the clear on a private network', async () => {
    await expect((await entry('http://10.0.0.7:8000')).of('git.example.org')).resolves.toBeDefined();
  });
});
