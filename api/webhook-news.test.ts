import { describe, expect, it } from 'vitest';
import { readNews } from './webhook-news.ts';

const sha = 'a'.repeat(40);
const repository = { full_name: 'Owner/Greeter' };
const topic = 'owner/greeter';

describe('what a delivery tells', () => {
  it.each([
    { event: 'status', payload: { repository, sha, state: 'success' }, news: { topic, sha } },
    {
      event: 'push',
      payload: { repository, ref: 'refs/heads/release/1.0', before: 'b'.repeat(40), after: sha },
      news: { topic, sha, branch: 'release/1.0' },
    },
    { event: 'push', payload: { repository, ref: 'refs/tags/v1', after: sha }, news: { topic, sha } },
    { event: 'pull_request', payload: { repository, pull_request: { head: { sha } } }, news: { topic, sha } },
    { event: 'check_run', payload: { repository, check_run: { head_sha: sha } }, news: { topic, sha } },
    { event: 'check_suite', payload: { repository, check_suite: { head_sha: sha } }, news: { topic, sha } },
    { event: 'workflow_run', payload: { repository, workflow_run: { head_sha: sha } }, news: { topic, sha } },
    { event: undefined, payload: { repo: repository, pipeline: { commit: sha } }, news: { topic, sha } },
  ])('of $event is a commit or a branch', ({ event, payload, news }) => {
    expect(readNews({ event, payload })).toEqual(news);
  });

  it('is the whole repository where it does not say more, or not as we know it', () => {
    expect(readNews({ event: 'status', payload: { repository } })).toEqual({ topic });
    expect(readNews({ event: 'status', payload: { repository, sha: 'abbreviated' } })).toEqual({ topic });
    expect(readNews({ event: 'check_run', payload: { repository, check_run: 7 } })).toEqual({ topic });
  });

  it.each([
    { event: 'issues', payload: { repository } },
    { event: 'ping', payload: { repository } },
    { event: 'of-tomorrow', payload: { repository, sha } },
    { event: 'status', payload: { sha } },
    { event: 'status', payload: null },
    { event: 'status', payload: [] },
    { event: 'status', payload: { repository: 'owner/greeter', sha } },
  ])('of $event, $payload, is nothing to us', ({ event, payload }) => {
    expect(readNews({ event, payload })).toBeUndefined();
  });
});
