import { generateKeyPairSync } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startFakeGithub, type FakeGithub } from '../../../test/fakes/fake-github.ts';
import { useDatabase } from '../../../test/support/databases.ts';
import { githubWorld, type RestWorld } from '../../../test/support/forge-worlds.ts';
import { temporaryFolder } from '../../../test/support/temporary.ts';
import { createCredentials, type Credentials } from '../credentials.ts';
import { createGitSettings } from '../git-settings.ts';
import { appTokenOf, createApps, type Apps } from './apps.ts';
import { createGithubAccess } from './access.ts';

const database = useDatabase('PGlite');

// The form in which GitHub gives them.
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });

describe('an engine that is a GitHub App', () => {
  let fake: FakeGithub;
  let folder: string;
  let credentials: Credentials;
  let world: RestWorld;
  let apps: Apps;

  beforeEach(async () => {
    fake = await startFakeGithub(onTestFinished);
    folder = await temporaryFolder();
    await writeFile(join(folder, 'app.pem'), pem, { mode: 0o600 });
    await name({ id: 12, privateKeyFile: 'app.pem' });
    credentials = createCredentials({ path: join(folder, 'forges.yaml') });
    world = await githubWorld({ server: fake, queries: database().queries, credentials });
    apps = createApps();
  });

  async function name(app: Record<string, unknown>): Promise<void> {
    const text = JSON.stringify({ hosts: { [new URL(fake.url).host]: { app } } });
    await writeFile(join(folder, 'forges.yaml'), text, { mode: 0o600 });
  }

  /** Who it is, and where main stands. */
  async function look() {
    const { planned: repository } = world.repository;
    const there = await createGithubAccess({ credentials, apps, isPaced: false }).of(repository);
    return there.client.get({ path: `${there.path}/git/ref/heads/main`, answer: z.unknown() });
  }

  it('makes its own tokens, for one repository, and uses one until it is old', async () => {
    await look();
    await look();
    expect(fake.appTokens).toHaveLength(1);
    expect(fake.appTokens[0]).toContain(world.path.split('/').at(-1));
  });

  it('makes the next one before the last has run out', async () => {
    fake.setTokenLife(5 * 60_000);
    await look();
    await look();
    expect(fake.appTokens).toHaveLength(2);
  });

  it('makes a new one when the last is accepted no more, for the next attempt', async () => {
    await look();
    fake.breakNext({ method: 'GET', path: /heads/, how: 'unauthorized' });
    await expect(look()).rejects.toMatchObject({ type: 'Unavailable' });
    expect(await look()).toMatchObject({ kind: 'ok' });
    expect(fake.appTokens).toHaveLength(2);
  });

  it('acts under its own name, and finds what it has made', async () => {
    const { planned: repository } = world.repository;
    const issue = { repository, marker: 'mission:m/T-1', title: 'T', body: '' };
    const { number } = await world.process().findOrCreateIssue(issue);
    expect(await world.process().findOrCreateIssue(issue)).toMatchObject({ number });
    const [made] = fake.repositoryAt(world.path.replace('/repos/', '')).issues;
    expect(made?.user.login).toBe('engine[bot]');
  });

  it('gives git its token too', async () => {
    const settings = createGitSettings({ credentials, appToken: appTokenOf(apps) });
    const { address } = world.repository.planned;
    const header = (await settings(address))[`http.${fake.url}/.extraHeader`] ?? '';
    const [, basic = ''] = header.split('Basic ');
    expect(Buffer.from(basic, 'base64').toString()).toBe(`x-access-token:${fake.appTokens.at(-1) ?? ''}`);
  });

  it('is told apart from one that is not installed there', async () => {
    await name({ id: 12, installation: 5, privateKeyFile: 'app.pem' });
    await expect(look()).rejects.toMatchObject({ type: 'Refused' });
    await expect(look()).rejects.toThrow('is not installed for author/');
  });

  it('is refused a key that others can read, or that is none, without a word of it', async () => {
    const path = join(folder, 'app.pem');
    await chmod(path, 0o644);
    await expect(look()).rejects.toThrow(`chmod 600 ${path}`);
    await writeFile(path, 'a secret that is no key');
    await chmod(path, 0o600);
    const failure = await look().catch((error: unknown) => error);
    expect(String(failure)).toContain(`${path} has no private key`);
    expect(String(failure)).not.toContain('a secret');
  });

  it('asks again later when its token can’t be made, and has changed nothing', async () => {
    const { planned: repository } = world.repository;
    const down = { method: 'POST', path: /access_tokens/, how: 'fails-before' } as const;
    fake.breakNext(down);
    fake.breakNext(down);
    const asked = { repository, marker: 'mission:m/T-1', title: 'T', body: '' };
    await expect(world.process().findOrCreateIssue(asked)).rejects.toMatchObject({ type: 'Unavailable' });
    expect(await world.issues()).toEqual([]);
  });
});
