/** The files that people hand to the engine. Their paths are meant from where they lie; the engine gets them absolute. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import type { z } from 'zod';
import { Amendment } from '../../schema/contracts/amendment.ts';
import { MissionFile } from '../../schema/contracts/mission-file.ts';

/** A few aliases are of use; a limit stops those that explode. */
const maxAliasCount = 100;

export async function readMissionFile(path: string): Promise<MissionFile> {
  const file = await readAs(MissionFile, path);
  const absolute = fromWhere(path);
  const { repository } = file;
  if (repository.forge === 'local' && !/^[a-z]+:\/\/|^[^/]+@[^/]+:/i.test(repository.path)) {
    repository.path = absolute(repository.path);
  }
  for (const task of file.milestones.flatMap((milestone) => milestone.tasks)) {
    if (task.runtime === 'script') task.script = absolute(task.script);
  }
  return file;
}

/** `-` is standard input; its paths are meant from the working directory. */
export async function readAmendment(path: string): Promise<Amendment> {
  const amendment = await readAs(Amendment, path);
  const absolute = fromWhere(path);
  for (const change of amendment.changes) {
    if (change.change === 'add' && change.task.runtime === 'script') {
      change.task.script = absolute(change.task.script);
    }
    if (change.change === 'edit' && change.set.script !== undefined) {
      change.set.script = absolute(change.set.script);
    }
  }
  return amendment;
}

function fromWhere(path: string): (relative: string) => string {
  const folder = path === '-' ? '.' : dirname(path);
  return (relative) => resolve(folder, relative);
}

async function readAs<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.infer<Schema>> {
  const name = path === '-' ? 'standard input' : path;
  const content = await (path === '-' ? text(process.stdin) : readFile(path, 'utf8')).catch(
    (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new Error(`${name} can not be read (${code}): check the path`);
    },
  );
  const parsed = schema.safeParse(parseYaml(name, content));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`,
  );
  throw new Error(faults.length === 1 ? `${name}: ${faults[0] ?? ''}` : [`${name}:`, ...faults].join('\n  '));
}

function parseYaml(name: string, content: string): unknown {
  try {
    return parse(content, { maxAliasCount });
  } catch (error) {
    const [line] = error instanceof Error ? error.message.split('\n') : [];
    throw new Error(`${name} is neither YAML nor JSON: ${line ?? 'it can not be parsed'}`);
  }
}
