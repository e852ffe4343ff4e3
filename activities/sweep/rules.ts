/** What a sweep may do to what it finds. Pure; doubt keeps. */

/** How long things are kept, in milliseconds and bytes. */
export interface Keep {
  /** Clones and checkouts of ended tasks. */
  cloneMs: number;
  /** Output of the runs of ended tasks. */
  outputMs: number;
  /** The rest of those runs: prompt, result and the like. */
  auditMs: number;
  /** What all runs together may take. */
  bytes: number;
}

/** Whose something is. `at`: when the task ended, null where nobody knows any more. */
export type Owner =
  { kind: 'open' } | { kind: 'ended'; at: number | null } | { kind: 'unknown' } | { kind: 'doubtful' };

export type InTemporal = { state: 'open' } | { state: 'closed'; at: number | null } | { state: 'none' };

/** What the read model was told of a task. */
export type Told = 'open' | 'ended' | 'none';

/**
 * Temporal has the last word, as long as it remembers: a task that was terminated has ended, and one that was reset is
 * open, whatever was told. What was told to be open and is not in Temporal may be on another server than this one.
 */
export function judgeOwner(of: { temporal: InTemporal; told: Told }): Owner {
  const { temporal, told } = of;
  if (temporal.state === 'open') return { kind: 'open' };
  if (temporal.state === 'closed') return { kind: 'ended', at: temporal.at };
  if (told === 'ended') return { kind: 'ended', at: null };
  return { kind: told === 'open' ? 'doubtful' : 'unknown' };
}

/** Something of a task that lies in the data directory. */
export type Thing =
  /** Also a clean checkout. */
  | { kind: 'clone'; touchedAt: number }
  | {
      kind: 'run';
      touchedAt: number;
      isAlive: boolean;
      isEmptied: boolean;
      /** All runs together take too much, and this is among the oldest. */
      isTooMuch: boolean;
    };

export type Verdict = 'keep' | 'end' | 'empty' | 'remove';

export function judge(of: { thing: Thing; owner: Owner; keep: Keep; now: number }): Verdict {
  const { thing, owner, keep, now } = of;
  if (owner.kind === 'open' || owner.kind === 'doubtful') return 'keep';
  const since = Math.max(thing.touchedAt, owner.kind === 'ended' ? (owner.at ?? 0) : 0);
  const idle = now - since;
  if (thing.kind === 'clone') {
    // Of what nobody knows nobody can say when it was needed last.
    return idle >= (owner.kind === 'ended' ? keep.cloneMs : keep.outputMs) ? 'remove' : 'keep';
  }
  if (thing.isAlive) return 'end';
  if (idle >= keep.auditMs) return 'remove';
  if (thing.isEmptied) return 'keep';
  return thing.isTooMuch || idle >= keep.outputMs ? 'empty' : 'keep';
}

/** A run of CI. It is a commit's, not a task's: who waits for it is told by `isInUse`. */
export interface Pipeline {
  touchedAt: number;
  isAlive: boolean;
  isTooMuch: boolean;
}

/**
 * What runs was begun for somebody, who takes it up again within `adoptMs` of the engine's start. Ended wrongly, it is
 * run anew: it has told no verdict yet. Its verdict is in the database, so that its logs may go.
 */
export function judgePipeline(of: {
  pipeline: Pipeline;
  isInUse: boolean;
  upMs: number;
  adoptMs: number;
  keep: Keep;
  now: number;
}): Verdict {
  const { pipeline, keep } = of;
  if (of.isInUse || of.upMs < of.adoptMs) return 'keep';
  if (pipeline.isAlive) return 'end';
  return pipeline.isTooMuch || of.now - pipeline.touchedAt >= keep.outputMs ? 'remove' : 'keep';
}

/** The oldest, as many as take `excess` bytes together. */
export function oldestOf<Sized extends { touchedAt: number; bytes: number }>(
  sized: readonly Sized[],
  excess: number,
): ReadonlySet<Sized> {
  const chosen = new Set<Sized>();
  let left = excess;
  for (const one of [...sized].sort((a, b) => a.touchedAt - b.touchedAt)) {
    if (left <= 0) break;
    chosen.add(one);
    left -= one.bytes;
  }
  return chosen;
}

/** Whose a ref of a mirror is: a task's, or everybody's who works on the repository. Undefined: it is not for us. */
export function ownerOfRef(ref: string): { mission: string; task: string } | 'repository' | undefined {
  const session = /^refs\/(?:sessions|strays)\/([^./]+)\.([^./]+)\.[^/]+/.exec(ref);
  const branch = /^refs\/forge\/mission\/([^/]+)\/([^/]+)$/.exec(ref);
  const [, mission, task] = session ?? branch ?? [];
  // `forge.<round>`: strays of a delivery that no session made.
  if (/^refs\/(?:commits\/|strays\/forge\.\d+\/)/.test(ref)) return 'repository';
  return mission === undefined || task === undefined ? undefined : { mission, task };
}
