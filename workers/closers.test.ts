import { describe, expect, it } from 'vitest';
import { Closers, startOrClose } from './closers.ts';

describe('what was started', () => {
  it('is closed in reverse, all of it, also when a part fails to', async () => {
    const closed: string[] = [];
    const closers = new Closers();
    closers.add(() => closed.push('first'));
    closers.add(() => Promise.reject(new Error('stuck')));
    closers.add(() => closed.push('last'));
    await expect(closers.close()).rejects.toThrow(/stuck/);
    expect(closed).toEqual(['last', 'first']);
    await closers.close();
    expect(closed).toHaveLength(2);
  });

  it('is closed again when the start fails half way, and the start says why', async () => {
    const closed: string[] = [];
    const start = startOrClose((closers) => {
      closers.add(() => closed.push('part'));
      return Promise.reject(new Error('no server'));
    });
    await expect(start).rejects.toThrow('no server');
    expect(closed).toEqual(['part']);
  });
});
