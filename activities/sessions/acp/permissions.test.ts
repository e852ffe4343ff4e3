import { describe, expect, it } from 'vitest';
import { Permissions } from '../../../schema/contracts/permissions.ts';
import { commandOf, decide } from './permissions.ts';

const permissions = Permissions.parse({
  allow: [
    { kind: 'read' },
    { kind: 'execute', like: 'npm test*' },
    { like: 'Edit src/*' },
    { kind: 'execute', like: 'git log' },
  ],
  deny: [{ like: '*git push*' }, { kind: 'fetch' }, { kind: 'read', like: '*.env' }],
});

describe('what an agent may do', () => {
  it.each([
    ['a kind that is allowed', { kind: 'read', title: 'Read a.ts' }, 'allow'],
    ['a kind that is denied', { kind: 'fetch', title: 'Fetch a page' }, 'deny'],
    ['what both lists name', { kind: 'read', title: 'Read .env' }, 'deny'],
    ['what no list names', { kind: 'delete', title: 'Delete a.ts' }, 'ask'],
    ['a tool of which nothing is told', {}, 'ask'],
    ['a title that fits', { kind: 'edit', title: 'Edit src/a.ts' }, 'allow'],
    ['a title that only begins so', { kind: 'edit', title: 'Edit srcs/a.ts' }, 'ask'],
    ['a command that fits', { kind: 'execute', rawInput: { command: 'npm test -- a' } }, 'allow'],
    [
      'a command of another kind than the rule’s',
      { kind: 'other', rawInput: { command: 'npm test' } },
      'ask',
    ],
    [
      'a shell’s command, as codex tells it',
      { kind: 'execute', rawInput: { command: ['bash', '-lc', 'npm test'] } },
      'allow',
    ],
    [
      'a second command behind one that is allowed',
      { kind: 'execute', rawInput: { command: 'npm test && rm -rf /' } },
      'ask',
    ],
    [
      'a command within one that is allowed',
      { kind: 'execute', rawInput: { command: 'npm test $(rm -rf /)' } },
      'ask',
    ],
    ['a second line of a command', { kind: 'execute', rawInput: { command: 'npm test\nrm -rf /' } }, 'ask'],
    [
      'a denied command in the midst of others',
      { kind: 'execute', rawInput: { command: 'npm test\ngit push' } },
      'deny',
    ],
    [
      'a title that claims something better than the command',
      { kind: 'execute', title: 'npm test', rawInput: { command: 'rm -rf /' } },
      'ask',
    ],
    [
      'a denied title, whatever the command',
      { kind: 'execute', title: 'git push', rawInput: { command: 'npm test' } },
      'deny',
    ],
    ['a text without a star that is longer', { kind: 'execute', rawInput: { command: 'git log -p' } }, 'ask'],
  ] as const)('%s', (_, tool, decision) => {
    expect(decide(permissions, { ...tool })).toBe(decision);
  });

  it('takes no letter of a rule for a pattern but the star', () => {
    const dotted = Permissions.parse({ allow: [{ like: 'cat a.b (1)' }], deny: [] });
    expect(decide(dotted, { title: 'cat a.b (1)' })).toBe('allow');
    expect(decide(dotted, { title: 'cat axb (1)' })).toBe('ask');
  });

  it('is asked for where there are no lists', () => {
    expect(decide(Permissions.parse({}), { kind: 'read', title: 'Read a.ts' })).toBe('ask');
  });
});

describe('the command of a tool call', () => {
  it.each([
    [{ command: 'ls -l' }, 'ls -l'],
    [{ command: ['/bin/zsh', '-c', 'ls | wc'] }, 'ls | wc'],
    [{ command: ['ls', '-l'] }, 'ls -l'],
    [{ path: 'a.ts' }, undefined],
    [undefined, undefined],
  ])('%j', (rawInput, command) => {
    expect(commandOf({ rawInput })).toBe(command);
  });
});
