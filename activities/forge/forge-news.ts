import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import { ForgeNews, repositoryTopic } from '../../schema/contracts/webhook.ts';
import type { Database } from '../../schema/db/database.ts';
import { forgeNewsChannel } from '../../schema/db/webhooks.ts';

interface Listener {
  concerns: (news: ForgeNews) => boolean;
  wake: () => void;
}

/** Somebody who listens from now on, so that nothing is missed between a look and the wait after it. */
export interface Listening {
  /** Resolves with the first news that concern them. */
  heard: Promise<void>;
  stop(): void;
}

/** Wakes those who wait for a forge in this process: one subscription to the database for all of them. */
export class ForgeNewsHub {
  readonly #listeners = new Map<string, Set<Listener>>();
  #stop: () => Promise<void> = () => Promise.resolve();

  async start(database: Pick<Database, 'listen'>): Promise<void> {
    this.#stop = await database.listen(forgeNewsChannel, {
      onPayload: (payload) => this.#tell(payload),
      onGap: () => {
        for (const listeners of this.#listeners.values()) for (const { wake } of listeners) wake();
      },
    });
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  listen(of: { repository: PlannedRepository; concerns: (news: ForgeNews) => boolean }): Listening {
    const topic = repositoryTopic(of.repository.address);
    const listeners = this.#listeners.get(topic) ?? new Set();
    let wake: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => (wake = resolve));
    const listener = { concerns: of.concerns, wake };
    this.#listeners.set(topic, listeners.add(listener));
    return {
      heard,
      stop: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
      },
    };
  }

  #tell(payload: string): void {
    const news = parseNews(payload);
    if (!news) return;
    for (const { concerns, wake } of this.#listeners.get(news.topic) ?? []) if (concerns(news)) wake();
  }
}

/** Another version's process may say what this one does not understand. */
function parseNews(payload: string): ForgeNews | undefined {
  try {
    return ForgeNews.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}
