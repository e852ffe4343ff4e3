import { createHash, createHmac, randomBytes } from 'node:crypto';
import { and, desc, eq, isNull, lt, or } from 'drizzle-orm';
import { Scope } from '../contracts/scopes.ts';
import type { Queries } from './database.ts';
import { tokens } from './tables.ts';

export interface Caller {
  tenant: string;
  name: string;
  scopes: Scope[];
  /** The hash of the token: what tells it from a later one of the same name. */
  token: string;
}

/** What a secret was found to be. */
export type Found =
  | { kind: 'caller'; caller: Caller }
  | { kind: 'unknown' }
  | { kind: 'expired' | 'revoked'; tenant: string; name: string; at: Date };

export interface NewToken {
  tenant: string;
  name: string;
  scopes: Scope[];
  expiresAt?: Date | undefined;
  /** Made by `secretOf`, where the same call must make the same token; otherwise random. */
  secret?: string | undefined;
}

/** How often at the most a use is written down: once a minute is enough to see which tokens are idle. */
const useEveryMs = 60_000;

/**
 * Makes a token and keeps only its hash. 256 random bits need no slow hash. Undefined: the name is taken, by a token
 * that is not revoked and has another secret.
 */
export async function createToken(queries: Queries, of: NewToken): Promise<string | undefined> {
  const secret = of.secret ?? prefixed(randomBytes(32));
  const hash = hashToken(secret);
  const { tenant: tenantId, name, scopes, expiresAt } = of;
  const inserted = await queries
    .insert(tokens)
    .values({ hash, tenantId, name, scopes, expiresAt })
    .onConflictDoNothing()
    .returning({ hash: tokens.hash });
  if (inserted.length > 0) return secret;
  const [standing] = await queries
    .select({ hash: tokens.hash })
    .from(tokens)
    .where(and(eq(tokens.hash, hash), isNull(tokens.revokedAt)));
  return standing && secret;
}

/**
 * The secret that a call makes: the same for the same call, without being kept. It takes the caller's own secret and
 * the salt of the call, and neither a token nor the database has both.
 */
export function secretOf(of: { caller: string; salt: string }): string {
  return prefixed(createHmac('sha256', of.caller).update(of.salt).digest());
}

/** Revokes the token of that name, if there is one, and makes another. */
export async function replaceToken(queries: Queries, of: NewToken): Promise<string> {
  return queries.transaction(async (tx) => {
    await revokeToken(tx, of);
    const secret = await createToken(tx, of);
    if (secret === undefined) throw new Error(`the token ${of.name} was made by another process`);
    return secret;
  });
}

/** Answers whether there is, or was, a token of that name. */
export async function revokeToken(
  queries: Queries,
  of: { tenant: string; name: string },
): Promise<'revoked' | 'revoked-before' | 'unknown'> {
  const named = and(eq(tokens.tenantId, of.tenant), eq(tokens.name, of.name));
  const revoked = await queries
    .update(tokens)
    .set({ revokedAt: new Date() })
    .where(and(named, isNull(tokens.revokedAt)))
    .returning({ name: tokens.name });
  if (revoked.length > 0) return 'revoked';
  const standing = await queries.select({ name: tokens.name }).from(tokens).where(named).limit(1);
  return standing.length > 0 ? 'revoked-before' : 'unknown';
}

/** All tokens, newest first, the revoked ones too; never what would let anybody use them. */
export async function listTokens(queries: Queries, of: { tenant: string }) {
  const { name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt } = tokens;
  return queries
    .select({ name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt })
    .from(tokens)
    .where(eq(tokens.tenantId, of.tenant))
    .orderBy(desc(tokens.createdAt), desc(tokens.hash));
}

/** Finds whose secret it is, and writes down that it was used. */
export async function findCaller(queries: Queries, secret: string): Promise<Found> {
  const hash = hashToken(secret);
  const [row] = await queries.select().from(tokens).where(eq(tokens.hash, hash));
  if (!row) return { kind: 'unknown' };
  const { tenantId: tenant, name, revokedAt, expiresAt } = row;
  if (revokedAt) return { kind: 'revoked', tenant, name, at: revokedAt };
  const now = new Date();
  if (expiresAt && expiresAt <= now) return { kind: 'expired', tenant, name, at: expiresAt };
  const stale = new Date(now.getTime() - useEveryMs);
  if (!row.lastUsedAt || row.lastUsedAt < stale) {
    await queries
      .update(tokens)
      .set({ lastUsedAt: now })
      .where(and(eq(tokens.hash, hash), or(isNull(tokens.lastUsedAt), lt(tokens.lastUsedAt, stale))));
  }
  return { kind: 'caller', caller: { tenant, name, scopes: Scope.array().parse(row.scopes), token: hash } };
}

function prefixed(bytes: Buffer): string {
  return `mission_${bytes.toString('base64url')}`;
}

function hashToken(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
