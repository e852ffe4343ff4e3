import { z } from 'zod';
import { Sha } from './names.ts';

export const Severity = z.enum(['blocker', 'should-fix', 'nit']);
export type Severity = z.infer<typeof Severity>;

/** Names a finding in all rounds of its task; see `workflows/rules/findings.ts`. */
export const FindingId = z.string().min(1).max(100);
export type FindingId = z.infer<typeof FindingId>;

/** What a reviewer says of one thing. */
export const StatedFinding = z.object({
  /** An earlier finding that this one repeats. What names none of the reviewer's own counts as left out. */
  id: FindingId.optional(),
  severity: Severity,
  category: z.string().min(1).max(100),
  file: z.string().max(1_000).optional(),
  line: z.int().min(1).optional(),
  message: z.string().min(1).max(4_000),
});
export type StatedFinding = z.infer<typeof StatedFinding>;

/** A finding that the engine has looked at. Those of version 0.4 and older have neither id nor text. */
export const Finding = StatedFinding.extend({
  /** The line that it names, without the white space around it: by this it is known again where it has moved. */
  text: z.string().optional(),
  /** What it names and is not there: then it does not count. */
  unfounded: z.string().optional(),
});
export type Finding = z.infer<typeof Finding>;

/**
 * `new`: in the last round for the first time; `open`: in more than one; `fixed`: the reviewer that found it has read a
 * later head and says nothing of it any more; `disputed`: the author says that it is not so, and nobody has decided;
 * `deferred`: for a task of its own, by decision; `dropped`: it is none, by decision or by the reviewer's own word;
 * `unfounded`: it is about a file or a line that is not there.
 */
export const FindingState = z.enum(['new', 'open', 'fixed', 'disputed', 'deferred', 'dropped', 'unfounded']);
export type FindingState = z.infer<typeof FindingState>;

/** One thing that became of a finding. */
export const FindingNote = z.object({
  sha: Sha,
  /** A reviewer, the author's session, or whoever decided. */
  by: z.string(),
  what: z.enum([
    'found',
    'found-again',
    'unfounded',
    'not-found-again',
    'withdrawn',
    'called-fixed',
    'disputed',
    'upheld',
    'dropped',
    'deferred',
  ]),
  why: z.string().optional(),
});
export type FindingNote = z.infer<typeof FindingNote>;

/** A finding as its task remembers it. */
export const KnownFinding = Finding.omit({ unfounded: true }).extend({
  id: FindingId,
  engine: z.string(),
  state: FindingState,
  /** The heads at which it was found first and last. */
  since: Sha,
  last: Sha,
  /** The newest 20. */
  history: z.array(FindingNote),
});
export type KnownFinding = z.infer<typeof KnownFinding>;

const settled: readonly FindingState[] = ['fixed', 'deferred', 'dropped', 'unfounded'];

/** Nothing is to be done about it in its task any more. */
export function isSettled({ state }: Pick<KnownFinding, 'state'>): boolean {
  return settled.includes(state);
}

/** What the author says to a finding. It is a claim: reviewers look again, and a dispute is decided by somebody else. */
export const FindingAnswer = z.object({
  id: FindingId,
  answer: z.enum(['fixed', 'disputed']),
  because: z.string().min(1).max(2_000),
});
export type FindingAnswer = z.infer<typeof FindingAnswer>;

/** What becomes of a disputed finding: it is to be mended, it is none, or it is for a task of its own. */
export const disputeDecisions = ['uphold', 'drop', 'defer'] as const;
export type DisputeDecision = (typeof disputeDecisions)[number];

/** What an engine decides of a disputed finding. That it is for another task, only a person can say. */
export const Ruling = z.object({
  id: FindingId,
  decision: z.enum(['uphold', 'drop']),
  because: z.string().trim().min(1).max(2_000),
});
export type Ruling = z.infer<typeof Ruling>;

/** The answer of an engine that decides. */
export const RulingAnswer = z.object({ rulings: z.array(Ruling).max(200) });
export type RulingAnswer = z.infer<typeof RulingAnswer>;

/** Whether it can be a reason to ask for changes: nits never are. */
export function isObjection({ severity }: Pick<Finding, 'severity'>): boolean {
  return severity !== 'nit';
}

/** The answer that a reviewer prints. Anything else is malformed and never counts as an approval. */
export const ReviewAnswer = z
  .object({
    verdict: z.enum(['approve', 'request-changes']),
    summary: z.string().max(4_000),
    findings: z.array(StatedFinding).max(200),
  })
  .refine(
    (answer) => answer.verdict !== 'approve' || !answer.findings.some((f) => f.severity === 'blocker'),
    'an approval with a blocker contradicts itself',
  )
  .refine(
    ({ verdict, findings }) =>
      verdict !== 'request-changes' || findings.length === 0 || findings.some(isObjection),
    'a request for changes over nits alone contradicts itself',
  );
export type ReviewAnswer = z.infer<typeof ReviewAnswer>;

/** An answer bound to the engine that gave it and the commit that it read. */
export const Review = z.object({
  engine: z.string(),
  sha: Sha,
  verdict: z.enum(['approve', 'request-changes']),
  summary: z.string(),
  findings: z.array(Finding),
});
export type Review = z.infer<typeof Review>;

/** The place that a finding names, with a space before it; nothing where it names none. */
export function placeOf({ file, line }: Pick<Finding, 'file' | 'line'>): string {
  if (file === undefined) return '';
  return line === undefined ? ` ${file}` : ` ${file}:${line}`;
}

/** A review as people read it on a forge. */
export function describeReview(review: Review): string {
  const lines = review.findings.map((finding) => {
    const place = placeOf(finding);
    const why = finding.unfounded === undefined ? '' : ` (does not count: ${finding.unfounded})`;
    return `- ${finding.severity} (${finding.category})${place}: ${finding.message}${why}`;
  });
  return [review.summary, ...lines].join('\n');
}
