import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exists, removeTree } from '../../activities/files.ts';
import { processesOfRun } from '../../activities/processes/tree.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';
import { temporaryFolder } from '../support/temporary.ts';

interface Hostility {
  task: string;
  name: string;
  /** What its first session does; every later one delivers. */
  script: string;
  /** What the task is told of the first, with `$S` for its session. */
  failures: string[];
  checks?: string[];
}

const binaryCheck = `test -e whole-binary.txt || { printf 'half \\000 \\377\\376 \\355\\240\\200 end'; exit 1; }`;

/** Nothing is closed to root. */
const isRoot = process.getuid?.() === 0;

/** `$NOTES` is a folder outside the clone. */
const hostilities: Hostility[] = [
  {
    task: 'endless',
    name: 'never ends',
    script: 'while :; do sleep 1; done',
    failures: ['session $S ended with timed-out'],
  },
  {
    task: 'flood',
    name: 'floods its output',
    script: 'yes',
    failures: ['session $S ended with flooded'],
  },
  {
    task: 'binary',
    name: 'writes binary output, itself and in its check',
    script: `head -c 4096 /dev/urandom; head -c 4096 /dev/urandom >&2; ${commits('binary.txt')}`,
    checks: [binaryCheck],
    failures: [`the check \`${binaryCheck}\` ended with exit code 1`],
  },
  {
    task: 'noisy',
    name: 'fills the output of its check',
    script: commits('noisy.txt'),
    checks: ['test -e whole-noisy.txt || yes'],
    failures: ['the check `test -e whole-noisy.txt || yes` flooded'],
  },
  {
    task: 'daemon',
    name: 'leaves daemons that write into its clone',
    script: `(setsid sh -c 'sleep 1; while :; do echo late > late.txt; git add --all; git commit -qm late; done' &)
setsid sh -c '(setsid sh -c "sleep 1; echo late > \\"$NOTES/late\\"" &)'
${commits('daemon.txt')}`,
    failures: [],
  },
  {
    task: 'gone',
    name: 'deletes its clone',
    script: `${commits('gone.txt')} rm -rf "$PWD"`,
    failures: ["the branch mission/hostile/gone is gone from the task's clone, or can't be read there"],
  },
  {
    task: 'link',
    name: 'replaces its .git by a link to nowhere',
    script: 'rm -rf .git; ln -s /nonexistent .git',
    failures: ["the branch mission/hostile/link is gone from the task's clone, or can't be read there"],
  },
  {
    task: 'config',
    name: 'gives its clone settings that start programs',
    script: `printf '#!/bin/sh\\ntouch "$NOTES/ran"\\ncat\\n' > .git/evil
chmod +x .git/evil
evil="$PWD/.git/evil"
mkdir -p .git/hooks
for hook in post-checkout pre-push reference-transaction post-index-change; do cp .git/evil .git/hooks/$hook; done
git config core.fsmonitor "$evil"
git config core.sshCommand "$evil"
git config uploadpack.packObjectsHook "$evil"
git config filter.evil.clean "$evil"
git config filter.evil.smudge "$evil"
git config diff.external "$evil"
git config credential.helper "!$evil"
git config protocol.ext.allow always
git config remote.origin.url "ext::$evil"
git config remote.origin.promisor true
git config extensions.partialClone origin
printf '* filter=evil\\n' > .gitattributes
echo changed >> README.md`,
    failures: ['the session ended with changes that it had not committed'],
  },
  {
    task: 'missing',
    name: 'names a commit that its clone lacks, and a program to fetch it with',
    script: `printf '#!/bin/sh\\ntouch "$NOTES/ran"\\n' > .git/evil
chmod +x .git/evil
git config protocol.ext.allow always
git config remote.origin.url "ext::$PWD/.git/evil"
git config remote.origin.promisor true
git config extensions.partialClone origin
rm -rf .git/packed-refs .git/refs/heads/mission
mkdir -p .git/refs/heads/mission/hostile
echo 1234567890123456789012345678901234567890 > .git/refs/heads/mission/hostile/missing`,
    failures: ["the branch mission/hostile/missing is gone from the task's clone, or can't be read there"],
  },
  {
    task: 'folder',
    name: 'removes the folder of its session',
    script: `rm -rf "$(dirname "$MISSION_PROMPT_FILE")"; sleep 300`,
    failures: ['session $S ended with lost'],
  },
  {
    task: 'claim',
    name: 'removes what says that its session runs',
    script: `rm -f "$(dirname "$MISSION_PROMPT_FILE")/runner.json"; ${commits('claim.txt')}`,
    failures: [],
  },
  {
    task: 'parent',
    name: 'kills its parent',
    script: 'kill -9 $PPID; sleep 300',
    failures: ['session $S ended with lost'],
  },
  {
    task: 'closed',
    name: 'closes everything to its own user',
    script: `${commits('closed.txt')} mkdir -p a/b; touch a/b/c; chmod 0 a/b/c a/b a .git`,
    failures: isRoot
      ? []
      : ["the branch mission/hostile/closed is gone from the task's clone, or can't be read there"],
  },
];

/** Without the pauses of a first session that ends late, all of them together take about a minute. */
const sessionTimeoutSeconds = 60;

describe('a script', () => {
  it('may do what it likes: each is told apart, nothing is lost, and the mission completes', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const notes = join(engine.root, 'notes');
    await mkdir(notes);
    const preamble = `NOTES='${notes}'; export NOTES\necho "$MISSION_SESSION" >> "$NOTES/launches"\n`;
    const folder = join(engine.root, 'scripts');
    await mkdir(folder);
    const tasks = [];
    for (const { task, name, script: first, checks = [] } of hostilities) {
      const later = `if [ "$MISSION_LAUNCH" != 1 ]; then ${commits(`whole-${task}.txt`)} exit 0\nfi\n`;
      const script = join(folder, `${task}.sh`);
      await writeFile(script, `${preamble}${later}${first}\n`);
      tasks.push({ id: task, title: name, goal: 'Harm.', runtime: 'script', script, checks });
    }
    const file = {
      version: 1,
      key: 'hostile',
      title: 'Hostile',
      repository: { forge: 'local', path: engine.repository.planned.address },
      policy: { sessionTimeoutSeconds },
      milestones: [{ id: 'm1', title: 'All', tasks }],
    };
    await engine.api.create(JSON.stringify(file), 'application/json');
    for await (const event of engine.api.events({ id: 'hostile', after: 0 }))
      expect.soft(event.type, event.message).not.toBe('blocked');

    const { mission, tasks: views } = await engine.api.show('hostile');
    const session = (task: string): string => `hostile.${task}.author.1`;
    const told = views.map(({ id, status, failures }) => [id, status, failures.map((one) => one.message)]);
    expect(told).toEqual(
      hostilities.map(({ task, failures }) => [
        task,
        'merged',
        failures.map((message) => message.replace('$S', session(task))),
      ]),
    );
    expect(mission.status).toBe('completed');
    const subjects = (await engine.repository.history()).map((line) => line.split(':')[0]);
    expect(subjects.sort()).toEqual([...hostilities.map(({ task }) => task), 'first'].sort());

    const launches = (await readFile(join(notes, 'launches'), 'utf8')).trim().split('\n');
    const authors = views.flatMap((view) => view.sessions).filter(({ role }) => role === 'author');
    expect(launches.sort()).toEqual(authors.map(({ id }) => id).sort());
    expect(await exists(join(notes, 'ran')), 'a program that a clone named has run').toBe(false);
    expect(await exists(join(notes, 'late')), 'a daemon has outlived its session').toBe(false);
    const { git, planned } = engine.repository;
    const files = await git.run({ cwd: planned.address, args: ['ls-tree', '--name-only', 'main'] });
    expect(files.stdout.split('\n')).not.toContain('late.txt');
    const data = join(engine.root, 'data');
    const left = hostilities.flatMap(({ task }) => processesOfRun(join(data, 'sessions', session(task))));
    expect(left).toEqual([]);

    const prompt = await readFile(join(data, 'sessions/hostile.binary.author.2/prompt.md'));
    expect(new TextDecoder('utf-8', { fatal: true }).decode(prompt)).toMatch(/half .* end/);
    expect(prompt.includes(0)).toBe(false);
  }, 600_000);
});

describe('a folder that a program has closed to its own user', () => {
  it('is removed all the same', async () => {
    const root = await temporaryFolder();
    const folder = join(root, 'work');
    await chmod(root, 0o777);
    // Nothing is closed to root: as somebody else, then.
    const nobody = 65_534;
    if (isRoot) process.seteuid?.(nobody);
    try {
      await mkdir(join(folder, 'a/b'), { recursive: true });
      await writeFile(join(folder, 'a/b/c'), '');
      await chmod(join(folder, 'a/b'), 0);
      await chmod(join(folder, 'a'), 0);
      await removeTree(folder);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    expect(await exists(folder)).toBe(false);
  });
});
