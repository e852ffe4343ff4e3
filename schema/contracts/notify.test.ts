import { describe, expect, it } from 'vitest';
import { notificationOf } from './notify.ts';
import type { NewEvent } from './views.ts';

function event(type: NewEvent['type'], message: string): NewEvent {
  return { at: 0, type, message };
}

describe('what is told to the outside', () => {
  it('is a pause of the engine, and none that somebody has made, whatever is said of it', () => {
    expect(notificationOf(event('paused', 'by engine: m1 is red'), [{ kind: 'paused' }])).toBe('paused');
    expect(notificationOf(event('paused', 'by engine'), [])).toBeUndefined();
  });

  it('is a go-ahead that a person is waited for, and none that the policy has given', () => {
    const entered = event('gate-entered', 'go-ahead: waits on the merge go-ahead, for: person');
    expect(notificationOf(entered, [{ kind: 'go-ahead' }])).toBe('go-ahead-wanted');
    expect(notificationOf(event('gate-entered', 'go-ahead'), [])).toBeUndefined();
    expect(notificationOf(event('gate-entered', 'push'), [{ kind: 'go-ahead' }])).toBeUndefined();
  });

  it('is what is asked, reminded of and blocked, and nothing that is only told', () => {
    expect(notificationOf(event('asked', 'law-1: may it?'), [])).toBe('asked');
    expect(notificationOf(event('delivered', '1 commits'), [])).toBeUndefined();
  });
});
