import { createHash, randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { Scope } from '../contracts/scopes.ts';
import type { Queries } from './database.ts';
import { tokens } from './tables.ts';

export interface Caller {
  tenant: string;
  name: string;
  scopes: Scope[];
}

/** Makes a token and keeps only its hash. 256 random bits need no slow hash. Undefined: the name is taken. */
export async function createToken(queries: Queries, caller: Caller): Promise<string | undefined> {
  const secret = `mission_${randomBytes(32).toString('base64url')}`;
  const inserted = await queries
    .insert(tokens)
    .values({ hash: hashToken(secret), tenantId: caller.tenant, name: caller.name, scopes: caller.scopes })
    .onConflictDoNothing()
    .returning({ name: tokens.name });
  return inserted.length > 0 ? secret : undefined;
}

/** Replaces the token of that name, or makes it. */
export async function replaceToken(queries: Queries, caller: Caller): Promise<string> {
  return queries.transaction(async (tx) => {
    await tx.delete(tokens).where(eq(tokens.name, caller.name));
    const secret = await createToken(tx, caller);
    if (secret === undefined) throw new Error(`the token ${caller.name} was made by another process`);
    return secret;
  });
}

export async function findCaller(queries: Queries, secret: string): Promise<Caller | undefined> {
  const [row] = await queries
    .select()
    .from(tokens)
    .where(eq(tokens.hash, hashToken(secret)));
  return row && { tenant: row.tenantId, name: row.name, scopes: Scope.array().parse(row.scopes) };
}

function hashToken(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
