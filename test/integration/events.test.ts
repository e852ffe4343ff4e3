import { expect, it, onTestFinished } from 'vitest';
import { createApi } from '../../scripts/cli/api-client.ts';
import { initialMissionView, initialTaskView, type MissionEvent } from '../../schema/contracts/views.ts';
import { recordMission, recordTask } from '../../schema/db/projection.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { startApi } from '../support/api.ts';
import { tellMission } from '../support/missions.ts';
import { until } from '../support/until.ts';
import { startTestEngine } from '../support/workers.ts';

it('events are complete and in order for all who resume, while many tasks write at once', async () => {
  const engine = await startTestEngine(new FakeWorld());
  onTestFinished(() => engine.stop());
  const api = await startApi(engine);
  const { tenant } = engine.facts;
  const ids = ['A', 'B', 'C', 'D', 'E'];
  const plan = await tellMission(api.queries, { id: 'busy', repository: 1, status: 'running', tasks: ids });
  const rounds = 8;

  const stories: MissionEvent[][] = [];
  const followers = Promise.all([1, 3, 7].map((every) => follow(every)));
  await Promise.all(ids.map((id) => write(id)));
  const end = { at: 0, type: 'mission-ended' as const, message: 'completed' };
  const view = initialMissionView(plan, 'completed');
  await recordMission(api.queries, { tenant, mission: 'busy', seq: 2, view, events: [end] });

  await followers;
  for (const story of stories) {
    expect(story.map(({ seq }) => seq)).toEqual(story.map((_, index) => index + 1));
    for (const id of ids) {
      const messages = story.filter(({ task }) => task === id).map(({ message }) => message);
      expect(messages).toEqual(Array.from({ length: rounds * 2 }, (_, n) => `${id} ${n}`));
    }
    expect(story.at(-1)?.type).toBe('mission-ended');
  }

  /** Two events a round; each round is told twice, as an activity is that is run again. */
  async function write(id: string): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      const events = [0, 1].map((n) => ({
        at: 0,
        type: 'gate-entered' as const,
        message: `${id} ${round * 2 + n}`,
      }));
      const told = initialTaskView({ mission: 'busy', milestone: 'm1', id, title: id });
      const news = { tenant, mission: 'busy', seq: round + 2, view: told, events };
      await Promise.all([recordTask(api.queries, news), recordTask(api.queries, news)]);
      // Followers wait for news at one time and are behind at another.
      if (round % 2 === 0) await until(() => stories.every((story) => tells(story, events.at(-1)?.message)));
    }
  }

  function tells(story: MissionEvent[], message: string | undefined): boolean {
    return story.some((event) => event.message === message);
  }

  /** Breaks the connection after so many events, and resumes after the last one it has seen. */
  async function follow(every: number): Promise<void> {
    const client = createApi({ url: api.url, token: api.admin });
    const story: MissionEvent[] = [];
    stories.push(story);
    while (story.at(-1)?.type !== 'mission-ended') {
      const connection = new AbortController();
      let seen = 0;
      for await (const event of client.events({
        id: 'busy',
        after: story.at(-1)?.seq ?? 0,
        signal: connection.signal,
      })) {
        story.push(event);
        seen += 1;
        if (seen === every) break;
      }
      connection.abort();
    }
  }
});
