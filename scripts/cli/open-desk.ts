import type { FleetDesk } from '../../schema/contracts/fleet.ts';
import { firstTenant } from '../../schema/contracts/names.ts';
import { createFleetDesk } from '../../workers/fleet-desk.ts';

/** The desk of a data directory's fleet: it needs no engine. */
export function openDesk(data: string): FleetDesk {
  return createFleetDesk({ data, tenant: firstTenant });
}
