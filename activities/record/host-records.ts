import type { Queries } from '../../schema/db/database.ts';
import { HostNameTaken, recordHostState, registerHost } from '../../schema/db/hosts.ts';
import type { HostRecords } from '../../workflows/ports.ts';

export function createHostRecords(deps: { queries: Queries }): HostRecords {
  const { queries } = deps;
  return {
    async registerHost(facts) {
      try {
        await registerHost(queries, facts);
        return { kind: 'registered' };
      } catch (error) {
        if (!(error instanceof HostNameTaken)) throw error;
        return { kind: 'refused', reason: `${error.fact}: choose another name with --name` };
      }
    },
    recordHostState: (input) => recordHostState(queries, input),
  };
}
