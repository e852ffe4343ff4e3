import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { makeRepository, type TestRepository } from '../support/repository.ts';
import { inCommon } from '../support/temporary.ts';
import { until } from '../support/until.ts';

interface Place {
  engine: RealEngine;
  repository: TestRepository;
}

/** One engine for all but those that set it up otherwise. */
const common = inCommon(async (atEnd) => {
  const options = { roots: [tmpdir()] };
  return startRealEngine({ 'README.md': 'hi\n' }, undefined, options, undefined, atEnd);
});

/** With a repository of its own. */
async function start(files: Record<string, string>): Promise<Place> {
  return { engine: common(), repository: await makeRepository(files) };
}

function fileOf(
  { engine, repository }: Place,
  of: { key: string; scripts: Record<string, string>; task?: object },
): Promise<object> {
  const { forge, address: path } = repository.planned;
  return engine.missionFile({ ...of, more: { repository: { forge, path } } });
}

/** Runs a mission of script tasks to its end; answers its story. */
async function run(
  at: Place,
  key: string,
  of: { scripts: Record<string, string>; task?: object },
): Promise<MissionEvent[]> {
  const { engine } = at;
  const file = await fileOf(at, { key, ...of });
  await engine.api.create(JSON.stringify(file), 'application/json');
  const events: MissionEvent[] = [];
  for await (const event of engine.api.events({ id: key, after: 0 })) events.push(event);
  return events;
}

const pipeline = 'version: 1\nignorePaths: [docs/]\nsteps:\n  - {name: test, run: test -e tested.txt}\n';

describe('the gates on real git and real processes', () => {
  it('send a red pipeline back with its log, and pass when it is green', async () => {
    const at = await start({
      '.mission/ci.yaml': pipeline.replace('test -e tested.txt', 'cat README.md; test -e tested.txt'),
      'README.md': 'words of the log\n',
      'tested.txt': '',
    });
    const script = `if grep -q 'words of the log' "$MISSION_PROMPT_FILE"; then
  touch tested.txt
else
  git rm --quiet tested.txt
fi
${commits('b.txt', '$MISSION_LAUNCH')}`;
    const events = await run(at, 'ci', { scripts: { A: script } });

    expect(events.filter(({ type }) => type === 'sent-back').map(({ message }) => message)).toEqual([
      'CI failed: ci/test',
    ]);
    const { tasks } = await at.engine.api.show('ci');
    expect(tasks[0]).toMatchObject({ status: 'merged', ci: 'passed', mergeCi: 'passed' });
  });

  it('tell a change that the pipeline leaves out from one that passed', async () => {
    const at = await start({ '.mission/ci.yaml': pipeline, 'tested.txt': '' });
    await run(at, 'docs', { scripts: { A: `mkdir docs\n${commits('docs/a.txt')}` } });
    const { tasks } = await at.engine.api.show('docs');
    expect(tasks[0]).toMatchObject({ status: 'merged', ci: 'skipped', mergeCi: 'skipped' });
  });

  it('judge a change of the pipeline by the pipeline of the base, and ask a person', async () => {
    const at = await start({ '.mission/ci.yaml': pipeline, 'tested.txt': '' });
    const script = `if grep -q 'CI failed' "$MISSION_PROMPT_FILE"; then
  touch tested.txt
else
  git rm --quiet tested.txt
  printf 'version: 1\\nsteps: [{name: easy, run: "true"}]\\n' > .mission/ci.yaml
fi
${commits('b.txt', '$MISSION_LAUNCH')}`;
    const file = await fileOf(at, { key: 'judge', scripts: { A: script } });
    await at.engine.api.create(JSON.stringify(file), 'application/json');
    await until(async () => (await at.engine.api.show('judge')).tasks[0]?.gate === 'go-ahead');

    const waiting = (await at.engine.api.show('judge')).tasks[0];
    expect(waiting?.failures.map(({ message }) => message)).toEqual(['CI failed: ci/test']);
    expect(waiting?.waits?.for).toBe('person');
    await at.engine.api.goAhead({ id: 'judge', task: 'A', headSha: waiting?.headSha ?? '' });
    await until(async () => (await at.engine.api.show('judge')).tasks[0]?.status === 'merged');
  });

  it('do not deliver what is not committed, nor what fails its checks', async () => {
    const at = await start({ 'README.md': 'hi\n' });
    const script = `case $MISSION_LAUNCH in
1) echo left > lying.txt ;;
2) ${commits('a.txt')} ;;
3) ${commits('good.txt')} ;;
esac`;
    const events = await run(at, 'delivery', {
      scripts: { A: script },
      task: { checks: ['test -e good.txt', 'git diff --quiet'] },
    });

    const back = events.filter(({ type }) => type === 'sent-back').map(({ message }) => message);
    expect(back).toEqual([
      'the session ended with changes that it had not committed',
      'the check `test -e good.txt` ended with exit code 1',
    ]);
    expect((await at.engine.api.show('delivery')).tasks[0]).toMatchObject({ status: 'merged' });
  });

  it('tell apart what is no delivery, say which it was, and lose none of its commits', async () => {
    const at = await start({ 'README.md': 'hi\n' });
    const branch = 'mission/claims/A';
    const script = `case $MISSION_LAUNCH in
1) git checkout --quiet -b mine ; ${commits('a.txt')} ;;
2) git checkout --quiet --detach ; ${commits('b.txt')} ;;
3) git merge --quiet mine ; ${commits('elsewhere.txt')} ;;
4) git reset --quiet --hard HEAD~ ; git push --quiet ${at.repository.planned.address} HEAD:refs/heads/${branch} ;;
5) ${commits('a.txt', 'again')} ;;
esac`;
    const events = await run(at, 'claims', {
      scripts: { A: script },
      task: { paths: ['a.txt', 'src/'] },
    });

    const back = events.filter(({ type }) => type === 'sent-back').map(({ message }) => message);
    expect(back).toEqual([
      `the session has committed on mine: bring that to ${branch}`,
      expect.stringMatching(/^the session has committed [0-9a-f]{40} on no branch: bring it to/),
      'the change touches what it may not (only a.txt, src/): elsewhere.txt',
      expect.stringMatching(
        new RegExp(`^the session has pushed [0-9a-f]{40} to ${branch}: the engine pushes`),
      ),
    ]);
    expect((await at.engine.api.show('claims')).tasks[0]).toMatchObject({ status: 'merged' });
    expect(await at.repository.history()).toEqual(['A: Task A (#2)', 'first']);
  });

  it('give a command that the operator has allowed its prompt on standard input, and none of our secrets', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, (root) => ({
      commands: { author: ['sh', join(root, 'author.sh')] },
    }));
    const author = `cat > prompt.txt\nenv > environment.txt\ngit add --all\ngit commit --quiet --message 'Both'\n`;
    await writeFile(join(engine.root, 'author.sh'), author);
    process.env['MISSION_TOKEN'] = 'a secret of the engine';
    const file = {
      version: 1,
      key: 'command',
      title: 'A command',
      repository: { forge: 'local', path: engine.repository.planned.address },
      milestones: [
        {
          id: 'm1',
          title: 'One',
          tasks: [{ id: 'A', title: 'A', goal: 'Be told.', runtime: 'command', command: 'author' }],
        },
      ],
    };
    await engine.api.create(JSON.stringify(file), 'application/json');
    for await (const event of engine.api.events({ id: 'command', after: 0 }))
      expect(event.type).not.toBe('blocked');
    delete process.env['MISSION_TOKEN'];

    const { git, planned } = engine.repository;
    const show = async (name: string) =>
      (await git.run({ cwd: planned.address, args: ['show', `main:${name}`] })).stdout;
    expect(await show('prompt.txt')).toContain('Be told.');
    expect(await show('environment.txt')).not.toContain('secret');
  });

  it('take "no change needed" with its reason, whatever bytes that has', async () => {
    const at = await start({ 'README.md': 'hi\n' });
    const script = `printf '{"outcome":"no-change-needed","reason":"it is \\\\u0000 \\\\ud800 there"}' > "$MISSION_OUTCOME_FILE"\n`;
    await run(at, 'same', { scripts: { A: script } });
    const { tasks } = await at.engine.api.show('same');
    expect(tasks[0]).toMatchObject({ status: 'no-change', reason: 'it is \uFFFD \uFFFD there' });
    expect(await at.repository.history()).toEqual(['first']);
  });

  it('leave nothing behind but records', async () => {
    const at = await start({ 'README.md': 'hi\n' });
    await run(at, 'tidy', { scripts: { A: commits('a.txt') }, task: { checks: ['test -e a.txt'] } });
    const data = join(at.engine.root, 'data');
    const { git, planned } = at.repository;
    const refs = await git.run({ cwd: planned.address, args: ['for-each-ref', '--format=%(refname)'] });
    expect(refs.stdout).toBe('refs/heads/main');
    expect(await readdir(join(data, 'work/tidy'))).toEqual([]);
    expect(await readdir(join(data, 'checkouts'))).toEqual([]);
    expect(await readFile(join(data, 'sessions/tidy.A.author.1/prompt.md'), 'utf8')).toContain('Do it.');
  });
});
