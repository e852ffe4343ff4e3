/** What of a review stands at its lines, what in its body, and what of earlier rounds is over. */
import { createHash } from 'node:crypto';
import { cutText } from '../../schema/contracts/cut.ts';
import { describeReview, type Finding, type Review } from '../../schema/contracts/review.ts';

/**
 * Gitea looks up each line's author and its hunk within the one call that posts a review: some tenths of a second for
 * each, of the 30 s that a call has. What is beyond stands in the body.
 */
const mostAtLines = 30;

/** GitHub refuses bodies above 65,536 characters, and a review may have 200 findings of 4,000. */
const longestBody = 60_000;

/** A comment of ours at a line, of this round or an earlier one. */
export interface StandingComment {
  /** The finding that it tells: see `keyOf`. */
  key: string;
  /** Where, for people. */
  place: string;
}

export interface ComposedReview {
  body: string;
  comments: { key: string; file: string; line: number; body: string }[];
}

/** Puts each finding at its line where the diff has it and no comment tells it yet; everything else in the body. */
export function composeReview(of: {
  review: Review;
  /** Whether the diff shows that line of the new version. */
  isInDiff: (place: { file: string; line: number }) => boolean;
  standing: readonly StandingComment[];
  /** Findings that are told as fixed already: see `toldFixedIn`. */
  toldFixed: ReadonlySet<string>;
}): ComposedReview {
  const { review, standing } = of;
  const { engine } = review;
  const told = new Map(standing.map((one) => [one.key, one]));
  const comments: ComposedReview['comments'] = [];
  const elsewhere: Finding[] = [];
  const stillOpen: StandingComment[] = [];
  for (const finding of review.findings) {
    const key = keyOf(engine, finding);
    const { file, line } = finding;
    const before = told.get(key);
    if (before) stillOpen.push(before);
    else if (comments.some((one) => one.key === key)) continue;
    else if (file !== undefined && line !== undefined && hasRoom() && of.isInDiff({ file, line })) {
      comments.push({ key, file, line, body: commentOf(engine, finding) });
    } else elsewhere.push(finding);
  }
  const fixed = fixedSince(review, standing).filter(({ key }) => !of.toldFixed.has(key));
  const more = [
    ...listed('Still open, see the comments at these lines', stillOpen),
    ...listed('Fixed since the last review', fixed),
    ...stillOpen.map(({ key }) => `<!-- open:${key} -->`),
    ...fixed.map(({ key }) => `<!-- fixed:${key} -->`),
  ].join('\n');
  const whole = describeReview({ ...review, findings: elsewhere });
  const text = cutText(whole, longestBody - more.length, 'the record of the mission has them');
  return { body: more === '' ? text : `${text}\n${more}`, comments };

  function hasRoom(): boolean {
    return comments.length < mostAtLines;
  }
}

/** Of what stands at lines, what the engine finds no more. */
export function fixedSince<Standing extends StandingComment>(
  { engine, findings }: Review,
  standing: readonly Standing[],
): Standing[] {
  const found = new Set(findings.map((finding) => keyOf(engine, finding)));
  return standing.filter(({ key }) => !found.has(key));
}

/** The same for the same finding in every round: its id where it has one, and otherwise what it says. */
export function keyOf(engine: string, finding: Finding & { id?: string | undefined }): string {
  const { id, category, file = '', message } = finding;
  const parts = id === undefined ? [engine, category, file, message] : [engine, id];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** The finding that a comment of an engine tells; undefined for one that is not ours. The mark is its last line. */
export function keyIn(comment: string, engine: string): string | undefined {
  const [, whose, key] = /<!-- finding:([\w-]+):([0-9a-f]{16}) -->\s*$/.exec(comment) ?? [];
  return whose === engine ? key : undefined;
}

/** The findings that an engine's earlier reviews, the oldest first, tell as fixed. What has come back since is open. */
export function toldFixedIn(bodies: readonly string[]): Set<string> {
  const told = new Set<string>();
  for (const body of bodies) {
    for (const [, what, key = ''] of body.matchAll(/^<!-- (open|fixed):([0-9a-f]{16}) -->$/gm)) {
      if (what === 'fixed') told.add(key);
      else told.delete(key);
    }
  }
  return told;
}

function commentOf(engine: string, finding: Finding): string {
  const { severity, category, message } = finding;
  return `**${severity}** (${category}): ${message}\n\n<!-- finding:${engine}:${keyOf(engine, finding)} -->`;
}

function listed(title: string, comments: readonly StandingComment[]): string[] {
  return comments.length === 0 ? [] : ['', `${title}:`, ...comments.map(({ place }) => `- ${place}`)];
}
