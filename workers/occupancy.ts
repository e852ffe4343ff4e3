import type { WorkerInterceptors } from '@temporalio/worker';
import { runsBelow } from '../activities/processes/tree.ts';
import type { AttendanceActivities } from '../workflows/ports.ts';

type ActivityInterceptors = NonNullable<WorkerInterceptors['activity']>;

const attendance: readonly string[] = ['attend', 'isThere'] satisfies (keyof AttendanceActivities)[];

/** Whether a host has something to do: what it was asked for, and what runs there while nobody watches. */
export class Occupancy {
  #running = 0;
  #quietSince = performance.now();

  /** For how many milliseconds nothing has run. `root`: the data directory that all runs lie in. */
  quietFor(root: string): number {
    if (this.#running === 0 && !runsBelow(root)) return performance.now() - this.#quietSince;
    this.#quietSince = performance.now();
    return 0;
  }

  interceptor: ActivityInterceptors[number] = ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        if (attendance.includes(info.activityType)) return next(input);
        this.#running += 1;
        try {
          return await next(input);
        } finally {
          this.#running -= 1;
          this.#quietSince = performance.now();
        }
      },
    },
  });
}
