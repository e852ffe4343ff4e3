import { describe, expect, it } from 'vitest';
import { mayDo, Scope } from './scopes.ts';

describe('a scope', () => {
  it.each(Scope.options)('%s allows itself', (scope) => {
    expect(mayDo([scope], scope)).toBe(true);
  });

  it.each(Scope.options)('admin allows %s', (needed) => {
    expect(mayDo(['admin'], needed)).toBe(true);
  });

  it.each(Scope.options)('no scope at all does not allow %s', (needed) => {
    expect(mayDo([], needed)).toBe(false);
  });

  it.each<{ has: Scope[]; needed: Scope }>([
    { has: ['missions:write'], needed: 'missions:read' },
    { has: ['missions:read'], needed: 'missions:write' },
    { has: ['missions:read', 'missions:write'], needed: 'merge:approve' },
    { has: ['merge:approve'], needed: 'missions:write' },
    { has: ['missions:read', 'missions:write', 'merge:approve', 'fleet:operate'], needed: 'admin' },
  ])('$has does not allow $needed', ({ has, needed }) => {
    expect(mayDo(has, needed)).toBe(false);
  });

  it.each(['*', 'Admin', 'missions', 'missions:read ', ''])('is not called %j', (name) => {
    expect(Scope.safeParse(name).success).toBe(false);
  });
});
