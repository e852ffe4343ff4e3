/** All that a new person or agent needs to carry on with a mission. Bounded: what is left out is told. */
import { cutText } from './cut.ts';
import { z } from 'zod';
import { isActive, TaskStatus, Wait } from './gates.ts';
import { Finding } from './review.ts';
import { SessionSummary } from './session.ts';
import { GateFailure, MissionView, TaskView } from './views.ts';
import { openFindings } from './why-gates.ts';
import { GateWhy, whyNot, type Why, type WhyOf } from './why.ts';

/** Of each kind the newest; a page or two of one task can be read. */
const kept = { findings: 20, failures: 10, sessions: 10 };

/** Of a claim, a finding or a failure its beginning tells enough to look further. */
const longestText = 500;

/** A goal is what the work is about, and a mission has up to hundreds of them. */
const longestGoal = 2_000;

export const HandoffTask = z.object({
  ...TaskView.pick({ id: true, title: true, milestone: true, branch: true, headSha: true }).shape,
  ...TaskView.pick({ issue: true, pullRequest: true }).shape,
  status: TaskStatus,
  /** Null of one that an amendment has added before amended plans were recorded. */
  goal: z.string().nullable(),
  /** Why it may not be merged yet, in one sentence. */
  answer: z.string(),
  /** Of a task at work: see `Why`. */
  gates: z.array(GateWhy),
  /** What reviewers object to and nobody has mended, as far as is known. */
  findings: z.array(z.object({ engine: z.string(), sha: z.string(), ...Finding.shape })),
  /** What was tried and has failed, oldest first. */
  failures: z.array(GateFailure.pick({ gate: true, message: true, sha: true })),
  /** Oldest first. The claim is the agent's own last word. */
  sessions: z.array(
    SessionSummary.pick({ id: true, role: true, runtime: true, host: true, end: true, endedAt: true }).extend(
      {
        outcome: z.string().nullable(),
        claim: z.string().nullable(),
      },
    ),
  ),
  commands: z.array(z.string()),
  /** What was left out, each in words. */
  cut: z.array(z.string()),
});
export type HandoffTask = z.infer<typeof HandoffTask>;

export const Handoff = z.object({
  ...MissionView.shape,
  milestones: z.array(z.object({ id: z.string(), title: z.string(), tasks: z.array(HandoffTask) })),
  /** What waits for whom since when, the oldest first. */
  waiting: z.array(z.object({ task: z.string(), ...Wait.shape, command: z.string().nullable() })),
  commands: z.array(z.string()),
});
export type Handoff = z.infer<typeof Handoff>;

/** Where a task stands, and how it came there. */
export function handoffTask(of: { why: WhyOf; goal: string | null }): HandoffTask {
  const { view } = of.why;
  const { id, title, milestone, branch, headSha, issue, pullRequest, status } = view;
  const why = whyNot(of.why);
  const isAtWork = isActive(status);
  const findings = isAtWork ? openFindings(view) : [];
  const cut = [
    ...left(findings.length - kept.findings, 'findings'),
    ...left(view.failures.length - kept.failures, 'earlier failures'),
    ...left(view.sessions.length - kept.sessions, 'earlier sessions'),
  ];
  return {
    ...{ id, title, milestone, branch, headSha, issue, pullRequest, status, cut },
    goal: of.goal === null ? null : cutText(of.goal, longestGoal),
    answer: why.answer,
    gates: isAtWork ? why.gates : [],
    findings: findings
      .slice(0, kept.findings)
      .map((finding) => ({ ...finding, message: cutText(finding.message, longestText) })),
    failures: view.failures
      .slice(-kept.failures)
      .map(({ gate, message, sha }) => ({ gate, message: cutText(message, longestText), sha })),
    sessions: view.sessions.slice(-kept.sessions).map(toHandoffSession),
    commands: commandsFor(why, view),
  };
}

/** `tasks` in the plan's order. `titles` are those of the milestones. */
export function handoffOf(of: {
  mission: MissionView;
  titles: ReadonlyMap<string, string>;
  tasks: readonly { why: WhyOf; goal: string | null }[];
}): Handoff {
  const { mission } = of;
  const tasks = of.tasks.map(handoffTask);
  const ids = [...new Set(tasks.map(({ milestone }) => milestone))];
  const waiting = of.tasks.flatMap(({ why: { view } }, index) => {
    if (view.waits === null) return [];
    const command = tasks[index]?.gates.find(({ gate }) => gate === view.gate)?.command ?? null;
    return [{ task: view.id, ...view.waits, on: cutText(view.waits.on, longestText), command }];
  });
  return {
    ...mission,
    milestones: ids.map((id) => ({
      id,
      title: of.titles.get(id) ?? id,
      tasks: tasks.filter(({ milestone }) => milestone === id),
    })),
    waiting: waiting.sort((one, other) => one.since - other.since),
    commands: [
      `mission show ${mission.id}`,
      `mission watch ${mission.id}`,
      mission.paused === null
        ? `mission pause ${mission.id} --reason REASON`
        : `mission resume ${mission.id}`,
      `mission cancel ${mission.id} --reason REASON`,
    ],
  };
}

function commandsFor({ mission, task, gates }: Why, { status, questions }: TaskView): string[] {
  if (!isActive(status)) return [];
  const at = `${mission} ${task}`;
  const moves = gates.flatMap(({ command }) => command ?? []);
  const answers = questions.slice(1).map(({ id }) => `mission answer ${mission}.${task}.${id} OPTION`);
  const others = status === 'blocked' ? [`mission resolve ${at} skip`, `mission resolve ${at} abandon`] : [];
  return [...moves, ...answers, ...others, `mission why ${at}`];
}

function toHandoffSession(session: SessionSummary): HandoffTask['sessions'][number] {
  const { id, role, runtime, host, end, endedAt, agent, reason } = session;
  const claim = agent?.message ?? reason ?? '';
  return {
    ...{ id, role, runtime, host, end, endedAt },
    outcome: agent?.outcome ?? null,
    claim: claim.trim() === '' ? null : cutText(claim, longestText),
  };
}

function left(count: number, what: string): string[] {
  return count > 0 ? [`${count} ${what}`] : [];
}
