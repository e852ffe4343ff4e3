import { describe, expect, it } from 'vitest';
import { moment } from '../test/support/moment.ts';
import { KeyedLock } from './keyed-lock.ts';

/** A caller that notes when it comes in and goes out, and stays until it is let go. */
function caller(lock: KeyedLock, key: string, name: string, notes: string[]) {
  const { came: opened, come: open } = moment();
  const entered = moment();
  const done = lock.with(key, async () => {
    notes.push(`${name} in`);
    entered.come();
    await opened;
    notes.push(`${name} out`);
    return name;
  });
  return { entered: entered.came, done, letGo: open };
}

describe('a keyed lock', () => {
  it('lets one after another pass, in order of arrival', async () => {
    const lock = new KeyedLock();
    const notes: string[] = [];
    const callers = ['a', 'b', 'c'].map((name) => caller(lock, 'key', name, notes));
    // They are let go in the wrong order, and pass in the right one.
    for (const { letGo } of callers.toReversed()) letGo();
    await Promise.all(callers.map(({ done }) => done));
    expect(notes).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  it('does not make callers of other keys wait', async () => {
    const lock = new KeyedLock();
    const notes: string[] = [];
    const first = caller(lock, 'one', 'a', notes);
    const second = caller(lock, 'two', 'b', notes);
    await Promise.all([first.entered, second.entered]);
    expect(notes).toEqual(['a in', 'b in']);
    first.letGo();
    second.letGo();
    expect(await Promise.all([first.done, second.done])).toEqual(['a', 'b']);
  });

  it('answers with what the action answers', async () => {
    const lock = new KeyedLock();
    expect(await lock.with('key', () => Promise.resolve(7))).toBe(7);
  });

  it.each<{ name: string; action: () => Promise<never> }>([
    { name: 'rejects', action: () => Promise.reject(new Error('broken')) },
    {
      name: 'throws at once',
      action: () => {
        throw new Error('broken');
      },
    },
  ])('fails the caller whose action $name, and lets the next one pass', async ({ action }) => {
    const lock = new KeyedLock();
    const broken = lock.with('key', action);
    const next = lock.with('key', () => Promise.resolve('next'));
    await expect(broken).rejects.toThrow('broken');
    expect(await next).toBe('next');
  });

  it('lets one pass again when all others have gone', async () => {
    const lock = new KeyedLock();
    const order: number[] = [];
    for (const turn of [1, 2, 3]) {
      await lock.with('key', () => Promise.resolve(order.push(turn)));
    }
    expect(order).toEqual([1, 2, 3]);
  });

  it('never has two inside, however many come, and whenever', async () => {
    const lock = new KeyedLock();
    let inside = 0;
    let most = 0;
    async function visit(): Promise<void> {
      await lock.with('key', async () => {
        inside += 1;
        most = Math.max(most, inside);
        await Promise.resolve();
        inside -= 1;
      });
    }
    // Each comes twice, so that some arrive while others leave.
    await Promise.all(Array.from({ length: 50 }, () => visit().then(visit)));
    expect([inside, most]).toEqual([0, 1]);
  });
});
