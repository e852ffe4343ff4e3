import { z } from 'zod';
import { Sha } from './names.ts';

export const Severity = z.enum(['blocker', 'should-fix', 'nit']);
export type Severity = z.infer<typeof Severity>;

export const Finding = z.object({
  severity: Severity,
  category: z.string().min(1).max(100),
  file: z.string().max(1_000).optional(),
  line: z.int().min(1).optional(),
  message: z.string().min(1).max(4_000),
});
export type Finding = z.infer<typeof Finding>;

/** The answer that a reviewer prints. Anything else is malformed and never counts as an approval. */
export const ReviewAnswer = z
  .object({
    verdict: z.enum(['approve', 'request-changes']),
    summary: z.string().max(4_000),
    findings: z.array(Finding).max(200),
  })
  .refine(
    (answer) => answer.verdict !== 'approve' || !answer.findings.some((f) => f.severity === 'blocker'),
    'an approval with a blocker contradicts itself',
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

/** A review as people read it on a forge. */
export function describeReview(review: Review): string {
  const lines = review.findings.map((finding) => {
    const place = finding.file === undefined ? '' : ` ${finding.file}:${finding.line ?? 1}`;
    return `- ${finding.severity} (${finding.category})${place}: ${finding.message}`;
  });
  return [review.summary, ...lines].join('\n');
}
