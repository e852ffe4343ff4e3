/** What somebody meant who has misspelt a word: the nearest of those that are known, if one is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = plainly(word);
  const near = known
    .map((each) => ({ each, distance: distanceOf(plain, plainly(each)) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(plain.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.each;
}

function plainly(word: string): string {
  return word.toLowerCase().replaceAll(/[_-]/g, '');
}

/** Letters to add, leave out or change until one is the other. A word that was left half written is near too. */
function distanceOf(a: string, b: string): number {
  if (a.length >= 4 && b.startsWith(a)) return 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
