/** What was found in earlier rounds, as reviewers and authors are told of it. */
import { isSettled, placeOf, type FindingNote, type KnownFinding } from '../../schema/contracts/review.ts';
import { quote, type Line } from '../sessions/quote.ts';

/** More than a change of a sensible size has open; what is over comes last, and is left out first. */
const findingsTold = 60;

/** For a reviewer. Nothing where nothing was found yet. `own`: what it is to do about it in place of reading its own again. */
export function describeEarlier(
  known: readonly KnownFinding[],
  { engine, own }: { engine: string; own?: string | undefined },
): Line[] {
  if (known.length === 0) return [];
  return [
    own ??
      `You review as ${engine}. Read again whether each finding of yours that is new, open or fixed is mended, whatever its author claims. One that still stands you repeat, with its "id" in the finding. One that you leave out counts as fixed.`,
    'What was dropped or deferred is decided: it is no reason to ask for changes. What was unfounded named a file or a line that is not there.',
    quote('findings of earlier rounds', tell(known)),
  ];
}

/** For an author: what it is to mend, or to dispute. */
export function describeOpen(known: readonly KnownFinding[]): Line[] {
  const open = known.filter((one) => !isSettled(one));
  if (open.length === 0) return [];
  return [
    'Answer each of these in the file that MISSION_FINDINGS_FILE names, as a JSON list of {"id":"…","answer":"fixed"|"disputed","because":"…"}. Who disputes says why it is not so; somebody else decides. What was upheld is to be mended.',
    quote('open findings', tell(open)),
  ];
}

/** For whoever decides: what was found, and what its author says to it. */
export function describeDisputed(known: readonly KnownFinding[]): Line[] {
  return [quote('disputed findings', tell(known))];
}

function tell(known: readonly KnownFinding[]): string {
  const sorted = [...known.filter((one) => !isSettled(one)), ...known.filter(isSettled)];
  const left = sorted.length - findingsTold;
  const lines = sorted.slice(0, findingsTold).flatMap(describe);
  if (left > 0) lines.push(`[cut: ${left} more findings; the mission’s record has them]`);
  return lines.join('\n');
}

function describe(known: KnownFinding): string[] {
  const { id, engine, severity, category, message, state, history } = known;
  const notes = history.filter(({ what }) => told.has(what)).map(describeNote);
  return [
    `- ${id} (${engine}, ${state}): ${severity} [${category}]${placeOf(known)} ${flat(message)}`,
    ...notes,
  ];
}

/** How often it was seen again says nothing that its state does not. */
const told: ReadonlySet<FindingNote['what']> = new Set([
  'unfounded',
  'called-fixed',
  'disputed',
  'upheld',
  'dropped',
  'deferred',
]);

function describeNote({ by, what, why, sha }: FindingNote): string {
  return `  - ${what} by ${by} at ${sha.slice(0, 10)}${why === undefined ? '' : `: ${flat(why)}`}`;
}

/** A line each, so that no text looks like another finding. */
function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
