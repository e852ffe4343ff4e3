import { Agent } from 'undici';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import { refused } from '../../failures.ts';
import type { Credentials } from '../credentials.ts';
import { createGiteaClient, pathOf, type Answer, type GiteaClient } from './client.ts';
import { GiteaUser } from './schema.ts';

/** A repository on its forge, seen through one account. */
export interface RepositoryAccess {
  client: GiteaClient;
  /** What all paths of the repository begin with. */
  path: string;
  host: string;
  /** The account's name, which the forge tells. */
  login(): Promise<string>;
}

export interface GiteaAccess {
  /** As the engine's own account. */
  of(repository: Pick<PlannedRepository, 'address'>): Promise<RepositoryAccess>;
  /** As the account of a reviewing engine, where it has one. */
  ofReviewer(repository: PlannedRepository, engine: string): Promise<RepositoryAccess | undefined>;
}

/** Clients are kept for each host and token: with them the answers for conditional requests, and the names. */
export function createGiteaAccess(deps: { credentials: Credentials; timeoutMs?: number }): GiteaAccess {
  const { credentials, timeoutMs } = deps;
  const clients = new Map<string, { client: GiteaClient; login: () => Promise<string> }>();
  return {
    async of(repository) {
      const at = readAddress(repository.address);
      const { token, selfSigned = false } = await credentials.of(at.host);
      return accessOf(at, token, selfSigned);
    },
    async ofReviewer(repository, engine) {
      const at = readAddress(repository.address);
      const { reviewers = {}, selfSigned = false } = await credentials.of(at.host);
      const token = Object.hasOwn(reviewers, engine) ? reviewers[engine] : undefined;
      return token === undefined ? undefined : accessOf(at, token, selfSigned);
    },
  };

  function accessOf(
    at: ReturnType<typeof readAddress>,
    token: string,
    selfSigned: boolean,
  ): RepositoryAccess {
    const { url, host, owner, name } = at;
    const key = JSON.stringify([url, token, selfSigned]);
    let known = clients.get(key);
    if (!known) {
      const client = createGiteaClient({
        url,
        host,
        token,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(selfSigned ? { dispatcher: new Agent({ connect: { rejectUnauthorized: false } }) } : {}),
      });
      known = { client, login: rememberLogin(client, host) };
      clients.set(key, known);
    }
    return { ...known, path: pathOf`/repos/${owner}/${name}`, host };
  }
}

function rememberLogin(client: GiteaClient, host: string): () => Promise<string> {
  let login: string | undefined;
  return async () => {
    if (login !== undefined) return login;
    const said = await client.get({ path: '/user', answer: GiteaUser });
    if (said.kind === 'refused') {
      throw refused(
        `${host} does not tell whose token this is (${said.message}): it needs the scope read:user`,
      );
    }
    ({ login } = said.body);
    return login;
  };
}

/** Owner and name are the last two parts of an address; a forge may live below a path of its host. */
export function readAddress(address: string): { url: string; host: string; owner: string; name: string } {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const parts = url?.pathname.split('/').filter((part) => part !== '') ?? [];
  const [owner, last] = parts.slice(-2);
  if (!url || owner === undefined || last === undefined) {
    throw refused(`${address} is no repository's address: https://HOST/OWNER/NAME is`);
  }
  const below = parts.slice(0, -2).map((part) => `/${part}`);
  return {
    url: `${url.origin}${below.join('')}`,
    host: url.host,
    owner: decodeURIComponent(owner),
    name: decodeURIComponent(last.replace(/\.git$/, '')),
  };
}

/** What must have worked: anything else is told with the forge's own words. */
export function done<Body>(there: RepositoryAccess, answer: Answer<Body>, what: string): Body {
  if (answer.kind === 'ok') return answer.body;
  const { status, message } = answer;
  const may = status === 403 ? ': the token lacks a scope, or its account a permission' : '';
  throw refused(`${there.host} has refused ${what} of ${there.path} with ${status} (${message})${may}`);
}

/** `undefined` for what is not there. */
export function foundOrNot<Body>(there: RepositoryAccess, answer: Answer<Body>): Body | undefined {
  if (answer.kind === 'refused' && answer.status === 404) return undefined;
  return done(there, answer, 'a look');
}
