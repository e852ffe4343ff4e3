import { describe, expect, it } from 'vitest';
import { judgeDelivery } from './delivery.ts';
import type { Screen } from '../../schema/contracts/fleet.ts';

const message = '[lead -> coder] go on';

/** A screen whose cursor stands where `_` is written. */
function screen(...drawn: string[]): Screen {
  const y = drawn.findIndex((line) => line.includes('_'));
  const x = drawn[y]?.indexOf('_') ?? 0;
  return { lines: drawn.map((line) => line.replace('_', '')), cursor: { x, y: Math.max(y, 0) } };
}

const written = screen(`> ${message}_`);

describe('a message to an agent', () => {
  it.each([
    { is: 'accepted', when: 'an empty prompt follows it', now: screen(`> ${message}`, '> _') },
    { is: 'accepted', when: 'the agent repeats it', now: screen(message, message, '_') },
    {
      is: 'accepted',
      when: 'it stands above the box, and the cursor below all',
      now: screen(`> ${message}`, '• Working', '╭────╮', '│ >  │', '╰────╯', '_'),
    },
    { is: 'draft', when: 'the cursor stands behind it', now: screen(`${message}_`) },
    {
      is: 'draft',
      when: 'it is broken over the lines of a box, and the cursor below all',
      now: screen(
        '• Working',
        '╭─────────────╮',
        '│ > [lead ->  │',
        '│   coder] go │',
        '│   on        │',
        '╰─╯',
        '_',
      ),
    },
    {
      is: 'draft',
      when: 'the same was accepted before',
      now: screen(`> ${message}`, 'done', `> ${message}_`),
    },
    { is: 'unverifiable', when: 'only the terminal shows it', now: screen(message, '_') },
    { is: 'unverifiable', when: 'the screen does not show it', now: screen('> [Pasted text]', '> _') },
    { is: 'unverifiable', when: 'the screen is empty', now: screen('_') },
  ])('is $is when $when', ({ is, now }) => {
    expect(judgeDelivery({ message, pasted: written, now })).toBe(is);
  });

  it('is unverifiable when what follows it stood there before it was sent', () => {
    const pasted = screen(message, 'a line of the status', '_');
    expect(judgeDelivery({ message, pasted, now: pasted })).toBe('unverifiable');
  });
});
