import { describe, expect, it } from 'vitest';
import { News } from './news.ts';

function newsAt(times: number[], taken?: number): News {
  return new News(() => times.shift() ?? 0, taken);
}

describe('what a workflow has told', () => {
  it('is every event that was taken, with its place, and the view as it was then', () => {
    const news = newsAt([1, 2, 3]);
    const view = { status: 'running' };
    news.tell('mission-started', 'hello');
    news.tell('milestone-started', 'm1');
    news.take(view);
    news.tell('mission-ended', 'completed');
    view.status = 'completed';

    const first = [
      { at: 1, type: 'mission-started', message: 'hello', seq: 1, index: 0 },
      { at: 2, type: 'milestone-started', message: 'm1', seq: 1, index: 1 },
    ];
    expect(news.told).toEqual({ seq: 1, view: { status: 'running' }, events: first });
    news.take(view);
    const last = { at: 3, type: 'mission-ended', message: 'completed', seq: 2, index: 0 };
    expect(news.told).toEqual({ seq: 2, view: { status: 'completed' }, events: [...first, last] });
  });

  it('goes on counting where an earlier run of the workflow has stopped', () => {
    const news = newsAt([7], 4);
    expect(news.told).toEqual({ seq: 4, view: null, events: [] });
    news.tell('resumed', 'by lead');
    expect(news.take({})).toMatchObject({ seq: 5 });
    expect(news.told.events).toMatchObject([{ seq: 5, index: 0 }]);
  });
});
