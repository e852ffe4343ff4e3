/** Keeps what the real programs print, so that the readers' tests need none of them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../schema/package-root.ts';

/** System prompts and lists of tools are most of the output, and none of it is read. */
const longestText = 300;
const longestList = 5;

/** `replacements`: what is this machine's own, by what stands for it. */
export async function record(of: {
  name: string;
  output: string;
  replacements: Readonly<Record<string, string>>;
}): Promise<void> {
  const path = join(packageRoot(), 'test/recordings', `${of.name}.jsonl`);
  let text = of.output;
  for (const [own, standIn] of Object.entries(of.replacements)) text = text.replaceAll(own, standIn);
  const lines = text
    .split('\n')
    .map((line) => (line === '' ? '' : JSON.stringify(shorten(JSON.parse(line)))));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, lines.join('\n'));
}

function shorten(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, longestText);
  if (Array.isArray(value)) return value.slice(0, longestList).map(shorten);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shorten(inner)]));
}
