import { join, resolve } from 'node:path';
import { installUnits, type Step } from '../../activities/fleet/install-units.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { openFleet } from '../../workers/fleet-desk.ts';
import { table } from './table.ts';

/** Installs the units of a data directory's fleet; what can't be done here is left, and said. */
export async function installFleet(data: string): Promise<Step[]> {
  const { roster } = await openFleet(data);
  const mission = [process.execPath, join(packageRoot(), 'scripts/mission.mjs')];
  return installUnits({ roster, data: resolve(data), mission });
}

export function stepLines(steps: readonly Step[]): string[] {
  return table(steps.map(({ what, state, message }) => [what, state, message]));
}
