/** What each gate has seen of a task, and what it asks for: one place for each. */
import { ciAllowsMerge } from './ci.ts';
import { gates, type Gate, type Wait } from './gates.ts';
import { isSettled, type Finding, type Review } from './review.ts';
import type { TaskView } from './views.ts';
import type { Evidence, WhyOf } from './why.ts';

interface Facts {
  evidence: Evidence[];
  /** What is missing before it lets the task pass, as one sentence without its full stop. */
  asks: string;
  /** Whose turn it is then. */
  for: Wait['for'];
}

export function factsOf(of: WhyOf, gate: Gate): Facts {
  switch (gate) {
    case 'intake':
      return { evidence: issueOf(of.view), asks: 'its issue on the forge', for: 'forge' };
    case 'implement':
      return { evidence: sessionsOf(of.view), asks: 'a session that delivers a change', for: 'agent' };
    case 'verify-delivery':
      return delivery(of);
    case 'queue-guard':
      return { evidence: [], asks: `no pipeline pending on ${of.base}`, for: 'ci' };
    case 'push':
      return { evidence: [], asks: `the push to ${of.view.branch}`, for: 'forge' };
    case 'open-pull-request':
      return { evidence: pullRequestOf(of.view), asks: 'the pull request', for: 'forge' };
    case 'review-and-ci':
      return reviewAndCi(of);
    case 'go-ahead':
      return goAhead(of);
    case 'merge-lane':
      return lane(of);
    case 'verify-merge':
      return verifiedMerge(of);
    case 'close-issue':
      return closedIssue(of);
    case 'clean-up':
      return { evidence: [], asks: 'its branch and clone to be removed', for: 'engine' };
    case 'done':
      return { evidence: [], asks: 'its record', for: 'engine' };
  }
}

/** The head that verdicts are for. The lane's own update moves the branch and keeps what the go-ahead was given on. */
export function judgedHead({ headSha, mergeSha, goAhead: given }: TaskView): string | null {
  return mergeSha === null ? headSha : (given?.sha ?? headSha);
}

function issueOf({ issue }: TaskView): Evidence[] {
  return issue === null ? [] : [{ what: 'issue', says: `#${issue}` }];
}

function pullRequestOf({ pullRequest }: TaskView): Evidence[] {
  return pullRequest === null ? [] : [{ what: 'pull request', says: `#${pullRequest}` }];
}

function sessionsOf({ sessions }: TaskView): Evidence[] {
  return sessions
    .filter(({ role }) => role === 'author')
    .map(({ id, end, exitCode, agent }) => {
      const code = exitCode === null ? '' : ` with ${exitCode}`;
      return { what: `session ${id}`, says: agent?.outcome ?? `${end}${code}` };
    });
}

function delivery({ view, checks }: WhyOf): Facts {
  const asks =
    checks === undefined || checks.length === 0
      ? 'commits that change something'
      : `commits that change something, and ${checks.map((check) => `\`${check}\``).join(', ')} green in a clean checkout`;
  const { headSha, gate } = view;
  const isGreen = headSha !== null && gates.indexOf(gate) > gates.indexOf('verify-delivery');
  const green = isGreen
    ? (checks ?? []).map((check) => ({ what: `check ${check}`, says: 'green', sha: headSha }))
    : [];
  const head = headSha === null ? [] : [{ what: 'head', says: 'delivered', sha: headSha }];
  return { evidence: [...head, ...liftedBy(view), ...green], asks, for: 'engine' };
}

function liftedBy({ lifted, headSha }: TaskView): Evidence[] {
  return lifted.map(({ law, message, by, sha }) => ({
    what: `law ${law}`,
    says: `${message}: let through by ${by}`,
    sha,
    // A secret is let through with its commit, in whatever head that is.
    ...(law === 'secret' ? {} : { counts: sha === headSha }),
  }));
}

function reviewAndCi(of: WhyOf): Facts {
  const { view, policy } = of;
  const head = judgedHead(view);
  const newest = newestReviews(view);
  const engines = [...new Set([...policy.reviewers.map(({ engine }) => engine), ...newest.keys()])];
  const evidence: Evidence[] = engines.flatMap((engine) => {
    const review = newest.get(engine);
    if (!review) return [];
    const { verdict, sha } = review;
    return [{ what: `verdict of ${engine}`, says: verdict, sha, counts: sha === head }];
  });
  const open = openFindings(view);
  if (open.length > 0) evidence.push({ what: 'open findings', says: countsOf(open) });
  evidence.push(...ciOf(view));
  const asked = policy.reviewers.flatMap(({ engine, role }): string[] => {
    // Who has a role may not be called by this change.
    if (role !== undefined && !newest.has(engine)) return [];
    const review = newest.get(engine);
    if (!review || review.sha !== head) return [`the verdict of ${engine}`];
    return review.verdict === 'approve' ? [] : [`the approval of ${engine}`];
  });
  const ci = view.ci !== null && ciAllowsMerge(view.ci, policy) ? [] : ['CI'];
  const missing = [...asked, ...ci];
  const at = head === null ? 'the head that is to come' : head;
  const asks = missing.length === 0 ? `nothing more at ${at}` : `${missing.join(', ')} at ${at}`;
  return { evidence, asks, for: asked.length > 0 ? 'reviewer' : 'ci' };
}

/** Of each engine the last word. */
function newestReviews({ reviews }: TaskView): Map<string, Review> {
  return new Map(reviews.map((review) => [review.engine, review]));
}

/** A finding that nobody has mended yet, as far as is known. */
export type OpenFinding = Finding & { engine: string; sha: string };

/** What the task remembers and nobody has settled. Views of before there was a memory: what each engine said last. */
export function openFindings(view: TaskView): OpenFinding[] {
  if (view.findings.length > 0) {
    const open = view.findings.filter((known) => !isSettled(known));
    return open.map(({ last, ...known }) => ({ ...known, sha: last }));
  }
  return [...newestReviews(view).values()].flatMap(({ engine, sha, findings }) =>
    findings.map((finding) => ({ ...finding, engine, sha })),
  );
}

function countsOf(findings: readonly Finding[]): string {
  const counts = new Map<string, number>();
  for (const { severity } of findings) counts.set(severity, (counts.get(severity) ?? 0) + 1);
  return [...counts].map(([severity, count]) => `${count} ${severity}`).join(', ');
}

function ciOf(view: TaskView): Evidence[] {
  const { ci, headSha, statuses } = view;
  const verdict =
    ci === null ? [] : [{ what: 'CI', says: ci, ...(headSha === null ? {} : { sha: headSha }) }];
  const contexts = (statuses?.contexts ?? []).map(({ name, state }) => ({
    what: `CI ${name}`,
    says: state,
    ...(statuses === undefined ? {} : { sha: statuses.sha, counts: statuses.sha === headSha }),
  }));
  return [...verdict, ...contexts];
}

function goAhead(of: WhyOf): Facts {
  const { view } = of;
  const { goAhead: given } = view;
  // Views of before all of them were kept have the last one.
  const all = view.goAheads.length > 0 ? view.goAheads : given ? [given] : [];
  const evidence = all.map(({ by, via, at, sha }) => {
    const counts = sha === judgedHead(view);
    return {
      what: 'go-ahead',
      says: `by ${by} through ${via} at ${new Date(at).toISOString()}`,
      sha,
      counts,
    };
  });
  const { asks, isNeeded } = goAheadAsked(of);
  return { evidence, asks, for: isNeeded ? 'person' : 'engine' };
}

/** What the head needs, as far as it is known: whether two must agree is told by what a delivery touches. */
function goAheadAsked({ view, policy }: WhyOf): { asks: string; isNeeded: boolean } {
  const { gate, headSha, standing } = view;
  const { coordinators, twoPersons } = policy;
  const forHead = headSha === null ? 'the head that is to come' : headSha;
  if (standing) {
    const among = coordinators.length === 0 ? '' : ` among ${coordinators.join(', ')}`;
    const why = 'the change touches what two persons must agree to';
    const asks =
      standing.given === 0
        ? `the go-ahead of ${standing.needed} different persons${among} for ${forHead}: ${why}`
        : `the go-ahead of one more person${among} for ${forHead}, ${standing.given} of ${standing.needed} are given: ${why}`;
    return { asks, isNeeded: true };
  }
  const maybeTwo = twoPersons !== undefined && headSha === null;
  if (coordinators.length > 0) {
    const second = maybeTwo ? ', and of a second person if it touches what two must agree to' : '';
    return { asks: `the go-ahead of ${coordinators.join(' or ')} for ${forHead}${second}`, isNeeded: true };
  }
  if (gate === 'go-ahead') {
    const asks = `the go-ahead of a person for ${forHead}: the change touches what judges it`;
    return { asks, isNeeded: true };
  }
  const orTwo = maybeTwo ? ', or what two persons must agree to' : '';
  const asks = `nothing, unless the change touches what judges it${orTwo}: the mission merges solo`;
  return { asks, isNeeded: false };
}

function lane({ view, base, mission, lane: found }: WhyOf): Facts {
  const isIt = (one: { mission: string; task: string }) => one.mission === mission && one.task === view.id;
  const evidence: Evidence[] = [];
  if (view.mergeSha !== null) evidence.push({ what: 'merge', says: `on ${base}`, sha: view.mergeSha });
  const place = found?.waiting.findIndex(isIt) ?? -1;
  if (found?.inside.some(isIt)) evidence.push({ what: 'place in the lane', says: 'inside' });
  else if (place >= 0) {
    const inside = found?.inside.map(({ task }) => task).join(', ') ?? '';
    const before = inside === '' ? '' : `, behind ${inside}`;
    evidence.push({
      what: 'place in the lane',
      says: `${place + 1} of ${found?.waiting.length ?? 0}${before}`,
    });
  }
  if (found?.redBase != null) evidence.push({ what: base, says: `red: ${found.redBase}` });
  return { evidence, asks: `its turn in the lane of ${base}`, for: 'lane' };
}

function verifiedMerge({ view, base }: WhyOf): Facts {
  const { mergeSha, mergeCi, evidence: kept } = view;
  const { sha, verdict } = kept?.base ?? { sha: mergeSha, verdict: null };
  const says = verdict ?? mergeCi ?? 'not known yet';
  const evidence = sha === null ? [] : [{ what: `CI of ${base}`, says, sha }];
  const at = mergeSha === null ? 'the commit of the merge' : mergeSha;
  return { evidence, asks: `${base} green at ${at}`, for: 'ci' };
}

function closedIssue({ view }: WhyOf): Facts {
  const { issue, gate, evidence: kept } = view;
  // A gate that a person has let be is passed too; views of before what was done was kept have only gates.
  const isClosed = kept ? kept.issue !== undefined : gates.indexOf(gate) > gates.indexOf('close-issue');
  const evidence = issue === null || !isClosed ? [] : [{ what: 'issue', says: `#${issue} is closed` }];
  return {
    evidence,
    asks: `issue ${issue === null ? 'to be closed' : `#${issue} to be closed`}`,
    for: 'forge',
  };
}
