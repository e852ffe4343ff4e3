import { describe, expect, it } from 'vitest';
import { readExpiry, tokenLine } from './token-command.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

describe('the end of a token', () => {
  it.each([
    ['12h', '2026-01-01T12:00:00.000Z'],
    ['30d', '2026-01-31T00:00:00.000Z'],
    ['8w', '2026-02-26T00:00:00.000Z'],
    ['2026-03-01T10:00:00+02:00', '2026-03-01T08:00:00.000Z'],
  ])('%s is %s', (text, at) => {
    expect(readExpiry(text, now)).toBe(at);
  });

  it.each(['0d', '30', '2025-01-01T00:00:00Z', '2026-03-01', '2026-13-01T00:00:00Z', 'soon'])(
    '%s is refused',
    (text) => {
      expect(() => readExpiry(text, now)).toThrow('a time to come with its zone');
    },
  );

  it('shows in the list, as a revocation does', () => {
    const token = {
      name: 'bot',
      scopes: ['missions:read'],
      createdAt: '2025-01-01T00:00:00Z',
      expiresAt: '2025-06-01T00:00:00Z',
      revokedAt: null,
      lastUsedAt: null,
    };
    expect(tokenLine(token, now)).toContain('expired');
    expect(tokenLine({ ...token, expiresAt: null }, now)).toContain('valid');
    expect(tokenLine({ ...token, revokedAt: '2025-02-01T00:00:00Z' }, now)).toContain('revoked');
  });
});
