import { ApplicationFailure } from '@temporalio/common';
import { readRepositoryAddress } from '../../../schema/contracts/repository-address.ts';
import { foundOrNot, readAddress, type ForgeAccess } from './access.ts';
import type { Dialect } from './dialect.ts';
import { ForgeRepository } from './schema.ts';

export type FoundRepository =
  /** `address` is the forge's own: one for each repository, however it was written. */
  { kind: 'found'; address: string } | { kind: 'refused'; at: 'url' | 'base'; reason: string };

/** Whether the engine can work on a repository, asked of its forge before a mission begins. */
export async function findForgeRepository(of: {
  access: ForgeAccess;
  dialect: Pick<Dialect, 'branchHead'>;
  url: string;
  base: string;
  privateAddresses: boolean;
}): Promise<FoundRepository> {
  const { access, dialect, url, base, privateAddresses } = of;
  const read = readRepositoryAddress(url, { privateAddresses });
  if (read.kind === 'refused') return refuse(read.reason);
  if (read.kind === 'path' || read.scheme === 'ssh') {
    return refuse('it must be the address that a browser shows: its API is there too');
  }
  try {
    const there = await access.of({ address: read.url });
    const { path, client } = there;
    const found = foundOrNot(there, await client.get({ path, answer: ForgeRepository }));
    if (!found) return refuse(`${there.host} shows no such repository to ${await there.login()}`);
    if (found.archived) return refuse('it is archived: nothing can be pushed there');
    if (found.permissions?.push === false) return refuse(`${await there.login()} may not push there`);
    if (found.allow_squash_merge === false)
      return refuse('it does not allow squash merges: allow them there');
    if ((await dialect.branchHead(there, base)) === undefined) {
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
