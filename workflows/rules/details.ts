import { gates, type Gate, type Wait } from '../../schema/contracts/gates.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { MissionView, TaskView } from '../../schema/contracts/views.ts';
import { judgedHead } from '../../schema/contracts/why-gates.ts';
import { stateOf } from '../../schema/contracts/why.ts';

/** What a person who opens the mission in the Temporal UI reads. */
export function describeMission(view: MissionView): string {
  const where = view.milestone === null ? '' : ` in milestone ${view.milestone}`;
  if (!view.paused) return `**${view.status}**${where}`;
  const { by, reason, at } = view.paused;
  const why = reason === null ? '' : `: ${reason}`;
  return `**${view.status}**${where} by ${by} since ${new Date(at).toISOString()}${why}`;
}

/** What a person who opens the task in the Temporal UI reads: where it stands, what it waits on, since when, for whom. */
export function describeTask(view: TaskView): string {
  const lines = [`**${view.status}** at gate **${view.gate}**`];
  if (view.reason !== null) lines.push('', `Reason: ${view.reason}`);
  if (view.waits) {
    const since = new Date(view.waits.since).toISOString();
    lines.push('', `Waits on ${view.waits.on}, for: **${view.waits.for}**, since ${since}`);
  }
  lines.push('', '| gate | state | evidence |', '|---|---|---|');
  for (const gate of gates.slice(0, -1)) {
    lines.push(`| ${gate} | ${stateIn(view, gate)} | ${evidence(view, gate)} |`);
  }
  return lines.join('\n');
}

/** What is still to come has no word for it. */
function stateIn(view: TaskView, gate: Gate): string {
  if (gate === view.gate) return view.status;
  const state = stateOf(view, gate);
  return state === 'not-yet' ? '' : state;
}

function evidence(view: TaskView, gate: Gate): string {
  switch (gate) {
    case 'intake':
      return view.issue === null ? '' : `issue #${view.issue}`;
    case 'implement':
      return authorEvidence(view);
    case 'verify-delivery':
      return short(view.headSha);
    case 'open-pull-request':
      return view.pullRequest === null ? '' : `#${view.pullRequest}`;
    case 'review-and-ci':
      return reviewEvidence(view);
    case 'go-ahead':
      return view.goAhead ? `${view.goAhead.by} for ${short(view.goAhead.sha)}` : '';
    case 'merge-lane':
      return short(view.mergeSha);
    case 'verify-merge':
      return view.mergeCi ?? '';
    default:
      return '';
  }
}

function authorEvidence(view: TaskView): string {
  const { length } = view.sessions.filter((session) => session.role === 'author');
  return length === 0 ? '' : `${length} sessions`;
}

function reviewEvidence(view: TaskView): string {
  const reviewed = judgedHead(view);
  const reviews = view.reviews
    .filter((review) => review.sha === reviewed)
    .map((review) => `${review.engine}: ${review.verdict}`);
  return [...reviews, ...(view.ci === null ? [] : [`CI: ${view.ci}`])].join(', ');
}

function short(sha: string | null): string {
  return sha === null ? '' : `\`${sha.slice(0, 10)}\``;
}

/** What an agent says of its session, for the line that tells of its end. */
export function describeAgent({ agent }: SessionSummary): string {
  if (!agent) return '';
  const { inputTokens, outputTokens } = agent.usage;
  return `: ${agent.outcome}, ${inputTokens} tokens read and ${outputTokens} written`;
}

export function describeWait(wait: Pick<Wait, 'on' | 'for'>): string {
  return `waits on ${wait.on}, for: ${wait.for}`;
}
