import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readMissionFile } from '../scripts/cli/files.ts';
import { readRosterFile } from '../workers/roster-file.ts';
import { packageRoot } from './package-root.ts';
import { asText, published } from './published.ts';

const docs = join(packageRoot(), 'docs');
const examples = readdirSync(join(docs, 'examples')).map((name) => join(docs, 'examples', name));
const fixtures = join(packageRoot(), 'test/fixtures/rosters');

/** Whether the published schema, as an editor would use it, accepts a text. */
function accepts(schema: string, text: string): boolean {
  const document = z.record(z.string(), z.unknown()).parse(readJson(join(docs, 'schemas', schema)));
  return new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).validate(
    document,
    parse(text),
  );
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

describe('a published schema', () => {
  it.each(Object.entries(published))('is up to date: %s (npm run schemas)', async (name, schema) => {
    expect(await readFile(join(docs, 'schemas', name), 'utf8')).toBe(asText(schema));
  });

  it.each(examples)('accepts the example, and so does the engine: %s', async (path) => {
    const isRoster = path.includes('/roster');
    expect(accepts(isRoster ? 'roster.json' : 'mission-file.json', await readFile(path, 'utf8'))).toBe(true);
    await expect(isRoster ? readRosterFile(path) : readMissionFile(path)).resolves.toBeDefined();
  });

  it.each([
    { name: 'camel-case.yaml', accepted: true },
    { name: 'minimal.yaml', accepted: true },
    { name: 'factory.yaml', accepted: false },
  ])('thinks of the fleets’ rosters as the engine does: $name', async ({ name, accepted }) => {
    const path = join(fixtures, name);
    expect(accepts('roster.json', await readFile(path, 'utf8'))).toBe(accepted);
    const read = readRosterFile(path).then(
      () => true,
      () => false,
    );
    expect(await read).toBe(accepted);
  });

  it.each([
    { name: 'one key in both forms', text: 'version: 1\ntmux: {socketName: a, socket_name: a}' },
    { name: 'a key that nobody knows', text: 'version: 1\ncolour: red' },
    { name: 'a runtime that nobody knows', text: 'version: 1\nruntimes: {cluade: {}}' },
    { name: 'no version', text: 'agents: []' },
  ])('refuses $name', ({ text }) => {
    expect(accepts('roster.json', text)).toBe(false);
  });
});
