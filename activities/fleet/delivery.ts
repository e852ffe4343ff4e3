/** Whether what was written to an agent has reached it, judged by its screen. */
import type { Delivery, Screen } from '../../schema/contracts/fleet.ts';

/** Long enough to be nothing else, short enough to be whole on a screen where the rest has scrolled away. */
const needleLength = 80;

/**
 * `pasted` is the screen before Enter was pressed, `now` one after it. Accepted needs two signs: the message has left
 * the line where it was written, and the agent has shown something after it. The echo of a terminal alone is none.
 */
export function judgeDelivery(of: { message: string; pasted: Screen; now: Screen }): Delivery {
  const needle = flat(of.message).slice(-needleLength);
  const now = flat(of.now.lines.join('\n'));
  if (needle === '' || !now.includes(needle)) return 'unverifiable';
  if (isDraft(needle, of.now)) return 'draft';
  const pasted = flat(of.pasted.lines.join('\n'));
  if (count(now, needle) > count(pasted, needle)) return 'accepted';
  const shown = afterLast(now, needle);
  return shown !== '' && shown !== afterLast(pasted, needle) ? 'accepted' : 'unverifiable';
}

/** Programs that draw a cursor of their own leave the terminal's elsewhere: so the line with the prompt is asked too. */
function isDraft(needle: string, { lines, cursor }: Screen): boolean {
  const beforeCursor = (lines[cursor.y] ?? '').slice(0, cursor.x);
  const toCursor = flat([...lines.slice(0, cursor.y), beforeCursor].join('\n'));
  // A terminal's echo of Enter leaves the cursor at the beginning of the next line.
  if (flat(beforeCursor) !== '' && toCursor.endsWith(needle)) return true;
  const prompt = lines.findLastIndex((line) => /^[\s│┃|]*[>›❯](?:\s|$)/.test(line));
  return prompt !== -1 && flat(lines.slice(prompt).join('\n')).includes(needle);
}

/** Without what programs put between the words of a message: breaks of lines, margins, and the frames of boxes. */
function flat(text: string): string {
  return text.replaceAll(/[\s|\u2500-\u259f]/g, '');
}

function count(text: string, needle: string): number {
  return text.split(needle).length - 1;
}

function afterLast(text: string, needle: string): string {
  return text.split(needle).at(-1) ?? '';
}
