import {
  isObjection,
  isSettled,
  type DisputeDecision,
  type Finding,
  type FindingAnswer,
  type FindingNote,
  type FindingState,
  type KnownFinding,
  type Review,
} from '../../schema/contracts/review.ts';
import type { Policy } from '../../schema/contracts/mission-file.ts';
import { isReviewSession } from '../../schema/contracts/names.ts';

/** More than anybody reads. Views and prompts carry them, and a review alone may have 200 of 4,000 characters. */
const findingsKept = 100;
const charactersKept = 500;
const notesKept = 20;

type Identified = Finding & { id: string };

/** A review whose findings have their names. */
export type IdentifiedReview = Omit<Review, 'findings'> & { findings: Identified[] };

/**
 * Gives each finding of an engine the id that it had before, or one of its own. The line's number plays no part: a line
 * that has moved keeps its finding. Each known one is taken once, so that two at one place stay two.
 */
export function identify(of: {
  engine: string;
  findings: readonly Finding[];
  known: readonly KnownFinding[];
}): Identified[] {
  const findings = withoutDoubles(of.findings);
  const free = new Map(of.known.filter(({ engine }) => engine === of.engine).map((one) => [one.id, one]));
  const taken = new Set(of.known.map(({ id }) => id));
  const ids = new Map<Finding, string>();
  for (const isSame of waysToKnow) {
    for (const finding of findings) {
      if (ids.has(finding)) continue;
      const match = [...free.values()].find((known) => isSame(finding, known));
      if (!match) continue;
      ids.set(finding, match.id);
      free.delete(match.id);
    }
  }
  return findings.map((finding) => ({
    ...finding,
    id: ids.get(finding) ?? newId(of.engine, finding, taken),
  }));
}

/** The surest first: what the reviewer says itself, then words and line, then either of the two. */
const waysToKnow: ((finding: Finding, known: KnownFinding) => boolean)[] = [
  (finding, known) => finding.id === known.id,
  (finding, known) => hasSameWords(finding, known) && finding.text === known.text,
  hasSameWords,
  (finding, known) => isOfSameKind(finding, known) && hasWords(finding.text) && finding.text === known.text,
];

function hasSameWords(finding: Finding, known: KnownFinding): boolean {
  return isOfSameKind(finding, known) && wordsOf(finding.message) === wordsOf(known.message);
}

function isOfSameKind(finding: Finding, known: KnownFinding): boolean {
  return finding.category === known.category && finding.file === known.file;
}

/** A line of brackets alone is no place: there are many of them. */
function hasWords(text: string | undefined): boolean {
  return text !== undefined && /\w/.test(text);
}

/** What is left of a message when it is told in another round: no numbers, since lines move, and no punctuation. */
function wordsOf(message: string): string {
  const words = message
    .slice(0, charactersKept)
    .toLowerCase()
    .match(/[\p{L}_]+/gu);
  return words?.join(' ') ?? message;
}

function withoutDoubles(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ category, file, line, message }) => {
    const key = JSON.stringify([category, file, line, message]);
    return !seen.has(key) && seen.add(key);
  });
}

/** The same finding gets the same id in every replay, and where it was forgotten. */
function newId(engine: string, finding: Finding, taken: Set<string>): string {
  const { category, file, message, text } = finding;
  const hash = `f-${hashOf(JSON.stringify([engine, category, file, wordsOf(message), text]))}`;
  let id = hash;
  for (let count = 2; taken.has(id); count++) id = `${hash}-${count}`;
  taken.add(id);
  return id;
}

/** FNV-1a: workflows have no node:crypto, and what is told apart is the findings of one task. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (const unit of text) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** What is known once another review has come. It is the same each time, from the same reviews. */
export function remember(known: readonly KnownFinding[], review: IdentifiedReview): KnownFinding[] {
  const { engine } = review;
  const found = new Map(review.findings.map((finding) => [finding.id, finding]));
  const before = known.map((one) => {
    if (one.engine !== engine) return one;
    const finding = found.get(one.id);
    found.delete(one.id);
    return finding ? foundAgain(one, finding, review) : notFoundAgain(one, review);
  });
  return bounded([...before, ...[...found.values()].map((finding) => foundFirst(finding, review))]);
}

function foundFirst(finding: Identified, { engine, sha }: IdentifiedReview): KnownFinding {
  const { unfounded } = finding;
  const what = unfounded === undefined ? 'found' : 'unfounded';
  const state = unfounded === undefined ? 'new' : 'unfounded';
  const because = unfounded === undefined ? {} : { why: unfounded };
  const history = [{ sha, by: engine, what, ...because } as const];
  return { ...short(finding), engine, state, since: sha, last: sha, history };
}

function foundAgain(
  known: KnownFinding,
  finding: Identified,
  { engine, sha }: IdentifiedReview,
): KnownFinding {
  const { unfounded } = finding;
  const next = { ...known, ...short(finding), last: sha };
  if (unfounded !== undefined) {
    const state = isDecided(known) ? known.state : 'unfounded';
    return noted({ ...next, state }, { sha, by: engine, what: 'unfounded', why: unfounded });
  }
  if (known.last === sha && known.state !== 'unfounded') return next;
  const stays = isDecided(known) || known.state === 'disputed';
  const state = stays ? known.state : 'open';
  return noted({ ...next, state }, { sha, by: engine, what: 'found-again' });
}

function notFoundAgain(known: KnownFinding, { engine, sha }: IdentifiedReview): KnownFinding {
  if (isSettled(known)) return known;
  // It has read the same lines again and takes its word back.
  if (known.last === sha)
    return noted({ ...known, state: 'dropped' }, { sha, by: engine, what: 'withdrawn' });
  return noted({ ...known, state: 'fixed' }, { sha, by: engine, what: 'not-found-again' });
}

function short(finding: Identified): Omit<Identified, 'unfounded'> {
  const { id, severity, category, file, line, message, text } = finding;
  const place = { ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) };
  const kept = message.slice(0, charactersKept);
  return { id, severity, category, message: kept, ...place, ...(text === undefined ? {} : { text }) };
}

export function noted(known: KnownFinding, note: FindingNote): KnownFinding {
  const why = note.why?.slice(0, charactersKept);
  const kept = { ...note, ...(why === undefined ? {} : { why }) };
  return { ...known, history: [...known.history, kept].slice(-notesKept) };
}

/** A decision holds, whatever the reviewer says after it. */
function isDecided({ state }: KnownFinding): boolean {
  return state === 'deferred' || state === 'dropped';
}

/** What is deferred has a task to come; of the rest, what is settled is forgotten first, and then the oldest. */
function bounded(known: KnownFinding[]): KnownFinding[] {
  const tooMany = known.length - findingsKept;
  if (tooMany <= 0) return known;
  const forgettable = [
    ...known.filter((one) => isSettled(one) && one.state !== 'deferred'),
    ...known.filter((one) => !isSettled(one)),
  ];
  const forgotten = new Set(forgettable.slice(0, tooMany));
  return known.filter((one) => !forgotten.has(one));
}

/**
 * Whether it keeps its task from being merged: blockers always, nits never, and what should be fixed where its reviewer
 * asks for changes, or the policy does.
 */
export function blocks(
  known: KnownFinding,
  of: { shouldFix: Policy['shouldFix']; verdict: Review['verdict'] | undefined },
): boolean {
  if (isSettled(known) || known.severity === 'nit') return false;
  return known.severity === 'blocker' || of.shouldFix === 'send-back' || of.verdict === 'request-changes';
}

/**
 * The findings that a request for changes can rest on: no nits, nothing that is not there, and nothing that was decided
 * on. Without any, and with some that don't count, it is no verdict.
 */
export function objectionsOf(
  findings: readonly Finding[],
  known: readonly KnownFinding[],
): { count: Finding[]; dont: { finding: Finding; why: string }[] } {
  const count: Finding[] = [];
  const dont: { finding: Finding; why: string }[] = [];
  for (const finding of findings.filter(isObjection)) {
    const why = whyNot(finding, known);
    if (why === undefined) count.push(finding);
    else dont.push({ finding, why });
  }
  return { count, dont };
}

/**
 * Why none of the findings counts that a request for changes rests on. Undefined where one does, and where it rests on
 * none: then it is a verdict all the same.
 */
export function restsOnNothing(
  findings: readonly Finding[],
  known: readonly KnownFinding[],
): { finding: Finding; why: string }[] | undefined {
  const { count, dont } = objectionsOf(findings, known);
  return count.length === 0 && dont.length > 0 ? dont : undefined;
}

/** Whether the author is to do something about it. */
export function counts(finding: Finding, known: readonly KnownFinding[]): boolean {
  return whyNot(finding, known) === undefined;
}

function whyNot(finding: Finding, known: readonly KnownFinding[]): string | undefined {
  if (finding.unfounded !== undefined) return finding.unfounded;
  const decided = known.find((one) => one.id === finding.id && isDecided(one));
  return decided && describeDecision(decided);
}

/** Whether an engine has decided on it: what it has upheld may be disputed once more, and then a person decides. */
export function isRuledOn({ history }: KnownFinding): boolean {
  return history.some(({ what, by }) => what === 'upheld' && isReviewSession(by));
}

/**
 * What the author says. A person decides on a dispute once: what was upheld stays to be mended, whatever is said again.
 * Nobody decides on what is in nobody's way.
 */
export function answered(
  known: readonly KnownFinding[],
  answers: readonly FindingAnswer[],
  of: { sha: string; by: string; blocks: (known: KnownFinding) => boolean },
): KnownFinding[] {
  const { blocks: isInTheWay, ...note } = of;
  const said = new Map(answers.map((answer) => [answer.id, answer]));
  return known.map((one) => {
    const answer = said.get(one.id);
    if (!answer || isSettled(one)) return one;
    const { because: why } = answer;
    if (answer.answer === 'fixed') return noted(one, { ...note, what: 'called-fixed', why });
    const isUpheld = one.history.some(({ what, by }) => what === 'upheld' && !isReviewSession(by));
    const isOpen = isUpheld || !isInTheWay(one);
    return noted(isOpen ? one : { ...one, state: 'disputed' }, { ...note, what: 'disputed', why });
  });
}

const outcomes = {
  uphold: { state: 'open', what: 'upheld' },
  drop: { state: 'dropped', what: 'dropped' },
  defer: { state: 'deferred', what: 'deferred' },
} as const satisfies Record<DisputeDecision, { state: FindingState; what: FindingNote['what'] }>;

/** A dispute with its end. */
export function decided(
  known: KnownFinding,
  decision: DisputeDecision,
  of: Pick<FindingNote, 'sha' | 'by' | 'why'>,
): KnownFinding {
  const { state, what } = outcomes[decision];
  return noted({ ...known, state }, { ...of, what });
}

function describeDecision({ id, state, history }: KnownFinding): string {
  const note = history.findLast(({ what }) => what === state || what === 'withdrawn');
  const because = note?.why === undefined ? '' : `: ${note.why}`;
  return `${id} was ${state} by ${note?.by ?? 'decision'}${because}`;
}
