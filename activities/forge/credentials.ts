/** What the engine may do on which forge: the one file that has the tokens. */
import { readFile, stat } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { Name } from '../../schema/contracts/names.ts';
import { isPrivateHost } from '../../schema/contracts/repository-address.ts';
import { refused } from '../failures.ts';

/** Visible characters only: what a header can carry. */
const Token = z.string().regex(/^[!-~]{1,1000}$/, 'a token has visible ASCII characters only');

export const HostCredentials = z.strictObject({
  /** Of the account that opens issues and pull requests, pushes and merges. */
  token: Token,
  /** Tokens of other accounts by the engine that reviews with them; the others' reviews are comments. */
  reviewers: z.record(Name, Token).optional(),
  /** Accepts a certificate that nobody has signed, at an address of a private network. */
  selfSigned: z.boolean().optional(),
});
export type HostCredentials = z.infer<typeof HostCredentials>;

/** Hosts as a URL names them, with the port where it is not the usual one. */
const CredentialsFile = z.strictObject({ hosts: z.record(z.string(), HostCredentials) });

export interface Credentials {
  /** Refused, with the remedy, for a host that the file doesn't have. */
  of(host: string): Promise<HostCredentials>;
}

/** With all tokens, of which nothing may be told; none where the file can't be used. */
export type StoredCredentials = Credentials & { secrets(): Promise<string[]> };

/** Reads the file each time: a token that was renewed counts at once. */
export function createCredentials(deps: { path: string }): StoredCredentials {
  const { path } = deps;
  return { of, secrets };

  async function of(host: string): Promise<HostCredentials> {
    const { hosts } = await read(host);
    const known = Object.keys(hosts);
    const found = known.find((name) => name.toLowerCase() === host.toLowerCase());
    const credentials = found === undefined ? undefined : hosts[found];
    if (!credentials) {
      const others = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
      throw refused(`${path} has no token for ${host} (${others}): add it under hosts:`);
    }
    if (credentials.selfSigned === true && !isPrivateHost(hostName(host))) {
      throw refused(
        `${path}: selfSigned of ${host} is for addresses of a private network only: let its certificate be signed`,
      );
    }
    return credentials;
  }

  async function secrets(): Promise<string[]> {
    const { hosts } = await read('any host').catch(() => ({ hosts: {} }));
    return Object.values(hosts).flatMap(({ token, reviewers = {} }) => [token, ...Object.values(reviewers)]);
  }

  async function read(host: string): Promise<z.infer<typeof CredentialsFile>> {
    const mode = await stat(path).then(
      (found) => found.mode & 0o777,
      () => undefined,
    );
    if (mode === undefined) {
      throw refused(
        `there is no ${path}, so no token for ${host}: write it, readable by you alone, see docs/forges.md`,
      );
    }
    if ((mode & 0o077) !== 0) {
      throw refused(`${path} can be read by others (mode ${mode.toString(8)}): chmod 600 ${path}`);
    }
    const lines = new LineCounter();
    // Without the library's own words: they quote the line, and that may be one with a token.
    const document = parseDocument(await readFile(path, 'utf8'), { lineCounter: lines, prettyErrors: false });
    const [broken] = document.errors;
    if (broken) throw refused(`${path}:${lines.linePos(broken.pos[0]).line} is no YAML (${broken.code})`);
    const parsed = CredentialsFile.safeParse(document.toJS() ?? {});
    if (!parsed.success) throw refused(`${path}: ${faultsOf(parsed.error)}`);
    return parsed.data;
  }
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

function hostName(host: string): string {
  return URL.canParse(`https://${host}`) ? new URL(`https://${host}`).hostname : host;
}
