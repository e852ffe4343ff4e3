import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, inject, it } from 'vitest';
import { hostFacts as facts, startHostStory, type HostStory } from '../support/host-story.ts';
import { until } from '../support/until.ts';

function start(): Promise<HostStory> {
  return startHostStory(inject('temporalAddress'));
}

describe('a host', () => {
  it('belongs to one data directory and to one tenant', async () => {
    const host = await start();
    await host.join();
    const reasons = [
      await refusal(host.join({ identity: 'two' })),
      await refusal(host.join({ tenant: 'other' })),
      await refusal(host.join({ name: 'b' })),
      await refusal(host.join({ slots: 0 })),
    ];
    expect(reasons).toEqual([
      'the host a belongs to another data directory (on here, process 1): choose another name with --name',
      'the host a is of the tenant default, for ever: choose another name with --name',
      'it says that it is b, and asks to be a',
      expect.stringContaining('malformed'),
    ]);
    expect(host.written.filter((entry) => typeof entry === 'object')).toEqual([facts]);
  });

  it('that is drained leaves when nothing runs there any more, and not before', async () => {
    const host = await start();
    let busy = true;
    await host.serve(() => busy);
    await host.join();
    expect(await host.drain()).toBe('draining');
    await until(() => host.asked.includes('idle'));
    expect(host.last()).toBe('draining');
    busy = false;
    await host.handle.result();
    expect(host.written).toEqual([facts, 'draining', 'left']);
    expect(host.asked).toEqual(['asked', 'idle', 'left']);
  });

  it('goes on leaving when its process was started anew meanwhile', async () => {
    const host = await start();
    let busy = true;
    const first = await host.serve(() => busy);
    await host.join();
    await host.drain();
    await first();
    await until(() => host.last() === 'silent');
    await host.serve(() => busy);
    await host.join({ pid: 2 });
    await until(() => host.last() === 'draining');
    busy = false;
    await host.handle.result();
    expect(host.last()).toBe('left');
  });
});

async function refusal(update: Promise<unknown>): Promise<string> {
  const error = await update.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof WorkflowUpdateFailedError ? (error.cause?.message ?? '') : String(error);
}
