import { describe, expect, it } from 'vitest';
import { complete } from './completion.ts';
import { createProgram } from './program.ts';

function after(line: string): unknown {
  const completion = complete(createProgram(), line.split(' '));
  return completion.kind === 'words' ? completion.words : completion;
}

describe('completion', () => {
  it.each([
    { line: 'to', found: ['token'] },
    { line: 're', found: ['resolve', 'resume', 'rebuild'] },
    { line: 'token ', found: ['create', 'list', 'revoke', 'help'] },
    {
      line: 'fleet ',
      found: ['verify', 'init', 'ps', 'start', 'stop', 'restart', 'install-systemd', 'help'],
    },
    { line: 'fleet init --f', found: ['--force'] },
    { line: 'fleet verify ', found: { kind: 'files' } },
    { line: 'events greetings --f', found: ['--follow'] },
    { line: 'resolve greetings T-001 ', found: ['retry', 'skip', 'abandon'] },
    { line: 'list --status pa', found: ['paused'] },
    { line: 'list --status paused --json ', found: [] },
    { line: 'token create bot --scope missions:read merge:', found: ['merge:approve'] },
    { line: 'completion ', found: ['bash', 'zsh', 'fish'] },
    { line: 'start ', found: { kind: 'files' } },
    { line: 'list --data ', found: { kind: 'files' } },
    { line: 'show gre', found: { kind: 'missions' } },
    { line: 'approve greetings --json ', found: { kind: 'tasks', mission: 'greetings' } },
    { line: 'no-such-command ', found: [] },
  ])('knows what comes after "$line"', ({ line, found }) => {
    const words = after(line);
    if (line === 'no-such-command ') expect(words).toContain('help');
    else expect(words).toEqual(found);
  });

  it('does not show what is for the shell alone', () => {
    expect(after('')).not.toContain('complete');
  });
});
