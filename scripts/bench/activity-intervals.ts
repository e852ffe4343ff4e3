import type { Client } from '@temporalio/client';
import type { Interval } from './statistics.ts';

/** When an ordinary activity ran, by the server's clock: from the start of its last attempt to its result. */
export interface ActivityInterval extends Interval {
  activity: string;
}

export async function readIntervals(client: Client, workflowId: string): Promise<ActivityInterval[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const names = new Map<string, string>();
  const starts = new Map<string, number>();
  const intervals: ActivityInterval[] = [];
  for (const event of events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const started = event.activityTaskStartedEventAttributes;
    const completed = event.activityTaskCompletedEventAttributes;
    if (scheduled) names.set(String(event.eventId), scheduled.activityType?.name ?? '');
    if (started) starts.set(String(started.scheduledEventId), millisecondsOf(event.eventTime));
    if (!completed) continue;
    const id = String(completed.scheduledEventId);
    intervals.push({
      activity: names.get(id) ?? '',
      from: starts.get(id) ?? 0,
      to: millisecondsOf(event.eventTime),
    });
  }
  return intervals;
}

/** The parts of a protobuf timestamp; the seconds come as a number of 64 bits in an object. */
function millisecondsOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
}
