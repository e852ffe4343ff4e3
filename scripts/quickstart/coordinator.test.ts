import { describe, expect, it } from 'vitest';
import { initialTaskView, type MissionEvent } from '../../schema/contracts/views.ts';
import { createApi, Refusal, Unreachable, type Api } from '../cli/api-client.ts';
import { Coordinator } from './coordinator.ts';

const headSha = 'a'.repeat(40);
const atGoAhead: MissionEvent = {
  seq: 1,
  at: 0,
  task: 'T-1',
  type: 'gate-entered',
  message: 'go-ahead: waits',
};

/** An engine with one task at its go-ahead, which answers the first calls with what goes wrong. */
function engineThat(goesWrong: Error[]): { api: () => Promise<Api>; given: string[] } {
  const given: string[] = [];
  const view = initialTaskView({ mission: 'm', milestone: 'm1', id: 'T-1', title: 'T' });
  const api: Api = {
    ...createApi({ url: 'http://127.0.0.1:9', token: 'none' }),
    show: () =>
      Promise.resolve({
        mission: {
          id: 'm',
          title: 'M',
          status: 'running',
          repository: { id: 'r', forge: 'local', address: '/r.git', base: 'main' },
          milestone: 'm1',
          paused: null,
          asked: [],
          reason: null,
          createdAt: '',
          endedAt: null,
        },
        tasks: [{ ...view, headSha, gate: given.length > 0 ? 'merge-lane' : 'go-ahead' }],
      }),
    goAhead: (of) => {
      const error = goesWrong.shift();
      if (error) return Promise.reject(error);
      given.push(of.headSha);
      return Promise.resolve({ sha: of.headSha, by: 'q', via: 'api', at: 0 });
    },
  };
  return { api: () => Promise.resolve(api), given };
}

describe('the quickstart’s coordinator', () => {
  it.each<{ name: string; error: Error }>([
    { name: 'a workflow that has not come back to its gate', error: new Refusal(409, 'wrong phase') },
    { name: 'an engine whose Temporal server does not answer', error: new Refusal(503, 'not ready') },
    { name: 'an engine that was just killed', error: new Unreachable('nobody answers') },
  ])('asks again after $name', async ({ error }) => {
    const { api, given } = engineThat([error]);
    const coordinator = new Coordinator({ api, mission: 'm' });
    coordinator.hear(atGoAhead);
    await coordinator.done();
    expect(given).toEqual([headSha]);
  });

  it('does not go on after a refusal that will not change', async () => {
    const { api, given } = engineThat([new Refusal(403, 'no coordinator')]);
    const coordinator = new Coordinator({ api, mission: 'm' });
    coordinator.hear(atGoAhead);
    await expect(coordinator.done()).rejects.toThrow('no coordinator');
    expect(given).toEqual([]);
  });
});
