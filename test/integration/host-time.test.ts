import { setTimeout as pause } from 'node:timers/promises';
import type { Duration } from '@temporalio/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hostFacts, startHostStory } from '../support/host-story.ts';
import { noTestServer, startSkippingServer } from '../support/time-skipping.ts';
import { until } from '../support/until.ts';

/** The longest lease that there is. */
const leaseSeconds = 86_400;
const facts = { ...hostFacts, leaseSeconds };

interface Clock {
  address: string;
  /**
   * Lets time pass. The server's clock stands for each activity that nobody has answered; these are asked of a host
   * that is away, and are passed over.
   */
  pass(duration: Duration): Promise<void>;
}

/** Longer than the server takes to skip to the end of a sleep, so that its clock is not let go once more. */
const settleMs = 1_000;

/** One for each test: what is left unanswered in one would hold the clock of the next. */
async function startClock(): Promise<Clock> {
  const environment = await startSkippingServer(onTestFinished);
  const { testService } = environment.connection;
  if (!testService) throw new Error('this server skips no time');
  return {
    address: environment.address,
    async pass(duration) {
      const slept = environment.sleep(duration).then(() => true);
      let passedOver = 0;
      while (!(await Promise.race([slept, pause(settleMs, false)]))) {
        await testService.unlockTimeSkipping({});
        passedOver += 1;
      }
      for (; passedOver > 0; passedOver -= 1) await testService.lockTimeSkipping({});
    },
  };
}

describe.skipIf(noTestServer)('a host, over days (skipped without the time-skipping server)', () => {
  it('is silent for all of its lease, then lost for as long as it is away, and up when it is back', async () => {
    const server = await startClock();
    const host = await startHostStory(server.address);
    const stop = await host.serve();
    await host.join({ leaseSeconds });
    await stop();
    await until(() => host.last() === 'silent');
    await server.pass('24 hours');
    expect(host.last()).toBe('silent');
    await server.pass('1 hour');
    await until(() => host.last() === 'lost');
    await server.pass('30 days');
    expect(host.last()).toBe('lost');
    await host.serve();
    await until(() => host.last() === 'up');
    await host.drain();
    await host.handle.result();
    expect(host.written).toEqual([facts, 'silent', 'lost', 'up', 'draining', 'left']);
  });

  it('that is lost has left as soon as somebody drains it', async () => {
    const server = await startClock();
    const host = await startHostStory(server.address);
    const stop = await host.serve();
    await host.join({ leaseSeconds });
    await stop();
    await until(() => host.last() === 'silent');
    await server.pass('25 hours');
    await until(() => host.last() === 'lost');
    expect(await host.drain()).toBe('left');
    await host.handle.result();
  });

  it('that was drained and is back within its lease lets its sessions end, and leaves then', async () => {
    const server = await startClock();
    const host = await startHostStory(server.address);
    const stop = await host.serve(() => true);
    await host.join({ leaseSeconds });
    expect(await host.drain()).toBe('draining');
    await stop();
    await until(() => host.last() === 'silent');
    await server.pass('23 hours');
    let busy = true;
    await host.serve(() => busy);
    await until(() => host.last() === 'draining');
    busy = false;
    await host.handle.result();
    expect(host.written).toEqual([facts, 'draining', 'silent', 'draining', 'left']);
  });

  it('that was drained and does not come back has left when its lease is over', async () => {
    const server = await startClock();
    const host = await startHostStory(server.address);
    const stop = await host.serve(() => true);
    await host.join({ leaseSeconds });
    await host.drain();
    await stop();
    await until(() => host.last() === 'silent');
    await server.pass('25 hours');
    await host.handle.result();
    expect(host.written).toEqual([facts, 'draining', 'silent', 'left']);
  });
});
