import { describe, expect, it } from 'vitest';
import { isRunning, runningProgram } from './running.ts';

function tree(...lines: string[][]): { pid: number; argv: string[] }[] {
  return lines.map((argv, index) => ({ pid: index + 1, argv }));
}

describe('what runs in a pane', () => {
  it.each([
    { what: 'a program of its own', processes: [['/opt/bin/codex', '--model', 'x']], running: 'codex' },
    { what: 'a script of npm', processes: [['/usr/bin/node', '/usr/bin/claude']], running: 'claude' },
    { what: 'one that names itself', processes: [['pi - ~/src']], running: 'pi' },
    { what: 'one below a shell', processes: [['-bash'], ['opencode']], running: 'opencode' },
    { what: 'only the shell', processes: [['-bash'], ['vim', 'codex.md']], running: 'bash' },
    { what: 'no known script of node', processes: [['node', 'dist/cli.js'], ['codex']], running: 'node' },
    { what: 'an agent whose tool is another agent', processes: [['claude'], ['codex']], running: 'claude' },
    { what: 'nothing', processes: [], running: undefined },
  ])('is told of $what', ({ processes, running }) => {
    expect(runningProgram(tree(...processes))).toBe(running);
  });

  it('is pi where node runs, and no other runtime', () => {
    expect(isRunning('pi', 'node')).toBe(true);
    expect(isRunning('pi', 'pi')).toBe(true);
    expect(isRunning('codex', 'node')).toBe(false);
    expect(isRunning('pi', 'codex')).toBe(false);
  });
});
