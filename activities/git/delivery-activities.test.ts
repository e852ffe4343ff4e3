import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { builtFolder } from '../../schema/package-root.ts';
import type { Delivery, MilestoneVerdict, RunSessionInput } from '../../workflows/ports.ts';
import { task } from '../../test/support/plans.ts';
import { moment } from '../../test/support/moment.ts';
import { makeRepository, type TestRepository } from '../../test/support/repository.ts';
import { KeyedLock } from '../keyed-lock.ts';
import { createProcesses } from '../processes/supervise.ts';
import { sessionRuns } from '../../test/support/session-runs.ts';
import { createRoom } from '../sessions/room.ts';
import { createSessionActivities } from '../sessions/session-activities.ts';
import { createDeliveryActivities } from './delivery-activities.ts';

function activitiesOn(repository: TestRepository, sessionGigabytes = 1) {
  const { git, paths, workspace } = repository;
  return createDeliveryActivities({
    ...{ git, paths, workspace, taskTurns: new KeyedLock() },
    processes: createProcesses({ runner: join(builtFolder(), 'runner.js') }),
    room: createRoom({ root: paths.root, freeGigabytes: 0, sessionGigabytes, everyMs: 50 }),
  });
}

function run<Input, Output>(step: (input: Input) => Promise<Output>, input: Input): Promise<Output> {
  return new MockActivityEnvironment().run(step, input);
}

it.each([
  { files: { 'src/auth/deep/key.ts': 'a' }, told: { touched: ['src/auth/**'] } },
  { files: { 'id.pem': 'a' }, told: { touched: ['**/*.pem'] } },
  { files: { 'db/old.sql': 'a' }, told: { needsTwo: true } },
  { files: { 'README.md': null }, told: { needsTwo: true } },
  { files: { 'db/deep/old.sql': 'a', 'src/main.ts': 'a' }, told: {} },
])('a delivery says which of the named paths it touches: $files', async ({ files, told }) => {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const headSha = await repository.commit({ branch: 'work', files });
  const delivery = await run(activitiesOn(repository).verifyDelivery, {
    place: { tenant: 'default', mission: 'm', repository: repository.planned, task: 'A', branch: 'work' },
    ...{ sessionId: null, round: 1, checks: [], checksTimeoutSeconds: 1 },
    watched: ['src/auth/**', '**/*.pem'],
    twoPersons: ['db/*.sql', 'README.md'],
  });
  const { baseSha, tree } = delivery.kind === 'delivered' ? delivery : {};
  const common = { kind: 'delivered', headSha, baseSha, tree, commits: 1, touchesJudge: false };
  expect(delivery).toEqual({ ...common, ...told });
});

it('a push that is under way is waited for by the clean-up of its task, and by no other', async () => {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const { git, paths, workspace, planned } = repository;
  const headSha = await repository.commit({ branch: 'work', files: { 'a.txt': 'a\n' } });
  await workspace.fetchBranch({ repository: planned, branch: 'work' });
  const place = { tenant: 'default', mission: 'm', repository: planned };
  const pushing = moment();
  const goOn = moment();
  const slow: typeof workspace = {
    ...workspace,
    async push(of) {
      pushing.come();
      await goOn.came;
      await workspace.push(of);
    },
  };
  const common = {
    paths,
    workspace: slow,
    processes: createProcesses({ runner: '' }),
    taskTurns: new KeyedLock(),
    room: createRoom({ root: paths.root, freeGigabytes: 0, sessionGigabytes: 1 }),
  };
  const { pushBranch } = createDeliveryActivities({ ...common, git });
  const { cleanUp } = createSessionActivities({
    ...common,
    commands: new Map(),
    ...sessionRuns(common),
  });
  const ended: string[] = [];
  const branch = 'mission/m/A';
  const pushed = run(pushBranch, { place: { ...place, task: 'A', branch }, headSha }).then(() =>
    ended.push('push'),
  );
  await pushing.came;
  const cleaned = run(cleanUp, { place: { ...place, task: 'A', branch } }).then(() => ended.push('clean-up'));
  await run(cleanUp, { place: { ...place, task: 'B', branch: 'mission/m/B' } });
  ended.push('another');
  goOn.come();
  await Promise.all([pushed, cleaned]);
  expect(ended).toEqual(['another', 'push', 'clean-up']);
  await access(join(planned.address, 'refs/heads', branch));
});

it('what an author answers to findings is read from the file that its session has written, or told to be no answer', async () => {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const { paths, workspace, planned } = repository;
  const processes = createProcesses({ runner: join(builtFolder(), 'runner.js') });
  const { runSession } = createSessionActivities({
    ...{ paths, workspace, processes, taskTurns: new KeyedLock(), commands: new Map() },
    ...sessionRuns({ paths, processes }),
  });
  const { verifyDelivery } = activitiesOn(repository);
  const place = { tenant: 'default', mission: 'm', task: 'A', branch: 'mission/m/A', repository: planned };
  const sessionId = 'm.A.author.1';
  const answer = { id: 'f-1', answer: 'disputed', because: 'x is never null' };
  const text = [
    'echo a > a.txt && git add --all && git commit --quiet --message Add',
    `echo '${JSON.stringify([answer])}' > "$MISSION_FINDINGS_FILE"`,
  ].join('\n');
  const program = { runtime: 'script' as const, text };
  const session: RunSessionInput = {
    ...{ place, host: 'local', sessionId, launch: 1, timeoutSeconds: 60 },
    ...{ feedback: [], guidance: [], task: { ...task('A'), program } },
  };
  expect(await run(runSession, session)).toMatchObject({ end: 'exited', exitCode: 0 });
  const delivery = { place, sessionId, round: 1, checks: [], checksTimeoutSeconds: 60 };
  const verified = (): Promise<Delivery> => run(verifyDelivery, delivery);
  expect(await verified()).toMatchObject({ kind: 'delivered', answers: [answer] });

  const file = join(paths.session(sessionId), 'findings.json');
  for (const [content, unreadAnswers] of [
    ['mine', 'it is not JSON'],
    ['{"id":"f-1"}', 'Invalid input: expected array, received object'],
    ['[{"id":"f-1","answer":"no","because":"x"}]', /^0\.answer: Invalid option/],
    ['[{"id":"f-1","answer":"fixed"}]', '0.because: Invalid input: expected string, received undefined'],
  ] as const) {
    await writeFile(file, content);
    const told = await verified();
    expect(told).not.toHaveProperty('answers');
    expect('unreadAnswers' in told ? told.unreadAnswers : '').toMatch(unreadAnswers);
  }
});

it('a check that fills the disk is ended and red, with the figure', async () => {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const { planned } = repository;
  const { verifyMilestone } = activitiesOn(repository, 0.01);
  const sha = await repository.commit({ branch: 'main', files: { 'a.txt': 'a\n' } });
  const check = 'head -c 20000000 /dev/zero > "$HOME/wild"; sleep 600';
  const verdict = await run(verifyMilestone, {
    place: { tenant: 'default', mission: 'm', repository: planned },
    ...{ milestone: 'm1', round: 1, sha, checksTimeoutSeconds: 600 },
    checks: ['true', check],
  });
  const why = 'was ended: its clone and its home took 0.02 GiB; 0.01 GiB are the most';
  expect(verdict).toMatchObject({ kind: 'red', message: `the check \`${check}\` ${why}` });
});

it('a milestone is judged by its own checks at the commit of the base, each round anew', async () => {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const { planned, paths } = repository;
  const { verifyMilestone } = activitiesOn(repository);
  const sha = await repository.commit({ branch: 'main', files: { 'a.txt': 'a\n' } });
  await repository.commit({ branch: 'main', files: { 'a.txt': null } });
  const flag = join(paths.root, 'mended');
  const verify = (round: number): Promise<MilestoneVerdict> =>
    run(verifyMilestone, {
      place: { tenant: 'default', mission: 'm', repository: planned },
      ...{ milestone: 'm1', round, sha, checksTimeoutSeconds: 60 },
      checks: ['test -e a.txt', `echo not yet; test -e ${flag}`],
    });

  const red = await verify(1);
  expect(red).toMatchObject({ kind: 'red', excerpt: 'not yet\n' });
  expect(red.kind === 'red' ? red.message : '').toContain(`test -e ${flag}`);
  await writeFile(flag, '');
  expect(await verify(1)).toEqual(red);
  expect(await verify(2)).toEqual({ kind: 'green' });
});
