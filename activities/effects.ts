import { eq, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { Queries } from '../schema/db/database.ts';
import { effects } from '../schema/db/tables.ts';

/** What came of an attempt. A refusal is not recorded: the world may allow it another time. */
export type Attempted<Result, Refusal> =
  { kind: 'done'; result: Result } | { kind: 'refused'; refusal: Refusal };

/** An effect that must happen once, and how to tell whether it has. */
export interface Effect<Result, Refusal> {
  /** The same for every attempt at the same effect, and for no other. */
  key: string;
  tenant: string;
  result: z.ZodType<Result>;
  /** Looks in the world, not in our records, for the effect of an earlier attempt. */
  look: (claim: Claim) => Promise<Result | undefined>;
  act: (claim: Claim) => Promise<Attempted<Result, Refusal>>;
}

/** The first attempt's moment stays: what is made from it is the same in every later attempt. */
export interface Claim {
  claimedAt: Date;
}

export interface Effects {
  once<Result, Refusal>(effect: Effect<Result, Refusal>): Promise<Attempted<Result, Refusal>>;
}

/**
 * Claims before it acts, looks before it acts. A claim that stands already means that an earlier attempt may have
 * acted and died before it could say so; then looking decides, and acting again happens only when looking found
 * nothing. `act` must refuse by itself when the world has moved (a compare-and-swap, a pinned commit), since an
 * earlier attempt may still be on its way.
 */
export function createEffects(deps: { queries: Queries }): Effects {
  const { queries } = deps;
  return { once };

  async function once<Result, Refusal>(effect: Effect<Result, Refusal>): Promise<Attempted<Result, Refusal>> {
    const claim = await claimEffect(effect);
    if (claim.state === 'done') return { kind: 'done', result: effect.result.parse(claim.result) };
    const found = claim.attempts > 1 ? await effect.look(claim) : undefined;
    const attempted: Attempted<Result, Refusal> =
      found === undefined ? await effect.act(claim) : { kind: 'done', result: found };
    if (attempted.kind === 'refused') return attempted;
    await queries
      .update(effects)
      .set({ state: 'done', doneAt: sql`now()`, result: attempted.result })
      .where(eq(effects.key, effect.key));
    return attempted;
  }

  async function claimEffect(effect: { key: string; tenant: string }): Promise<typeof effects.$inferSelect> {
    const [claim] = await queries
      .insert(effects)
      .values({ key: effect.key, tenantId: effect.tenant, state: 'claimed' })
      .onConflictDoUpdate({ target: effects.key, set: { attempts: sql`${effects.attempts} + 1` } })
      .returning();
    if (!claim) throw new Error(`the claim of ${effect.key} was not answered`);
    return claim;
  }
}
