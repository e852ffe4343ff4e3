import type { WorkerInterceptors } from '@temporalio/worker';
import { z } from 'zod';
import type { HostActivities } from '../workflows/ports.ts';

/** What the activities that are about a session have in their input. */
const SessionInput = z.object({ sessionId: z.string() });

const supervising: readonly string[] = [
  'runSession',
  'review',
  'judgeDisputes',
] satisfies (keyof HostActivities)[];

type ActivityInterceptors = NonNullable<WorkerInterceptors['activity']>;

/** Names the session in what its activity logs, and tells when a session is watched and when no more. */
export function sessionInterceptor(
  watched: (of: { activity: string; by: 1 | -1 }) => void,
): ActivityInterceptors[number] {
  return ({ info }) => {
    let session: string | undefined;
    return {
      inbound: {
        async execute(input, next) {
          session = SessionInput.safeParse(input.args[0]).data?.sessionId;
          if (!supervising.includes(info.activityType)) return next(input);
          watched({ activity: info.activityType, by: 1 });
          try {
            return await next(input);
          } finally {
            watched({ activity: info.activityType, by: -1 });
          }
        },
      },
      outbound: {
        getLogAttributes: (input, next) => next(session === undefined ? input : { ...input, session }),
      },
    };
  };
}
