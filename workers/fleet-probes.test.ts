import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Probed } from '../schema/contracts/probe.ts';
import { temporaryFolder } from '../test/support/temporary.ts';
import { probeFleet } from './fleet-probes.ts';
import { readRosterFile } from './roster-file.ts';

/** A folder with a roster, a folder `work`, and programs that do this when they are asked for their version. */
async function probe(of: {
  roster: string;
  programs?: Record<string, string>;
  mode?: number;
}): Promise<Probed[]> {
  const folder = await temporaryFolder();
  const path = join(folder, 'roster.yaml');
  const text = `version: 1\ndefaults: {workingDirectory: work}\n${of.roster}`;
  await writeFile(path, text, { mode: of.mode ?? 0o644 });
  await mkdir(join(folder, 'work'));
  for (const [name, does] of Object.entries(of.programs ?? {})) {
    await writeFile(join(folder, name), `#!/bin/sh\n${does}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const find = (name: string): Promise<string | undefined> =>
    Promise.resolve(name in (of.programs ?? {}) ? join(folder, name) : undefined);
  const probed = await probeFleet(await readRosterFile(path), { find, withinMs: 1_000 });
  return probed.map((each) => ({ ...each, message: each.message.replaceAll(folder, '') }));
}

const well = { pi: 'echo 0.87.1', tmux: 'echo "tmux 3.4"' };
const agent = 'agents: [{name: a, runtime: pi, class: canary}]';

function stringContaining(text: string): unknown {
  return expect.stringContaining(text);
}

describe('what a roster stands on', () => {
  it('is well when all is there', async () => {
    expect(await probe({ roster: agent, programs: well })).toEqual([
      { name: 'roster', state: 'ok', message: '/roster.yaml' },
      { name: 'pi', state: 'ok', message: '0.87.1 at /pi' },
      { name: 'tmux', state: 'ok', message: '3.4 at /tmux' },
      { name: 'directory', state: 'ok', message: '/work' },
    ]);
  });

  it.each([
    {
      name: 'a program that is not there',
      programs: { tmux: well.tmux },
      found: { name: 'pi', state: 'failed' },
      says: 'npm install --global @earendil-works/pi-coding-agent',
    },
    {
      name: 'a program that fails',
      programs: { ...well, pi: 'echo 0.87.1; exit 1' },
      found: { name: 'pi', state: 'failed' },
      says: '/pi --version tells no version',
    },
    {
      name: 'a program that waits for ever, and one that it has started',
      programs: { ...well, pi: 'sleep 5 & sleep 5; echo 1.2.3' },
      found: { name: 'pi', state: 'failed' },
      says: '/pi --version tells no version',
    },
    {
      name: 'a program that reads what it is not given',
      programs: { ...well, pi: 'cat; echo 0.87.1' },
      found: { name: 'pi', state: 'ok' },
      says: '0.87.1 at /pi',
    },
    {
      name: 'a version that nobody has tried',
      programs: { ...well, pi: 'echo 1.5.2' },
      found: { name: 'pi', state: 'warning' },
      says: '1.5.2 at /pi is not one that was tried, 0.87.1 to before 1.0.0',
    },
    {
      name: 'a version that is older',
      programs: { ...well, pi: 'echo 0.9.30' },
      found: { name: 'pi', state: 'failed' },
      says: '0.9.30 at /pi is older than 0.87.1, the first that is known to work',
    },
    {
      name: 'no tmux',
      programs: { pi: well.pi },
      found: { name: 'tmux', state: 'failed' },
      says: 'install tmux, or set transport: process',
    },
    {
      name: 'a runtime that no agent uses',
      roster: `${agent}\nruntimes: {codex: {}}`,
      found: { name: 'codex', state: 'warning' },
      says: 'not found on PATH',
    },
    {
      name: 'a folder that is not there',
      roster: 'agents: [{name: a, runtime: pi, class: canary, workingDirectory: away}]',
      found: { name: 'directory', state: 'failed' },
      says: '/away can not be seen, where a would work: mkdir -p /away',
    },
    {
      name: 'a folder that is a file',
      roster: 'agents: [{name: a, runtime: pi, class: canary, workingDirectory: ./roster.yaml}]',
      found: { name: 'directory', state: 'failed' },
      says: '/roster.yaml is no folder',
    },
    {
      name: 'a class that looks misspelt',
      roster: 'agents: [{name: a, runtime: pi, class: reviwer}]',
      found: { name: 'class', state: 'warning' },
      says: 'a is a reviwer: did you mean reviewer?',
    },
    {
      name: 'an environment that others may read',
      roster: `${agent}\nruntimes: {pi: {env: {KEY: sesame}}}`,
      found: { name: 'roster', state: 'warning' },
      says: 'chmod 600 /roster.yaml',
    },
  ])('tells $name', async ({ roster = agent, programs = well, found, says }) => {
    const probed = await probe({ roster, programs });
    expect(probed).toContainEqual({
      ...found,
      message: stringContaining(says),
    });
    expect(JSON.stringify(probed)).not.toContain('sesame');
  });

  it.each([
    {
      name: 'an environment that is the owner’s',
      roster: `${agent}\nruntimes: {pi: {env: {A: b}}}`,
      mode: 0o600,
    },
    { name: 'a class of one’s own', roster: 'agents: [{name: a, runtime: pi, class: librarian}]' },
    { name: 'no tmux where none is used', roster: `transport: process\n${agent}`, programs: { pi: well.pi } },
  ])('does not mind $name', async ({ programs = well, ...of }) => {
    const probed = await probe({ ...of, programs });
    expect(probed.filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it('is nothing without a roster, and that is said', async () => {
    const path = join(await temporaryFolder(), 'roster.yaml');
    const [file, tmux] = await probeFleet(await readRosterFile(path), {
      find: () => Promise.resolve(undefined),
    });
    expect(file).toEqual({
      name: 'roster',
      state: 'warning',
      message: `there is no ${path}, so the fleet has no agents: write one with \`mission fleet init\``,
    });
    expect(tmux?.state).toBe('warning');
  });
});
