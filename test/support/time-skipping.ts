import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { inCommon, type AtEnd } from './temporary.ts';

const path = inject('testServer');

/** Tests on a server that skips time are skipped where there is none, and say so; with REQUIRE_ALL=1 they fail. */
export const noTestServer = path === undefined && process.env['REQUIRE_ALL'] !== '1';

/** A server that skips the time in which nobody works. */
export async function startSkippingServer(atEnd: AtEnd): Promise<TestWorkflowEnvironment> {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: path ?? '' } },
  });
  atEnd(() => environment.teardown());
  return environment;
}

/** One for all tests of a block: it is there when they run. */
export function useSkippingServer(): Pick<TestWorkflowEnvironment, 'address' | 'sleep' | 'currentTimeMs'> {
  const server = inCommon(startSkippingServer);
  return {
    get address() {
      return server().address;
    },
    sleep: (duration) => server().sleep(duration),
    currentTimeMs: () => server().currentTimeMs(),
  };
}
