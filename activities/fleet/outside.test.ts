import { describe, expect, it } from 'vitest';
import type { OwnProcess } from '../processes/tree.ts';
import { outsideAgents } from './outside.ts';

function processes(...lines: [pid: number, parent: number, argv: string, run?: string][]): OwnProcess[] {
  return lines.map(([pid, parent, argv, run]) => ({ pid, parent, argv: argv.split(' '), run }));
}

describe('agents that the engine has not launched', () => {
  it.each([
    {
      what: 'one in a terminal',
      lines: processes([9, 1, '-bash'], [10, 9, 'codex --model x']),
      has: ['codex'],
    },
    { what: 'a script of npm', lines: processes([10, 1, '/usr/bin/node /usr/bin/claude']), has: ['claude'] },
    {
      what: 'one of the fleet’s terminals',
      lines: processes([10, 1, 'pi', '/home/me/data/fleet/lead']),
      has: ['pi'],
    },
    {
      what: 'an agent with all that it has started as one',
      lines: processes(
        [10, 1, 'node /bin/codex'],
        [11, 10, '/opt/codex'],
        [12, 11, 'sh'],
        [13, 12, 'claude'],
      ),
      has: ['codex'],
    },
    { what: 'no session', lines: processes([10, 1, 'codex exec', '/data/sessions/m.T.author.1']), has: [] },
    {
      what: 'no file that is called so',
      lines: processes([10, 1, 'vim codex'], [11, 1, 'grep pi']),
      has: [],
    },
  ])('are counted: $what', ({ lines, has }) => {
    expect(outsideAgents(lines)).toEqual(has);
  });
});
