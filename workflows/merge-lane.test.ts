import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MergeRequest } from '../schema/contracts/messages.ts';
import type { Fault, Happening } from '../test/fakes/lane-happenings.ts';
import { LaneModel } from '../test/fakes/lane-model.ts';
import { engineFacts, repository } from '../test/support/plans.ts';
import { MergeLane } from './merge-lane.ts';

/** Each run has its own interleaving; fast-check prints the seed and the smallest case of a failure. */
const numRuns = 5_000;

const pull = fc.integer({ min: 0, max: 3 });
const aboutPull = ['withdraw', 'withdraw', 'withdraw', 'push', 'close', 'terminate', 'twice'] as const;
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('go-ahead' as const), pull }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom(...aboutPull), pull }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('base-push' as const), red: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Happening>({ kind: 'mend' }) },
);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 9, arbitrary: fc.constant<Fault>('none') },
  { weight: 2, arbitrary: fc.constant<Fault>('done-again') },
  { weight: 1, arbitrary: fc.constant<Fault>('fails') },
  { weight: 1, arbitrary: fc.constant<Fault>('fails-after') },
);
const scenario = fc.record({
  scheduler: fc.scheduler(),
  pulls: fc.array(
    fc.record({
      breaksOnUpdate: fc.boolean(),
      breaksBase: fc.boolean(),
      redBase: fc.constantFrom('stop', 'revert', 'revert', 'red-revert'),
      priority: fc.integer({ min: 1, max: 2 }),
      batch: fc.constantFrom(1, 2, 4, 4),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  happenings: fc.array(happening, { minLength: 1, maxLength: 14 }),
  faults: fc.array(fault, { maxLength: 30 }),
  /** Whether the lane goes on as a new run after each service. */
  renews: fc.array(fc.boolean(), { maxLength: 8 }),
});

it.each([
  { name: 'alone', pulls: 1, lost: 4, found: 2, moves: false },
  { name: 'alone, while somebody pushes to the base', pulls: 1, lost: 4, found: 2, moves: true },
  // The other one is brought up to the base between the two.
  { name: 'in a batch', pulls: 2, lost: 7, found: 3, moves: false },
])('who is withdrawn while the lane finds it merged is told that it is: $name', async (of) => {
  const common = {
    breaksOnUpdate: false,
    breaksBase: false,
    redBase: 'stop' as const,
    priority: 1,
    batch: 2,
  };
  let updates = 0;
  const model = new LaneModel({
    pulls: Array.from({ length: of.pulls }, () => common),
    // The answer to its merge is lost for good, so it asks again.
    faults: [...new Array<Fault>(of.lost - 1).fill('none'), 'fails-after'],
    pause: async (label) => {
      updates += label === 'updateBranch' ? 1 : 0;
      if (label !== 'updateBranch' || updates !== of.found) return;
      if (of.moves) model.happen({ kind: 'base-push', red: false });
      const { withdrawal } = model.happen({ kind: 'withdraw', pull: 0 });
      await lane.hearWithdrawal({ id: withdrawal });
    },
    deliver: (request: MergeRequest) => void lane.hearRequest(request),
  });
  const lane = new MergeLane({ input: { engine: engineFacts, repository }, world: model.world() });
  for (const { number } of model.pulls) model.happen({ kind: 'go-ahead', pull: number });
  while (lane.state.hasWaiting) await lane.serveNext();

  const kinds = model.pulls[0]?.requests.map(({ answers }) => answers.map(({ kind }) => kind));
  expect(kinds).toEqual([['failed'], ['too-late', 'merged', 'verified']]);
  expect([...model.violations, ...model.debts()]).toEqual([]);
});

it('merges each pull request at most once, never an untested head, and leaves nobody waiting', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ scheduler, pulls, happenings, faults, renews }) => {
      const input = { engine: engineFacts, repository };
      let wake: () => void = () => undefined;
      const model = new LaneModel({
        ...{ pulls, faults },
        pause: (label) => scheduler.schedule(Promise.resolve(), label),
        deliver: (request: MergeRequest) => {
          void lane.hearRequest(request);
          wake();
        },
      });
      const world = model.world();
      let lane = new MergeLane({ input, world });
      const serving = (async () => {
        for (;;) {
          while (!lane.state.hasWaiting) await new Promise<void>((resolve) => (wake = resolve));
          await lane.serveNext();
          if (renews.shift()) lane = new MergeLane({ input: structuredClone(lane.state.carryOver()), world });
        }
      })();
      const broken = serving.catch((error: unknown) => model.violations.push(String(error)));

      void scheduler.scheduleSequence(
        happenings.map((one) => ({
          label: JSON.stringify(one),
          builder: async () => {
            const { withdrawal } = model.happen(one);
            if (withdrawal !== undefined) await lane.hearWithdrawal({ id: withdrawal });
          },
        })),
      );
      await scheduler.waitIdle();
      // In the end somebody mends the base.
      for (let round = 0; round < 20; round++) {
        model.mend();
        await scheduler.waitIdle();
      }
      expect([...model.violations, ...model.debts()]).toEqual([]);
      void broken;
    }),
    { numRuns, endOnFailure: false },
  );
}, 120_000);
