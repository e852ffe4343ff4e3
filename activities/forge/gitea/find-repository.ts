import { ApplicationFailure } from '@temporalio/common';
import { readRepositoryAddress } from '../../../schema/contracts/repository-address.ts';
import { pathOf } from './client.ts';
import { foundOrNot, readAddress, type GiteaAccess } from './access.ts';
import { GiteaBranch, GiteaRepository } from './schema.ts';

export type FoundRepository =
  /** `address` is the forge's own: one for each repository, however it was written. */
  { kind: 'found'; address: string } | { kind: 'refused'; at: 'url' | 'base'; reason: string };

/** Whether the engine can work on a repository of a Gitea, asked before a mission begins. */
export async function findGiteaRepository(of: {
  access: GiteaAccess;
  url: string;
  base: string;
  privateAddresses: boolean;
}): Promise<FoundRepository> {
  const { access, url, base, privateAddresses } = of;
  const read = readRepositoryAddress(url, { privateAddresses });
  if (read.kind === 'refused') return refuse(read.reason);
  if (read.kind === 'path' || read.scheme === 'ssh') {
    return refuse('it must be the address that a browser shows: its API is there too');
  }
  try {
    const there = await access.of({ address: read.url });
    const { path, client } = there;
    const found = foundOrNot(there, await client.get({ path, answer: GiteaRepository }));
    if (!found) return refuse(`${there.host} shows no such repository to ${await there.login()}`);
    if (found.archived) return refuse('it is archived: nothing can be pushed there');
    if (found.permissions?.push === false) return refuse(`${await there.login()} may not push there`);
    if (found.allow_squash_merge === false)
      return refuse('it does not allow squash merges: allow them there');
    const branch = `${path}${pathOf`/branches/${base}`}`;
    if (!foundOrNot(there, await client.get({ path: branch, answer: GiteaBranch }))) {
      return { kind: 'refused', at: 'base', reason: `${url} has no branch ${base}` };
    }
    return { kind: 'found', address: `${readAddress(read.url).url}/${found.full_name}` };
  } catch (error) {
    // What the client throws says what, where and how to mend it.
    if (error instanceof ApplicationFailure) return refuse(error.message);
    throw error;
  }
}

function refuse(reason: string): FoundRepository {
  return { kind: 'refused', at: 'url', reason };
}
