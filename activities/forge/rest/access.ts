import { Agent, type Dispatcher } from 'undici';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import { refused } from '../../failures.ts';
import type { Account, Credentials } from '../credentials.ts';
import { pathOf, type Answer, type ForgeClient } from './client.ts';

/** A forge, seen through one account. */
export interface Connection {
  client: ForgeClient;
  /** The account's name, which the forge tells. */
  login(): Promise<string>;
}

/** A repository on its forge, seen through one account. */
export interface RepositoryAccess extends Connection {
  /** What all paths of the repository begin with. */
  path: string;
  host: string;
  owner: string;
  name: string;
}

export interface ForgeAccess {
  /** As the engine's own account. */
  of(repository: Pick<PlannedRepository, 'address'>): Promise<RepositoryAccess>;
  /** As the account of a reviewing engine, where it has one. */
  ofReviewer(repository: PlannedRepository, engine: string): Promise<RepositoryAccess | undefined>;
}

/** Who asks where. */
export interface Destination {
  at: ForgeAddress;
  account: Account;
  /** Whether a certificate that nobody has signed will do. */
  selfSigned: boolean;
}

/** Connections are kept for each account: with them the answers for conditional requests, and the names. */
export function createForgeAccess(deps: {
  credentials: Credentials;
  connect: (to: Destination) => Connection;
}): ForgeAccess {
  const { credentials, connect } = deps;
  const connections = new Map<string, Connection>();
  return {
    async of(repository) {
      const at = readAddress(repository.address);
      const { account, selfSigned } = await credentials.of(at.host);
      return accessOf({ at, account, selfSigned });
    },
    async ofReviewer(repository, engine) {
      const at = readAddress(repository.address);
      const { reviewers, selfSigned } = await credentials.of(at.host);
      const account = Object.hasOwn(reviewers, engine) ? reviewers[engine] : undefined;
      return account && accessOf({ at, account, selfSigned });
    },
  };

  function accessOf(to: Destination): RepositoryAccess {
    const { url, host, owner, name } = to.at;
    // An app's token is for one repository.
    const place = to.account.kind === 'app' ? to.at : url;
    const key = JSON.stringify([place, to.account, to.selfSigned]);
    const connection = connections.get(key) ?? connect(to);
    connections.set(key, connection);
    return { ...connection, path: pathOf`/repos/${owner}/${name}`, host, owner, name };
  }
}

/** Where a repository is, as its address tells. */
export interface ForgeAddress {
  /** Of the forge. */
  url: string;
  host: string;
  owner: string;
  name: string;
}

/** Owner and name are the last two parts of an address; a forge may live below a path of its host. */
export function readAddress(address: string): ForgeAddress {
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

/** What reaches a forge whose certificate nobody has signed; `undefined` is the usual way. */
export function dispatcherFor({ selfSigned }: Pick<Destination, 'selfSigned'>): Dispatcher | undefined {
  return selfSigned ? new Agent({ connect: { rejectUnauthorized: false } }) : undefined;
}

/** What must have worked: anything else is told with the forge's own words. */
export function done<Body>(
  there: Pick<RepositoryAccess, 'host' | 'path'>,
  answer: Answer<Body>,
  what: string,
): Body {
  if (answer.kind === 'ok') return answer.body;
  const { status, message } = answer;
  const may = status === 403 ? ': the token lacks a scope, or its account a permission' : '';
  throw refused(`${there.host} has refused ${what} of ${there.path} with ${status} (${message})${may}`);
}

/** `undefined` for what is not there. */
export function foundOrNot<Body>(
  there: Pick<RepositoryAccess, 'host' | 'path'>,
  answer: Answer<Body>,
): Body | undefined {
  if (answer.kind === 'refused' && answer.status === 404) return undefined;
  return done(there, answer, 'a look');
}
