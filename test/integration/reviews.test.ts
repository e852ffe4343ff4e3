import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reviewRole } from '../../schema/contracts/names.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import { startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { useCodex, type CodexHome } from '../support/stub-codex.ts';
import { makeRepository } from '../support/repository.ts';
import { inCommon, sideBySideMs } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const engines = {
  one: { family: 'openai', runtime: 'codex' },
  two: { family: 'other', runtime: 'codex', model: 'two', tier: 2 },
  guard: { family: 'third', runtime: 'codex' },
  far: { family: 'other', runtime: 'pi' },
};

/** A script that writes something else at each launch. */
function changes(file: string): string {
  return `echo "$MISSION_LAUNCH" > ${file}\ngit add --all\ngit commit --quiet --message 'Change ${file}'\n`;
}

interface World {
  engine: RealEngine;
  codex: CodexHome;
  newRepository: (files: Record<string, string>) => Promise<string>;
}

const readme = { 'README.md': 'hi\n' };

/** One engine for all: each mission has a key of its own, and most of its time it waits. */
const start = inCommon(async (atEnd): Promise<World> => {
  const codex = await useCodex(atEnd);
  const config = () => ({ engines, slots: 20 });
  const engine = await startRealEngine(readme, config, { roots: [tmpdir()] }, undefined, atEnd);
  const newRepository = async (files: Record<string, string>) =>
    (await makeRepository(files, atEnd)).planned.address;
  return { engine, codex, newRepository };
});

/** A mission of one task, on a repository of its own, whose author is a script; reviewers do what its goal says. */
async function begin(
  engine: RealEngine,
  key: string,
  of: { goal: string; policy?: object; script?: string; task?: object; files?: Record<string, string> },
): Promise<void> {
  const { goal, policy = {}, script = changes('a.txt') } = of;
  const reviewers = [{ engine: 'one' }, { engine: 'two' }];
  const repository = { forge: 'local', path: await start().newRepository(of.files ?? readme) };
  const more = { repository, policy: { reviewers, ...policy } };
  const file = await engine.missionFile({ key, scripts: { A: script }, more, task: { goal, ...of.task } });
  await engine.api.create(JSON.stringify(file), 'application/json');
}

async function taskOf(engine: RealEngine, key: string): Promise<TaskView> {
  const [task] = (await engine.api.show(key)).tasks;
  if (!task) throw new Error(`${key} has no task`);
  return task;
}

async function ended(engine: RealEngine, key: string): Promise<TaskView> {
  const events = engine.api.events({ id: key, after: 0 });
  while ((await events.next()).done !== true);
  return taskOf(engine, key);
}

function reviewsBy(task: TaskView, name: string) {
  return task.sessions.filter(({ role }) => role === reviewRole(name));
}

function promptOf(engine: RealEngine, session: string): Promise<string> {
  return readFile(join(engine.root, 'data/sessions', session, 'prompt.md'), 'utf8');
}

describe.concurrent('agents that review', { timeout: sideBySideMs }, () => {
  it('read the change in checkouts of their own; both approve, and what they used is counted', async () => {
    const { engine } = start();
    await begin(engine, 'agree', { goal: 'ONE 1: approve\nTWO 1: show hello, approve' });
    const task = await ended(engine, 'agree');
    expect(task).toMatchObject({ status: 'merged', failures: [] });
    expect(task.reviews.map(({ engine: name, verdict, sha }) => [name, verdict, sha]).sort()).toEqual([
      ['one', 'approve', task.headSha],
      ['two', 'approve', task.headSha],
    ]);
    const [one] = reviewsBy(task, 'one');
    expect(one).toMatchObject({
      runtime: 'codex',
      agent: { outcome: 'no-change', usage: { inputTokens: 1_000 }, version: '0.169.0' },
    });
    const prompt = await promptOf(engine, 'agree.A.review-one.1');
    expect(prompt).toContain('+++ b/a.txt\n@@ -0,0 +1 @@\n+1\n');
    const checkouts = await readdir(join(engine.root, 'data/checkouts'));
    expect(checkouts.filter((name) => name.startsWith('agree.'))).toEqual([]);
  });

  it('that disagree send the change back, with what one of them has found', async () => {
    const { engine } = start();
    const goal = 'ONE 1: object\nTWO 1: approve\nONE 2: approve\nTWO 2: approve';
    await begin(engine, 'disagree', { goal });
    const task = await ended(engine, 'disagree');
    expect(task.failures.map(({ message }) => message)).toEqual(['one asks for changes: not yet']);
    expect(await promptOf(engine, 'disagree.A.author.2')).toContain('README.md:1 it does not greet');
    expect(task).toMatchObject({ status: 'merged' });
    expect(task.reviews).toHaveLength(4);
  });

  it('are answered by their author in a file; one that is no answer is told, and the next is heard', async () => {
    const { engine } = start();
    const goal =
      'ONE 1: object\nONE 2: object\nONE 3: approve\nTWO 1: approve\nTWO 2: approve\nTWO 3: approve';
    const script = `${changes('a.txt')}
id=$(grep -o 'f-[0-9a-f]\\{8\\}' "$MISSION_PROMPT_FILE" | head -n 1)
case "$MISSION_LAUNCH" in
2) echo "$id greets" > "$MISSION_FINDINGS_FILE" ;;
3) printf '[{"id":"%s","answer":"disputed","because":"it greets"}]' "$id" > "$MISSION_FINDINGS_FILE" ;;
esac
`;
    await begin(engine, 'disputes', { goal, script });
    await until(async () => (await taskOf(engine, 'disputes')).questions.length > 0);
    const asking = await taskOf(engine, 'disputes');
    const [finding] = asking.findings;
    expect(finding).toMatchObject({ engine: 'one', state: 'disputed' });
    expect(asking.questions[0]).toMatchObject({ id: `finding-${finding?.id ?? ''}`, kind: 'conflict' });
    expect(asking.questions[0]?.detail).toContain('The author (disputes.A.author.3): it greets');
    const unread = 'what disputes.A.author.2 has answered to findings could not be read: it is not JSON';
    expect(await promptOf(engine, 'disputes.A.author.3')).toContain(unread);
    const notes: string[] = [];
    for await (const event of engine.api.events({ id: 'disputes', after: 0, follow: false })) {
      if (event.type === 'ignored') notes.push(event.message);
    }
    expect(notes).toEqual([unread]);

    const item = `disputes.A.${asking.questions[0]?.id ?? ''}`;
    await engine.api.answerItem({ item, choice: 'drop', note: undefined });
    const task = await ended(engine, 'disputes');
    expect(task.status).toBe('merged');
    expect(task.findings).toMatchObject([{ state: 'dropped' }]);
  });

  it('that lie or answer garbage are asked again in their conversations, and count for nothing until then', async () => {
    const { engine, codex } = start();
    const quoted = '{"verdict":"approve","summary":"said in a tool","findings":[]}';
    const goal = [
      'ONE 1: lie',
      `ONE 2: say ${quoted}, say That is what the diff says.`,
      'ONE 3: approve',
      'ONE 4: approve',
      `TWO 1: show ${quoted}, say I would approve.`,
      'TWO 2: object',
      'TWO 3: approve',
    ].join('\n');
    await begin(engine, 'lie', { goal });
    const task = await ended(engine, 'lie');
    expect(task.status).toBe('merged');
    const [first, second, third] = reviewsBy(task, 'one').map(({ agent }) => agent?.conversation);
    expect(second).toBe(first);
    expect(third).toBe(first);
    const [other] = reviewsBy(task, 'two').map(({ agent }) => agent?.conversation);
    const resumed = [first, other].map((conversation) => `"resume","${conversation ?? ''}"`);
    const launches = await codex.launches();
    expect(launches.filter((args) => resumed.some((words) => args.includes(words)))).toHaveLength(3);
    expect(task.reviews.map(({ engine: name, verdict }) => `${name} ${verdict}`)).toEqual(
      expect.arrayContaining(['two request-changes', 'two approve']),
    );
    // In the conversation what was told before holds: it is not told again.
    const again = await promptOf(engine, 'lie.A.review-one.2');
    expect(again).toContain('an approval with a blocker contradicts itself');
    expect(again).not.toContain('+++ b/a.txt');
    expect(await promptOf(engine, 'lie.A.review-one.3')).toContain('the output is not one JSON object');
    // Of a whole conversation its program tells the totals: each session counts its own part.
    const used = reviewsBy(task, 'one').map(({ agent }) => agent?.usage.inputTokens);
    expect(used.slice(0, 3)).toEqual([1_000, 1_000, 1_000]);
  });

  it('that answer nothing but garbage park the task; a person lets them try again', async () => {
    const { engine } = start();
    const goal = [
      'ONE 1: approve',
      'TWO 1: say LGTM',
      'TWO 2: say LGTM',
      'TWO 3: say LGTM',
      'TWO 4: approve',
    ];
    await begin(engine, 'garbage', { goal: goal.join('\n') });
    await until(async () => (await taskOf(engine, 'garbage')).status === 'blocked');
    const blocked = await taskOf(engine, 'garbage');
    expect(blocked.reason).toBe('no verdict: two: the output is not one JSON object');
    expect(blocked.reviews.map(({ engine: name }) => name)).toEqual(['one']);
    await engine.api.resolve({ id: 'garbage', task: 'A', action: 'retry', guidance: undefined });
    expect(await ended(engine, 'garbage')).toMatchObject({ status: 'merged' });
  });

  it('that hang, edit their checkout or are killed come to no verdict, and read it once more', async () => {
    const { engine } = start();
    const goal = [
      'ONE 1: say hm, hang',
      'ONE 2: edit README.md, approve',
      'ONE 3: approve',
      'TWO 1: die',
      'TWO 2: approve',
    ];
    await begin(engine, 'hang', { goal: goal.join('\n'), policy: { stallSeconds: 10 } });
    const task = await ended(engine, 'hang');
    expect(reviewsBy(task, 'one').map(({ agent }) => agent?.outcome)).toEqual([
      'stalled',
      'done',
      'no-change',
    ]);
    expect(reviewsBy(task, 'two').map(({ agent }) => agent?.outcome)).toEqual(['killed', 'no-change']);
    expect(task.reviews).toHaveLength(2);
    expect(task.status).toBe('merged');
  });

  it('that add a file come to no verdict either; what git ignores is nobody’s change', async () => {
    const { engine } = start();
    const files = { ...readme, '.gitignore': '*.log\n' };
    const goal = [
      ...['ONE 1: edit notes.md, approve', 'ONE 2: leave mine.txt, approve'],
      ...['ONE 3: edit README.md, approve', 'ONE 4: edit run.log, approve'],
      'TWO 1: edit run.log, approve',
    ];
    await begin(engine, 'added', { goal: goal.join('\n'), files });
    await until(async () => (await taskOf(engine, 'added')).status === 'blocked');
    const blocked = await taskOf(engine, 'added');
    expect(blocked.reason).toBe('no verdict: one changed its checkout: README.md');
    expect(blocked.reviews.map(({ engine: name }) => name)).toEqual(['two']);
    await engine.api.resolve({ id: 'added', task: 'A', action: 'retry', guidance: undefined });
    const task = await ended(engine, 'added');
    expect(task).toMatchObject({ status: 'merged', failures: [] });
    expect(reviewsBy(task, 'one')).toHaveLength(4);
  });

  it('whose quota is closed are waited for as often as that is, and one that is not logged in waits for a person', async () => {
    const { engine } = start();
    const goal = ['ONE 1: shut', 'ONE 2: shut', 'ONE 3: shut', 'ONE 4: approve'];
    const other = ['TWO 1: approve'];
    await begin(engine, 'quota', { goal: [...goal, ...other].join('\n') });
    await until(async () => (await taskOf(engine, 'quota')).waits?.for === 'quota');
    expect((await taskOf(engine, 'quota')).waits?.on).toMatch(
      /^one: the quota of codex on \S+, not before 2/,
    );
    const task = await ended(engine, 'quota');
    expect(reviewsBy(task, 'one').map(({ agent }) => agent?.outcome)).toEqual([
      ...['rate-limited', 'rate-limited', 'rate-limited'],
      'no-change',
    ]);
    expect(task).toMatchObject({ status: 'merged', failures: [] });

    await begin(engine, 'login', {
      goal: 'ONE 1: fail unexpected status 401 Unauthorized\nONE 2: approve\nTWO 1: approve',
    });
    await until(async () => (await taskOf(engine, 'login')).status === 'blocked');
    expect((await taskOf(engine, 'login')).reason).toContain('one: codex is not logged in on');
    await engine.api.resolve({ id: 'login', task: 'A', action: 'retry', guidance: undefined });
    expect(await ended(engine, 'login')).toMatchObject({ status: 'merged' });
  });
});

describe('an account with one seat', () => {
  it('has one session at a time, author’s or reviewer’s, and none before the quota that a reviewer found closed opens', async () => {
    await useCodex();
    const roster = JSON.stringify({ version: 1, accounts: [{ name: 'codex', sessions: 1 }] });
    const engine = await startRealEngine(readme, () => ({ engines }), { roots: [tmpdir()] }, roster);
    const goal = [
      'AT 1: commit a.txt',
      ...['ONE 1: shut', 'ONE 2: shut', 'ONE 3: approve'],
      ...['TWO 1: shut', 'TWO 2: approve', 'TWO 3: approve'],
    ];
    await begin(engine, 'seat', { goal: goal.join('\n'), task: { runtime: 'codex', script: undefined } });
    const task = await ended(engine, 'seat');
    expect(task).toMatchObject({ status: 'merged', failures: [] });
    const sessions = [...task.sessions].sort((one, other) => one.startedAt - other.startedAt);
    expect(sessions.map(({ account }) => account)).toEqual(sessions.map(() => 'codex'));
    for (const [index, { endedAt, closedUntil = 0 }] of sessions.slice(0, -1).entries()) {
      expect(sessions[index + 1]?.startedAt).toBeGreaterThanOrEqual(Math.max(endedAt, closedUntil));
    }
    expect(sessions.filter(({ closedUntil }) => closedUntil !== undefined).length).toBeGreaterThan(1);
    expect(task.waited.map(({ on }) => on)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(?:one|two): one of the 1 seats of the account codex/),
      ]),
    );
  });
});

describe.concurrent('a security reviewer', { timeout: sideBySideMs }, () => {
  const reviewers = [
    { engine: 'one' },
    { engine: 'two' },
    { engine: 'guard', role: 'security', paths: ['src/auth/**'], labels: ['risky'] },
  ];
  const all = 'ONE 1: approve\nTWO 1: approve\nONE 2: approve\nTWO 2: approve';

  it('comes where the change touches its paths; without its approval nothing is merged', async () => {
    const { engine } = start();
    const script = `mkdir -p src/auth\n${changes('src/auth/login.js')}`;
    const goal = `${all}\nGUARD 1: object\nGUARD 2: approve`;
    await begin(engine, 'paths', { goal, script, policy: { reviewers } });
    const task = await ended(engine, 'paths');
    expect(task).toMatchObject({
      status: 'merged',
      failures: [{ message: 'guard asks for changes: not yet' }],
    });
    expect(await promptOf(engine, 'paths.A.review-guard.1')).toContain('You are the security reviewer');
    expect(await promptOf(engine, 'paths.A.review-one.1')).not.toContain('security');
  });

  it('comes where the task has its label, which no host needs to have, and otherwise not', async () => {
    const { engine } = start();
    await begin(engine, 'label', {
      goal: `${all}\nGUARD 1: approve`,
      policy: { reviewers },
      task: { labels: ['risky'] },
    });
    expect((await ended(engine, 'label')).reviews).toHaveLength(3);
    await begin(engine, 'plain', { goal: all, policy: { reviewers } });
    expect((await ended(engine, 'plain')).reviews.map(({ engine: name }) => name).sort()).toEqual([
      'one',
      'two',
    ]);
  });
});

describe('reviewers are refused at the door', () => {
  it('who are not here, or too weak, or of the families of all who may write', async () => {
    const { engine } = start();
    const refused = (policy: object, task: object = {}) =>
      expect(begin(engine, 'no', { goal: 'x', policy, task })).rejects;
    await refused({ reviewers: [{ engine: 'one' }, { engine: 'claude' }] }).toThrow(
      /the engine claude is claude, which is not on this host/,
    );
    await refused({ reviewerTier: 2 }).toThrow(/the engine one has no tier, and reviewerTier asks for 2/);
    await refused({ fallback: ['pi'] }, { runtime: 'codex', script: undefined }).toThrow(
      /A may be written by openai and other, and so are all who read it \(openai, other\)/,
    );
  });
});
