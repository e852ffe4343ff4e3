import { RequestError } from '@octokit/request-error';
import signAppToken from 'universal-github-app-jwt';
import { z } from 'zod';
import { refused, unavailable } from '../../failures.ts';
import { readSecretFile, type AppAccount } from '../credentials.ts';
import { dispatcherFor, readAddress, type Destination } from '../rest/access.ts';
import { callTimeoutMs } from '../rest/client.ts';
import { createOctokit } from './octokit.ts';

export interface App extends Pick<Destination, 'at' | 'selfSigned'> {
  app: AppAccount;
}

/** GitHub Apps: accounts that make their tokens themselves. */
export interface Apps {
  /** A token for the one repository, that lives on for some minutes at least. */
  token(of: App): Promise<string>;
  /** The next one is made anew. */
  forget(of: App): void;
  login(of: App): Promise<string>;
}

/** The tokens of GitHub live for an hour; what was begun with one must be able to end with it, a push of git too. */
const renewBeforeMs = 10 * 60_000;

const Installation = z.object({ id: z.int() });
const InstallationToken = z.object({ token: z.string(), expires_at: z.iso.datetime({ offset: true }) });
const AppName = z.object({ slug: z.string() });

/** Keys are read each time a token is made: one that is renewed counts at once. */
export function createApps(deps: { timeoutMs?: number } = {}): Apps {
  const { timeoutMs = callTimeoutMs } = deps;
  const tokens = new Map<string, { token: string; until: number }>();
  const logins = new Map<string, string>();
  const unsigned = dispatcherFor({ selfSigned: true });
  return { token, forget: (of) => tokens.delete(keyOf(of)), login };

  async function token(of: App): Promise<string> {
    const known = tokens.get(keyOf(of));
    if (known && Date.now() < known.until) return known.token;
    const { owner, name } = of.at;
    const installation = of.app.installation ?? (await findInstallation(of));
    const said = await ask(of, {
      method: 'POST',
      url: `/app/installations/${installation}/access_tokens`,
      // Not for the others that the app may see.
      body: { repositories: [name] },
      answer: InstallationToken,
      missing: `it is not installed for ${owner}/${name}`,
    });
    const until = Date.parse(said.expires_at) - renewBeforeMs;
    tokens.set(keyOf(of), { token: said.token, until });
    return said.token;
  }

  async function findInstallation(of: App): Promise<number> {
    const { owner, name } = of.at;
    const url = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/installation`;
    const missing = `it is not installed for ${owner}/${name}`;
    return (await ask(of, { method: 'GET', url, answer: Installation, missing })).id;
  }

  async function login(of: App): Promise<string> {
    const key = JSON.stringify([of.at.url, of.app]);
    const known = logins.get(key);
    if (known !== undefined) return known;
    const missing = 'there is none of that id';
    const { slug } = await ask(of, { method: 'GET', url: '/app', answer: AppName, missing });
    const name = `${slug}[bot]`;
    logins.set(key, name);
    return name;
  }

  /** As the app itself, with a signature in place of a token. */
  async function ask<Body>(
    of: App,
    call: {
      method: 'GET' | 'POST';
      url: string;
      body?: Record<string, unknown>;
      answer: z.ZodType<Body>;
      /** What it means that GitHub has no such thing. */
      missing: string;
    },
  ): Promise<Body> {
    const { method, url, body, answer, missing } = call;
    const who = `the app ${of.app.id} of ${of.at.host}`;
    const authorization = `bearer ${await sign(of)}`;
    const { at, selfSigned } = of;
    const dispatcher = selfSigned ? unsigned : undefined;
    const octokit = createOctokit({ at, dispatcher, timeoutMs, isPaced: false });
    try {
      const said: { data: unknown } = await octokit.request({
        ...{ method, url, ...body },
        headers: { authorization },
      });
      const parsed = answer.safeParse(said.data);
      if (parsed.success) return parsed.data;
      throw unavailable(`${who}: the answer to ${method} ${url} is not understood`);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const { status } = error;
      if (status === 401) {
        throw refused(
          `${who}: its key ${of.app.privateKeyFile} is not accepted: make it a new one on GitHub, or mend this machine's clock`,
        );
      }
      if (status === 404) throw refused(`${who}: ${missing}`);
      if (status === 403 || status === 422) throw refused(`${who} gets no token: ${error.message}`);
      throw unavailable(`${who} got no token: ${method} ${url}: ${error.message}`);
    }
  }

  async function sign(of: App): Promise<string> {
    const { id, privateKeyFile } = of.app;
    const privateKey = await readSecretFile(privateKeyFile, `no token for ${of.at.host}`);
    const signed = await signAppToken<number | string>({ id, privateKey }).catch(() => {
      // Without the library's words: they may quote it.
      throw refused(
        `${privateKeyFile} has no private key of an app: take the PEM file that GitHub gave for it`,
      );
    });
    return signed.token;
  }
}

/** What git asks for. */
export function appTokenOf(apps: Apps) {
  return ({ address, ...of }: { address: string; app: AppAccount; selfSigned: boolean }): Promise<string> =>
    apps.token({ at: readAddress(address), ...of });
}

function keyOf({ at, app, selfSigned }: App): string {
  return JSON.stringify([at.url, at.owner, at.name, app, selfSigned]);
}
