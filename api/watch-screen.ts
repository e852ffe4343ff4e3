import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Screen } from '../schema/contracts/fleet.ts';

/** Often enough for a person who looks; each look is a call of tmux. */
const lookMs = 500;

/** Proxies and browsers drop a stream that is silent for long. */
const keepAliveMs = 15_000;

/** Streams a screen each time that it has changed, until there is none any more. */
export function watchScreen(
  context: Context,
  of: { first: Screen; look: () => Promise<Screen>; follow: boolean },
): Response {
  return streamSSE(context, async (stream) => {
    let shown = '';
    let writtenAt = 0;
    for (let screen: Screen | undefined = of.first; screen !== undefined;) {
      const data = JSON.stringify(screen);
      if (data !== shown) {
        await stream.writeSSE({ event: 'screen', data });
        [shown, writtenAt] = [data, Date.now()];
      } else if (Date.now() - writtenAt > keepAliveMs) {
        await stream.write(': alive\n\n');
        writtenAt = Date.now();
      }
      if (!of.follow) return;
      await stream.sleep(lookMs);
      if (stream.aborted) return;
      // What has ended has no screen.
      screen = await of.look().catch(() => undefined);
    }
  });
}
