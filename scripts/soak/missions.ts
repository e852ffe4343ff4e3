/** The missions of a soak: small, of every kind, each made from its number and the seed alone. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGit, engineGitConfig } from '../../activities/git/git.ts';
import type { Random } from './random.ts';

export interface SoakMission {
  key: string;
  file: unknown;
  repository: string;
  /** Each launch of a task's script adds a line here: evidence that does not come from the engine. */
  launches: string;
  /** When it is cancelled, counted from its start; undefined when it is not. */
  cancelAfterMs: number | undefined;
  asksGoAhead: boolean;
  /** One line for the log. */
  outline: string;
}

interface SoakTask {
  id: string;
  title: string;
  goal: string;
  runtime: 'script';
  script: string;
  checks: string[];
  dependsOn: string[];
}

/** The name of the token that starts the missions and gives the go-aheads. */
export const coordinator = 'soak';

/** Some missions meet in one lane, others have theirs for themselves. */
export async function makeRepositories(folder: string): Promise<string[]> {
  const configFile = join(folder, 'gitconfig');
  await mkdir(folder, { recursive: true });
  await writeFile(configFile, engineGitConfig());
  const git = createGit({ configFile });
  const seed = join(folder, 'seed');
  await mkdir(join(seed, '.mission'), { recursive: true });
  // Long enough to be killed in.
  await writeFile(
    join(seed, '.mission/ci.yaml'),
    'version: 1\nsteps:\n  - {name: test, run: "sleep 0.5; test -d .git", timeoutSeconds: 60}\n',
  );
  await git.run({ cwd: seed, args: ['init', '--quiet'] });
  await git.run({ cwd: seed, args: ['add', '--all'] });
  await git.run({ cwd: seed, args: ['commit', '--quiet', '--message', 'first'] });
  const repositories = ['one', 'two', 'three'].map((name) => join(folder, `${name}.git`));
  for (const bare of repositories) {
    await git.run({ cwd: folder, args: ['clone', '--quiet', '--bare', seed, bare] });
  }
  return repositories;
}

export async function makeMission(of: {
  folder: string;
  /** Counts the missions. */
  number: number;
  repositories: readonly string[];
  random: Random;
}): Promise<SoakMission> {
  const { folder, random, number } = of;
  const key = `s${number}`;
  const work = join(folder, key);
  await mkdir(work, { recursive: true });
  const launches = join(work, 'launches');
  await writeFile(launches, '');
  const repository = random.pick(of.repositories) ?? '';
  const tasks: SoakTask[] = [];
  const outline: string[] = [];
  for (let index = 1; index <= random.between(1, 3); index++) {
    // Unique in the whole soak: several missions share a repository.
    const id = `${key}t${index}`;
    const behaviour = random.pick(behaviours) ?? 'plain';
    const dependsOn = tasks.map((task) => task.id).filter(() => random.chance(0.5));
    const script = join(work, `${id}.sh`);
    await writeFile(script, scriptOf({ id, behaviour, launches, seconds: random.between(0, 4) }));
    const checks = behaviour === 'fails its check once' ? [`sleep 0.3; test ! -e broken-${id}`] : [];
    const goal = `${behaviour}.`;
    tasks.push({ id, title: `Task ${id}`, goal, runtime: 'script', script, checks, dependsOn });
    outline.push(`${id} (${[behaviour, ...dependsOn.map((other) => `after ${other}`)].join(', ')})`);
  }
  const asksGoAhead = random.chance(0.5);
  const cancelAfterMs = random.chance(0.15) ? random.between(1_000, 15_000) : undefined;
  if (asksGoAhead) outline.push('asks for go-aheads');
  if (cancelAfterMs !== undefined) outline.push(`to be cancelled after ${cancelAfterMs} ms`);
  return {
    key,
    repository,
    launches,
    cancelAfterMs,
    asksGoAhead,
    outline: outline.join('; '),
    file: {
      version: 1,
      key,
      title: `Soak ${number}`,
      repository: { forge: 'local', path: repository },
      policy: { parallel: 3, ...(asksGoAhead ? { coordinators: [coordinator] } : {}) },
      milestones: [{ id: 'm1', title: 'All', tasks }],
    },
  };
}

const behaviours = ['plain', 'fails its check once', 'forgets to commit once', 'leaves a daemon'] as const;

function scriptOf(of: {
  id: string;
  behaviour: (typeof behaviours)[number];
  launches: string;
  seconds: number;
}): string {
  const { id, behaviour } = of;
  const first = {
    plain: '',
    'fails its check once': `touch broken-${id}`,
    'forgets to commit once': 'exit 0',
    'leaves a daemon': 'setsid sleep 600 &',
  };
  return [
    '#!/bin/sh',
    'set -eu',
    `echo "$MISSION_SESSION" >> '${of.launches}'`,
    `rm -f broken-${id}`,
    // Not a bare sleep: an agent is a program with a program of its own.
    of.seconds > 0 ? `sh -c 'sleep ${of.seconds}; true'` : '',
    `if [ "$MISSION_LAUNCH" = 1 ]; then :; ${first[behaviour]}`,
    'fi',
    `echo "$MISSION_SESSION" > ${id}.txt`,
    'git add --all',
    `git commit --quiet --message 'Work of ${id}'`,
    '',
  ].join('\n');
}
