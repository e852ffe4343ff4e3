/** A text of some length at the most. A cut is stated, so that nobody takes a part for the whole. */
export function cutText(text: string, length: number, where?: string): string {
  const more = text.length - length;
  if (more <= 0) return text;
  return `${text.slice(0, length)}\n[cut: ${more} more characters${where === undefined ? '' : `; ${where}`}]`;
}
