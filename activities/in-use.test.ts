import { describe, expect, it } from 'vitest';
import { moment } from '../test/support/moment.ts';
import { createInUse } from './in-use.ts';

describe('what is in use', () => {
  it('is had alone by nobody until the last user has gone', async () => {
    const inUse = createInUse();
    const [first, second] = [moment(), moment()];
    const users = [first, second].map(({ came }) => inUse.using('task', () => came));
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBeUndefined();
    first.come();
    await users[0];
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBeUndefined();
    expect(await inUse.alone('another', () => Promise.resolve('mine'))).toBe('mine');
    second.come();
    await users[1];
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBe('mine');
  });

  it('is not begun to be used while somebody has it alone, also where that fails', async () => {
    const inUse = createInUse();
    const story: string[] = [];
    const cleaning = moment();
    const alone = inUse.alone('task', async () => {
      await cleaning.came;
      story.push('cleaned');
      throw new Error('and failed');
    });
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBeUndefined();
    const user = inUse.using('task', () => Promise.resolve(story.push('used')));
    cleaning.come();
    await expect(alone).rejects.toThrow('and failed');
    await user;
    expect(story).toEqual(['cleaned', 'used']);
  });
});
