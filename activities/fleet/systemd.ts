/** Units of the person's own systemd that bring the fleet back after a reboot. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Boot } from '../../schema/contracts/fleet.ts';
import type { Roster } from '../../schema/contracts/roster.ts';
import { exists } from '../files.ts';
import { newHolder, serverFlags } from './tmux.ts';

export const holderUnit = 'mission-holder.service';
export const agentTemplate = 'mission-agent@.service';

export function agentUnit(name: string): string {
  return `mission-agent@${name}.service`;
}

export function unitFolder(environment: NodeJS.ProcessEnv): string {
  const { HOME = homedir(), XDG_CONFIG_HOME } = environment;
  return join(XDG_CONFIG_HOME ?? join(HOME, '.config'), 'systemd', 'user');
}

/** Read from the files that systemd itself keeps: they also tell it where its bus can't be asked. */
export async function bootOf(name: string, environment: NodeJS.ProcessEnv = process.env): Promise<Boot> {
  const wanted = join(unitFolder(environment), 'default.target.wants');
  const units = [holderUnit, agentUnit(name)].map((unit) => exists(join(wanted, unit)));
  if ((await Promise.all(units)).includes(false)) return 'no-unit';
  return (await lingers()) ? 'enabled' : 'no-linger';
}

export async function lingers(): Promise<boolean> {
  return exists(join('/var/lib/systemd/linger', userInfo().username));
}

/**
 * The holder's unit keeps the server, and with it all panes, in a control group of its own. So an agent's unit ends
 * without a process, and its restart reaches no other agent.
 */
export function fleetUnits(of: {
  roster: Roster;
  data: string;
  tmux: string;
  /** The command `mission`. */
  mission: readonly string[];
  path: string;
}): { name: string; text: string }[] {
  const { roster, data, tmux, mission, path } = of;
  const { socketName, holderSession } = roster.tmux;
  const run = (args: readonly string[]): string => args.map(unitWord).join(' ');
  const fleet = (does: string): string => `${run([...mission, 'fleet', does])} %i --data ${unitWord(data)}`;
  return [
    {
      name: holderUnit,
      text: `[Unit]
Description=The tmux server of the fleet on socket ${socketName}

[Service]
Type=forking
ExecStart=${run([tmux, ...serverFlags(socketName), ...newHolder(holderSession)])}
ExecStop=${run([tmux, '-L', socketName, 'kill-server'])}
Restart=on-failure

[Install]
WantedBy=default.target
`,
    },
    {
      name: agentTemplate,
      text: `[Unit]
Description=The agent %i of the fleet
Requires=${holderUnit}
After=${holderUnit}

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=${unitWord(`PATH=${path}`)}
ExecStart=${fleet('start')}
ExecStop=${fleet('stop')}
TimeoutStartSec=120

[Install]
WantedBy=default.target
`,
    },
  ];
}

/** One word of a unit's command line, in which systemd replaces `%…` and `$…`. */
export function unitWord(text: string): string {
  const literal = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(literal)) return literal;
  return `"${literal
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)}"`;
}
