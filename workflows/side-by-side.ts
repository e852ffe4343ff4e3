import { CancellationScope } from '@temporalio/workflow';

/** Runs a review gate's steps side by side; when one throws, the others have ended before that is told. */
export async function untilOneThrows<Reviewed, Tested>(
  start: () => { reviews: Promise<Reviewed>[]; tests: Promise<Tested> },
): Promise<[Reviewed[], Tested]> {
  const scope = new CancellationScope({ cancellable: true });
  const { reviews, tests } = await scope.run(() => Promise.resolve(start()));
  try {
    return await Promise.all([Promise.all(reviews), tests]);
  } catch (error) {
    scope.cancel();
    await CancellationScope.nonCancellable(() => Promise.allSettled([...reviews, tests]));
    throw error;
  }
}
