import { describe, expect, inject, it } from 'vitest';
import { hostFacts as facts, startHostStory, type HostStory } from '../support/host-story.ts';
import { until } from '../support/until.ts';
import { wordsOfRefusal } from '../support/workers.ts';

function start(): Promise<HostStory> {
  return startHostStory(inject('temporalAddress'));
}

describe('a host', () => {
  it('that is back within its lease was never lost', async () => {
    const host = await start();
    const stop = await host.serve();
    await host.join();
    await stop();
    await until(() => host.last() === 'silent');
    await host.serve();
    const anew = { pid: 2, slots: 8 };
    await host.join(anew);
    // Longer than its loss would have taken: another one, that nobody serves, is lost by then.
    const other = await start();
    await other.join();
    await until(() => other.last() === 'lost');
    expect(host.written).toEqual([facts, 'silent', { ...facts, ...anew }]);
  });

  it('belongs to one data directory and to one tenant', async () => {
    const host = await start();
    await host.join();
    const reasons = [
      await wordsOfRefusal(host.join({ identity: 'two' })),
      await wordsOfRefusal(host.join({ tenant: 'other' })),
      await wordsOfRefusal(host.join({ name: 'b' })),
      await wordsOfRefusal(host.join({ slots: 0 })),
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
