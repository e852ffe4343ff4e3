import { z } from 'zod';

/** What a token may do. `missions:write` lets its holder run programs on this machine. */
export const Scope = z.enum(['missions:read', 'missions:write', 'merge:approve', 'fleet:operate', 'admin']);
export type Scope = z.infer<typeof Scope>;

/** `admin` may do everything. */
export function mayDo(scopes: readonly Scope[], needed: Scope): boolean {
  return scopes.includes(needed) || scopes.includes('admin');
}
