import { z } from 'zod';

/**
 * What a token may do. `missions:write` and `fleet:operate` let its holder run programs on this machine; `fleet:read`
 * shows the screens of its agents, and whatever stands there.
 */
export const Scope = z.enum([
  'missions:read',
  'missions:write',
  'merge:approve',
  'fleet:read',
  'fleet:operate',
  'admin',
]);
export type Scope = z.infer<typeof Scope>;

/** `admin` may do everything. */
export function mayDo(scopes: readonly Scope[], needed: Scope): boolean {
  return scopes.includes(needed) || scopes.includes('admin');
}
