import { describe, expect, it } from 'vitest';
import { createInUse } from './in-use.ts';

function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('what is in use', () => {
  it('is had alone by nobody until the last user has gone', async () => {
    const inUse = createInUse();
    const [first, second] = [gate(), gate()];
    const users = [first, second].map(({ opened }) => inUse.using('task', () => opened));
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBeUndefined();
    first.open();
    await users[0];
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBeUndefined();
    expect(await inUse.alone('another', () => Promise.resolve('mine'))).toBe('mine');
    second.open();
    await users[1];
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBe('mine');
  });

  it('is not begun to be used while somebody has it alone, also where that fails', async () => {
    const inUse = createInUse();
    const story: string[] = [];
    const cleaning = gate();
    const alone = inUse.alone('task', async () => {
      await cleaning.opened;
      story.push('cleaned');
      throw new Error('and failed');
    });
    expect(await inUse.alone('task', () => Promise.resolve('mine'))).toBeUndefined();
    const user = inUse.using('task', () => Promise.resolve(story.push('used')));
    cleaning.open();
    await expect(alone).rejects.toThrow('and failed');
    await user;
    expect(story).toEqual(['cleaned', 'used']);
  });
});
