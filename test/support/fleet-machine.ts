import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentRuntime } from '../../schema/contracts/agent.ts';
import { runMission, type Ended } from './mission-command.ts';
import { temporaryFolder } from './temporary.ts';
import { tmuxFolder } from './tmux-folder.ts';
import { tmuxSocket } from './tmux.ts';

export interface FleetMachine {
  home: string;
  data: string;
  socket: string;
  env: Record<string, string>;
  /** Runs `mission` with these words. */
  mission: (...words: string[]) => Promise<Ended>;
}

/** A machine with these programs, and in its roster an agent of each, called as its runtime. */
export async function fleetMachine(
  programs: Partial<Record<AgentRuntime, string>>,
  of: { runtimes?: object; agents?: object[] } = {},
): Promise<FleetMachine> {
  const home = await temporaryFolder();
  const data = join(home, 'data');
  const bin = join(home, '.local/bin');
  for (const folder of [data, bin, join(home, 'src')]) await mkdir(folder, { recursive: true });
  for (const [runtime, text] of Object.entries(programs)) {
    await writeFile(join(bin, runtime), text, { mode: 0o755 });
  }
  const socket = tmuxSocket();
  const agents = Object.keys(programs).map((runtime) => ({ name: runtime, runtime, class: 'canary' }));
  const roster = {
    version: 1,
    tmux: { socketName: socket },
    defaults: { workingDirectory: '~/src' },
    runtimes: of.runtimes ?? {},
    agents: of.agents ?? agents,
  };
  await writeFile(join(data, 'roster.yaml'), JSON.stringify(roster), { mode: 0o600 });
  const env = {
    HOME: home,
    PATH: '/usr/bin:/bin',
    MISSION_DATA: data,
    TERM: 'xterm-256color',
    [tmuxFolder]: process.env[tmuxFolder] ?? '',
  };
  return { home, data, socket, env, mission: (...words) => runMission(words, { env }) };
}
