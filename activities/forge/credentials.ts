/** What the engine may do on which forge: the one file that has the tokens. */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { Name } from '../../schema/contracts/names.ts';
import { isPrivateHost } from '../../schema/contracts/repository-address.ts';
import { refused } from '../failures.ts';
import { replaceFile } from '../files.ts';

/** Visible characters only: what a header can carry. */
const Token = z.string().regex(/^[!-~]{1,1000}$/, 'a token has visible ASCII characters only');

/** A GitHub App acts as an account of its own, with tokens that it makes for itself and that live an hour. */
const App = z.strictObject({
  /** Its number, or the client id that stands beside it. */
  id: z.union([z.int().min(1), z.string().regex(/^[\w.-]{1,100}$/)]),
  /** Where it is installed. Without it the forge is asked, by the repository. */
  installation: z.int().min(1).optional(),
  /** A PEM file, readable by the operator alone; beside this file where the path is relative. */
  privateKeyFile: z.string().min(1).max(1_000),
});

/** The Woodpecker that runs the pipelines of a host's repositories, and the token of somebody there. */
const Woodpecker = z.strictObject({
  url: z.string().refine(isServerAddress, 'https://HOST; http:// only for a private address'),
  token: Token,
});
export type Woodpecker = z.infer<typeof Woodpecker>;

const HostEntry = z
  .strictObject({
    /** Of the account that opens issues and pull requests, pushes and merges. */
    token: Token.optional(),
    /** The same, on a GitHub. */
    app: App.optional(),
    /** Other accounts by the engine that reviews as them; the others' reviews are comments. */
    reviewers: z.record(Name, z.union([Token, z.strictObject({ app: App })])).optional(),
    /** Accepts a certificate that nobody has signed, at an address of a private network. */
    selfSigned: z.boolean().optional(),
    /** What the host signs its webhooks with. */
    webhookSecret: Token.optional(),
    woodpecker: Woodpecker.optional(),
  })
  .refine(({ token, app }) => (token === undefined) !== (app === undefined), 'it has one of token and app');

export type AppAccount = { kind: 'app' } & z.infer<typeof App>;
export type Account = { kind: 'token'; token: string } | AppAccount;

export interface HostCredentials {
  account: Account;
  reviewers: Record<string, Account>;
  selfSigned: boolean;
  woodpecker?: Woodpecker;
}

/** Hosts as a URL names them, with the port where it is not the usual one. */
const CredentialsFile = z.strictObject({ hosts: z.record(z.string(), HostEntry) });

export interface Credentials {
  /** Refused, with the remedy, for a host that the file doesn't have. */
  of(host: string): Promise<HostCredentials>;
}

export interface StoredCredentials extends Credentials {
  /** All tokens and secrets, of which nothing may be told; none where the file can't be used. */
  secrets(): Promise<string[]>;
  /** What webhooks may be signed with; none where the file can't be used. */
  webhookSecrets(): Promise<string[]>;
  /** The secret of a host's webhooks. Where the file has none, one is made and written there. */
  makeWebhookSecret(host: string): Promise<{ secret: string; made: boolean }>;
}

/** Reads the file each time: a token that was renewed counts at once. */
export function createCredentials(deps: { path: string }): StoredCredentials {
  const { path } = deps;
  return { of, secrets, webhookSecrets, makeWebhookSecret };

  async function find(host: string) {
    const { hosts } = await read(host);
    const known = Object.keys(hosts);
    const name = known.find((one) => one.toLowerCase() === host.toLowerCase());
    const entry = name === undefined ? undefined : hosts[name];
    if (name === undefined || !entry) {
      const others = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
      throw refused(`${path} has no token for ${host} (${others}): add it under hosts:`);
    }
    return { name, entry };
  }

  async function of(host: string): Promise<HostCredentials> {
    const { entry } = await find(host);
    const { reviewers = {}, selfSigned = false, woodpecker } = entry;
    if (selfSigned && !isPrivateHost(hostName(host))) {
      throw refused(
        `${path}: selfSigned of ${host} is for addresses of a private network only: let its certificate be signed`,
      );
    }
    const others = Object.entries(reviewers).map(([engine, given]) => [engine, accountOf(given)] as const);
    return {
      account: accountOf(entry),
      reviewers: Object.fromEntries(others),
      selfSigned,
      ...(woodpecker ? { woodpecker } : {}),
    };
  }

  function accountOf(given: string | Pick<z.infer<typeof HostEntry>, 'token' | 'app'>): Account {
    if (typeof given === 'string') return { kind: 'token', token: given };
    const { token = '', app } = given;
    if (!app) return { kind: 'token', token };
    return { kind: 'app', ...app, privateKeyFile: resolve(dirname(path), app.privateKeyFile) };
  }

  async function secrets(): Promise<string[]> {
    const { hosts } = await read('any host').catch(() => ({ hosts: {} }));
    // Keys and the tokens of apps are known by their form.
    return Object.values(hosts)
      .flatMap(({ token, webhookSecret, reviewers = {}, woodpecker }) => [
        token,
        webhookSecret,
        ...Object.values(reviewers),
        woodpecker?.token,
      ])
      .filter((given) => typeof given === 'string');
  }

  async function webhookSecrets(): Promise<string[]> {
    const { hosts } = await read('any host').catch(() => ({ hosts: {} }));
    return Object.values(hosts).flatMap(({ webhookSecret = [] }) => webhookSecret);
  }

  async function makeWebhookSecret(host: string): Promise<{ secret: string; made: boolean }> {
    const { name, entry } = await find(host);
    if (entry.webhookSecret !== undefined) return { secret: entry.webhookSecret, made: false };
    const secret = randomBytes(32).toString('hex');
    // As a document, so that what people have written beside it stays.
    const document = parseDocument(await readFile(path, 'utf8'));
    document.setIn(['hosts', name, 'webhookSecret'], secret);
    await replaceFile(path, document.toString(), { mode: 0o600, durable: true });
    return { secret, made: true };
  }

  async function read(host: string): Promise<z.infer<typeof CredentialsFile>> {
    const text = await readSecretFile(path, `no token for ${host}`);
    const lines = new LineCounter();
    // Without the library's own words: they quote the line, and that may be one with a token.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const [broken] = document.errors;
    if (broken) throw refused(`${path}:${lines.linePos(broken.pos[0]).line} is no YAML (${broken.code})`);
    const parsed = CredentialsFile.safeParse(document.toJS() ?? {});
    if (!parsed.success) throw refused(`${path}: ${faultsOf(parsed.error)}`);
    return parsed.data;
  }
}

/** Refused where others can read it; `without` is what its absence means. */
export async function readSecretFile(path: string, without: string): Promise<string> {
  const mode = await stat(path).then(
    (found) => found.mode & 0o777,
    () => undefined,
  );
  if (mode === undefined) {
    throw refused(`there is no ${path}, so ${without}: write it, readable by you alone, see docs/forges.md`);
  }
  if ((mode & 0o077) !== 0) {
    throw refused(`${path} can be read by others (mode ${mode.toString(8)}): chmod 600 ${path}`);
  }
  return readFile(path, 'utf8');
}

/** Names places and rules, never what stands there. */
function faultsOf(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      const place = issue.path.join('.');
      if (issue.code === 'unrecognized_keys') return `${place} has a key that is none here`;
      return `${place}: ${issue.message}`;
    })
    .join('; ');
}

function isServerAddress(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && isPrivateHost(hostname));
}

function hostName(host: string): string {
  return URL.canParse(`https://${host}`) ? new URL(`https://${host}`).hostname : host;
}
