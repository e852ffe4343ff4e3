import type { MissionWithTasks } from '../cli/api-client.ts';

/** What `--json` prints on the last line of standard output. */
export interface Report {
  mission: string;
  status: string;
  wallMs: number;
  temporalUi: string | null;
  tasks: {
    id: string;
    status: string;
    pullRequest: number | null;
    headSha: string | null;
    mergeSha: string | null;
    ci: string | null;
    reviews: { engine: string; verdict: string; sha: string }[];
    sessions: { id: string; end: string; exitCode: number | null }[];
    waits: { gate: string; on: string; for: string; ms: number }[];
  }[];
}

export function makeReport(
  found: MissionWithTasks,
  of: { wallMs: number; temporalUi: string | null },
): Report {
  return {
    mission: found.mission.id,
    status: found.mission.status,
    ...of,
    tasks: found.tasks.map((task) => ({
      id: task.id,
      status: task.status,
      pullRequest: task.pullRequest,
      headSha: task.headSha,
      mergeSha: task.mergeSha,
      ci: task.mergeCi,
      reviews: task.reviews.map(({ engine, verdict, sha }) => ({ engine, verdict, sha })),
      sessions: task.sessions.map(({ id, end, exitCode }) => ({ id, end, exitCode })),
      waits: task.waited.map((wait) => ({
        gate: wait.gate,
        on: wait.on,
        for: wait.for,
        ms: wait.until - wait.since,
      })),
    })),
  };
}

/** Whether every task is merged, and its merge was seen to be green. */
export function isAllMerged(report: Report): boolean {
  return (
    report.status === 'completed' &&
    report.tasks.every(
      ({ status, mergeSha, ci }) =>
        status === 'merged' && mergeSha !== null && (ci === 'passed' || ci === 'skipped'),
    )
  );
}
