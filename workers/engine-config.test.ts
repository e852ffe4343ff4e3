import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary.ts';
import { readEngineConfig, type EngineConfig } from './engine-config.ts';

/** Reads a data folder whose `engine.yaml` has this text; without text there is no such file. */
async function read(text: string | undefined, roots: string[] = []): Promise<EngineConfig> {
  const data = await temporaryFolder();
  if (text !== undefined) await writeFile(join(data, 'engine.yaml'), text);
  return readEngineConfig({ data, roots });
}

const slots = Math.max(4, availableParallelism() * 2);
const keep = { days: 30, auditDays: 365, gigabytes: 20, cloneHours: 24 };
const disk = { freeGigabytes: 1, sessionGigabytes: 20 };
const nothingAllowed = {
  roots: [],
  allowPrivateAddresses: false,
  commands: {},
  slots,
  engines: {},
  labels: [],
  requestsPerMinute: 600,
  keep,
  disk,
  notify: [],
};

describe('the operator’s configuration', () => {
  it.each([
    { name: 'there is no file', text: undefined },
    { name: 'the file is empty', text: '' },
    { name: 'the file is a comment', text: '# later\n' },
    { name: 'the file is null', text: 'null\n' },
    { name: 'the file has an empty object', text: '{}\n' },
  ])('allows nothing when $name', async ({ text }) => {
    expect(await read(text)).toEqual(nothingAllowed);
  });

  it('names commands, engines, addresses and a limit', async () => {
    const text = [
      'allowPrivateAddresses: true',
      'slots: 3',
      'commands:',
      '  build: [make, -j2, all]',
      'engines:',
      '  oracle: {family: oracle, argv: [oracle, --json]}',
      '  sage: {family: google, runtime: pi, model: google/gemini-3-pro, effort: high, tier: 3}',
      'requestsPerMinute: 30',
      'keep: {days: 7, cloneHours: 0.5}',
      'disk: {sessionGigabytes: 5}',
    ].join('\n');
    expect(await read(text)).toEqual({
      roots: [],
      allowPrivateAddresses: true,
      commands: { build: ['make', '-j2', 'all'] },
      slots: 3,
      engines: {
        oracle: { family: 'oracle', argv: ['oracle', '--json'] },
        sage: { family: 'google', runtime: 'pi', model: 'google/gemini-3-pro', effort: 'high', tier: 3 },
      },
      requestsPerMinute: 30,
      labels: [],
      keep: { ...keep, days: 7, cloneHours: 0.5 },
      disk: { ...disk, sessionGigabytes: 5 },
      notify: [],
    });
  });

  it('names who is told, with a secret beside the file', async () => {
    const data = await temporaryFolder();
    const text = 'notify: [{url: https://hooks.example.org/a, secretFile: hook.secret, events: [blocked]}]\n';
    await writeFile(join(data, 'engine.yaml'), text);
    const { notify } = await readEngineConfig({ data, roots: [] });
    expect(notify).toEqual([
      { url: 'https://hooks.example.org/a', secretFile: join(data, 'hook.secret'), events: ['blocked'] },
    ]);
  });

  it.each([
    { name: 'a key that nobody knows', text: 'root: [/srv]\n', says: '"root"' },
    { name: 'a root that is no list', text: 'roots: /srv\n', says: 'roots' },
    { name: 'an empty root, which would be the folder itself', text: "roots: ['']\n", says: 'roots[0]' },
    { name: 'yes for true', text: 'allowPrivateAddresses: yes\n', says: 'allowPrivateAddresses' },
    { name: 'a command as one text', text: 'commands: {build: make all}\n', says: 'commands.build' },
    { name: 'a command of nothing', text: 'commands: {build: []}\n', says: 'commands.build' },
    { name: 'a command with a number', text: 'commands: {build: [make, 2]}\n', says: 'commands.build[1]' },
    { name: 'a command with a path for a name', text: 'commands: {../build: [make]}\n', says: '../build' },
    {
      name: 'an engine without a family',
      text: 'engines: {oracle: {argv: [oracle]}}\n',
      says: 'engines.oracle.family',
    },
    {
      name: 'an engine of no family',
      text: "engines: {oracle: {family: '', argv: [oracle]}}\n",
      says: 'engines.oracle.family',
    },
    {
      name: 'an engine without a program',
      text: 'engines: {oracle: {family: a, argv: []}}\n',
      says: 'engines.oracle.argv',
    },
    {
      name: 'an engine with a key that nobody knows',
      text: 'engines: {oracle: {family: a, argv: [b], model: c}}\n',
      says: '"model"',
    },
    {
      name: 'an engine that is an agent and a program',
      text: 'engines: {oracle: {family: a, runtime: pi, argv: [b]}}\n',
      says: '"argv"',
    },
    {
      name: 'an engine that is an agent nobody knows',
      text: 'engines: {oracle: {family: a, runtime: vim}}\n',
      says: 'engines.oracle.runtime',
    },
    {
      name: 'an engine of half a tier',
      text: 'engines: {oracle: {family: a, runtime: pi, tier: 1.5}}\n',
      says: 'engines.oracle.tier',
    },
    { name: 'a limit that nobody could keep', text: 'requestsPerMinute: 0\n', says: 'requestsPerMinute' },
    {
      name: 'a listener that would be told in the clear',
      text: 'notify: [{url: http://hooks.example.org, secretFile: s}]\n',
      says: 'take https',
    },
    {
      name: 'a listener on a private network',
      text: 'notify: [{url: https://127.0.0.1/a, secretFile: s}]\n',
      says: 'notify[0].url',
    },
    {
      name: 'a listener with a password',
      text: 'notify: [{url: https://me:pass@hooks.example.org, secretFile: s}]\n',
      says: 'credentials',
    },
    {
      name: 'a listener without a secret',
      text: 'notify: [{url: https://hooks.example.org}]\n',
      says: 'notify[0].secretFile',
    },
    { name: 'a list', text: '- /srv\n', says: 'expected object' },
  ])('is refused with the place and the file: $name', async ({ text, says }) => {
    await expect(read(text)).rejects.toThrow(says);
    await expect(read(text)).rejects.toThrow('engine.yaml');
  });

  it.each([
    { name: 'is no YAML', text: 'roots: [\n' },
    { name: 'says a thing twice', text: 'roots: []\nroots: [/srv]\n' },
  ])('is refused when it $name', async ({ text }) => {
    await expect(read(text)).rejects.toThrow();
  });

  it('is refused when its file can’t be read', async () => {
    const data = await temporaryFolder();
    await mkdir(join(data, 'engine.yaml'));
    await expect(readEngineConfig({ data, roots: [] })).rejects.toThrow('EISDIR');
  });
});

describe('the roots', () => {
  it('of the file are relative to the file, those of the command line to where it was given', async () => {
    const data = await temporaryFolder();
    await writeFile(join(data, 'engine.yaml'), 'roots: [repos, ../shared, /srv/git]\n');
    const { roots } = await readEngineConfig({ data, roots: ['mine', '/opt/git'] });
    expect(roots).toEqual([
      join(data, 'repos'),
      resolve(data, '../shared'),
      '/srv/git',
      resolve('mine'),
      '/opt/git',
    ]);
  });

  it('of the command line count without a file', async () => {
    expect(await read(undefined, ['/opt/git'])).toEqual({ ...nothingAllowed, roots: ['/opt/git'] });
  });
});
