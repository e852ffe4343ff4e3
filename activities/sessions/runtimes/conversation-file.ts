/** The files in which programs keep their conversations: some of what they note there, they tell nowhere else. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What is looked for stands near the end, after each answer of the model; what a tool has put out since is shorter. */
const tailBytes = 4 * 1024 * 1024;

/** The end of a conversation's file, which lies somewhere in the folder; empty where there is none. */
export async function readConversationFile(of: { folder: string; conversation: string }): Promise<string> {
  // Both programs begin its name with a time, and end it with the conversation's id.
  const files = await readdir(of.folder, { recursive: true }).catch(() => []);
  const newest = files
    .filter((file) => file.endsWith(`${of.conversation}.jsonl`))
    .sort()
    .at(-1);
  return newest === undefined ? '' : readTail(join(of.folder, newest));
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, tailBytes);
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(length),
      position: size - length,
    });
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
