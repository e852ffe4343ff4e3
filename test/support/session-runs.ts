import type { DataPaths } from '../../activities/data-paths.ts';
import type { Processes } from '../../activities/processes/supervise.ts';
import { createAgents, type Agents } from '../../activities/sessions/agents.ts';
import { createRoom, type Room } from '../../activities/sessions/room.ts';
import { runtimes } from '../../activities/sessions/runtimes/runtimes.ts';
import { createSessionRuns, type SessionRuns } from '../../activities/sessions/session-runs.ts';
import { Roster } from '../../schema/contracts/roster.ts';

/** Sessions as the engine runs them, without terminals, questions and a limit of the disk. */
export function sessionRuns(of: { paths: DataPaths; processes: Processes; agents?: Agents }): {
  room: Room;
  runs: SessionRuns;
} {
  const room = createRoom({ root: of.paths.root, freeGigabytes: 0, sessionGigabytes: 1 });
  const none = createAgents({ runtimes, roster: Roster.parse({ version: 1 }), acpClient: '' });
  const tellQuestion = () => Promise.resolve();
  const { paths, processes, agents = none } = of;
  const runs = createSessionRuns({ paths, processes, agents, tellQuestion, scrub: (text) => text, room });
  return { room, runs };
}
