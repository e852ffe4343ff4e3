/** From green to merged on a real Gitea: see docs/benchmarks.md. A real engine; the author is a script. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pollMs } from '../../activities/failures.ts';
import { pollsPerMinute } from '../../activities/ci/poll-budget.ts';
import { ForgeBench, type BenchRepository } from './forge-bench.ts';
import type { Measure } from './measures.ts';
import { atMost, part } from './rows.ts';
import { median } from './statistics.ts';

/** What the engine may take beside the forge's own merge. */
const overMergeSeconds = 1;

const minute = 60_000;

/** With webhooks, one pull request after another, each beside a merge that nobody but Gitea has to do with. */
export const measureHooked: Measure = async ({ quick, say }) => {
  const rounds = quick ? 3 : 10;
  const bench = await ForgeBench.start();
  try {
    const repository = await bench.makeRepository('hooked');
    const other = await bench.makeRepository('beside');
    await bench.addWebhook(repository);
    const mission = await bench.startMission({ repository, tasks: rounds + 1, parallel: 1 });
    const engine: number[] = [];
    const own: number[] = [];
    // The first of each is not counted: it loads what the others find loaded.
    for (let round = 0; round <= rounds; round++) {
      say(`hooked: round ${round} of ${rounds}`);
      const task = await mission.untilTested(round);
      const ownMs = await bench.mergeByHand(other, `by-hand-${round}`);
      const greenAt = await bench.turnGreen(repository, task.headSha);
      const merged = await mission.untilMerged(round);
      await bench.turnGreen(repository, merged.mergeSha);
      if (round === 0) continue;
      own.push(ownMs);
      engine.push(merged.at - greenAt);
    }
    const [engineSeconds, ownSeconds] = [median(engine) / 1_000, median(own) / 1_000];
    return [
      atMost(ownSeconds + overMergeSeconds, {
        name: 'from CI turned green to merged, with webhooks, median; the limit is Gitea’s own merge and 1 s',
        value: engineSeconds,
        unit: 's',
      }),
      part({ name: '  Gitea’s own merge, median', value: ownSeconds, unit: 's' }),
      part({ name: '  the engine’s, the slowest', value: Math.max(...engine) / 1_000, unit: 's' }),
    ];
  } finally {
    await bench.stop();
  }
};

/** Without webhooks: repositories side by side, whose CI turns green at other points between two looks. */
export const measurePolled: Measure = async ({ quick, say }) => {
  const count = quick ? 2 : 5;
  const bench = await ForgeBench.start();
  try {
    const took = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const repository = await bench.makeRepository(`polled-${index}`);
        const mission = await bench.startMission({ repository, tasks: 1, parallel: 1 });
        const { headSha } = await mission.untilTested(0);
        await sleep((pollMs * (index + 0.5)) / count);
        say(`polled: ${index + 1} of ${count} turns green`);
        const greenAt = await bench.turnGreen(repository, headSha);
        return (await mission.untilMerged(0)).at - greenAt;
      }),
    );
    return [
      atMost(pollMs / 1_000, {
        name: 'from CI turned green to merged, without webhooks, median',
        value: median(took) / 1_000,
        unit: 's',
      }),
      part({ name: '  the slowest', value: Math.max(...took) / 1_000, unit: 's' }),
    ];
  } finally {
    await bench.stop();
  }
};

/** Requests of all kinds that reach the forge while many pull requests wait and nothing comes of it. */
export const measureBudget: Measure = async ({ quick, say }) => {
  const waiting = quick ? 5 : 20;
  const minutes = quick ? 2 : 4;
  const bench = await ForgeBench.start({ slots: waiting });
  try {
    const repository: BenchRepository = await bench.makeRepository('waiting');
    const mission = await bench.startMission({ repository, tasks: waiting, parallel: waiting });
    await Promise.all(Array.from({ length: waiting }, (_, index) => mission.untilTested(index)));
    const began = Date.now();
    say(`budget: ${waiting} pull requests wait for ${minutes} minutes`);
    await sleep(minutes * minute);
    const requests = bench.requestsOf(repository).filter((at) => at >= began);
    const most = Math.max(
      0,
      ...requests.map((from) => requests.filter((at) => at >= from && at < from + minute).length),
    );
    return [
      atMost(pollsPerMinute, {
        name: `requests of the forge in any minute while ${waiting} pull requests wait, without webhooks`,
        value: most,
        unit: 'requests',
      }),
      part({ name: '  on average', value: requests.length / minutes, unit: 'requests' }),
    ];
  } finally {
    await bench.stop();
  }
};
