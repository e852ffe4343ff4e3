import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import type { AgentRuntime } from '../../schema/contracts/agent.ts';
import type { Roster } from '../../schema/contracts/roster.ts';
import { readRosterFile } from '../../workers/roster-file.ts';
import { starterRoster } from './starter-roster.ts';

async function read(text: string): Promise<Roster> {
  const path = join(await temporaryFolder(), 'roster.yaml');
  await writeFile(path, text);
  return (await readRosterFile(path)).roster;
}

interface Case {
  runtimes: AgentRuntime[];
  tmux: boolean;
  transport: string;
  agents: string[];
}

describe('a first roster', () => {
  it.each<Case>([
    {
      runtimes: ['codex', 'claude'],
      tmux: true,
      transport: 'tmux',
      agents: ['coder-codex', 'reviewer-codex', 'coder-claude', 'reviewer-claude'],
    },
    { runtimes: ['pi'], tmux: false, transport: 'process', agents: ['coder-pi', 'reviewer-pi'] },
    { runtimes: [], tmux: false, transport: 'process', agents: [] },
  ])('of $runtimes is a roster', async (found) => {
    const roster = await read(starterRoster(found));
    expect(roster.transport).toBe(found.transport);
    expect(Object.keys(roster.runtimes)).toEqual(found.runtimes);
    expect(roster.agents.map(({ name }) => name)).toEqual(found.agents);
  });

  it('of nothing is one that shows how to go on', async () => {
    const text = starterRoster({ runtimes: [], tmux: true });
    const asked = text
      .replace(/^agents: \[\]\n(?=#)/m, '')
      .replaceAll(/^# (?=agents:|  - | {4}[a-z])/gim, '');
    expect((await read(asked)).agents.map(({ name }) => name)).toEqual(['coder-codex', 'reviewer-codex']);
  });

  it('says what its options are for, and they can be taken as they stand', async () => {
    const text = starterRoster({ runtimes: ['pi'], tmux: true });
    const roster = await read(text.replaceAll(/# (?=args:|env:|model:)/g, ''));
    expect(roster.runtimes.pi).toEqual({
      resetCommand: '/new',
      args: ['--flag'],
      env: { NAME: 'value' },
      model: 'name',
    });
  });
});
