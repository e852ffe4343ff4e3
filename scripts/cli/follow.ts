import type { MissionEvent } from '../../schema/contracts/views.ts';
import { Refusal, type Api } from './api-client.ts';

/** How soon a broken stream is taken up again: an engine that restarts is back in seconds. */
const againMs = 500;

/** Without an answer for this long the engine is not coming back by itself. */
const giveUpMs = 120_000;

/**
 * Follows a mission to its end, across restarts of the engine: it takes up the stream after the last event it has
 * seen. `findApi` is asked each time, since a restarted engine may listen elsewhere.
 */
export async function followMission(of: {
  findApi: () => Promise<Api>;
  id: string;
  /** The number of the last event that is known already. */
  after?: number;
  onEvent: (event: MissionEvent) => void;
}): Promise<void> {
  let { after = 0 } = of;
  let lostAt: number | undefined;
  for (;;) {
    try {
      const api = await of.findApi();
      for await (const event of api.events({ id: of.id, after })) {
        lostAt = undefined;
        after = event.seq;
        of.onEvent(event);
        if (event.type === 'mission-ended') return;
      }
      const { mission } = await api.show(of.id);
      if (mission.endedAt !== null) return;
    } catch (error) {
      if (error instanceof Refusal && error.status < 500) throw error;
      lostAt ??= Date.now();
      if (Date.now() - lostAt > giveUpMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}
