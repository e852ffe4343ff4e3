import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { createFindProgram } from '../../activities/processes/find-program.ts';
import { agentRuntimes, type AgentRuntime } from '../../schema/contracts/agent.ts';
import { withoutSecrets, workingDirectoryOf, type Roster } from '../../schema/contracts/roster.ts';
import { writeSecret } from '../../workers/data-directory.ts';
import { probeFleet } from '../../workers/fleet-probes.ts';
import { readRosterFile, rosterPath } from '../../workers/roster-file.ts';
import { command, examplesHelp, groups } from './command.ts';
import { probedLine } from './doctor.ts';
import { fleetAgentCommands } from './fleet-agents.ts';
import { installFleet, stepLines } from './install-fleet.ts';
import { exitCodes, show } from './output.ts';
import { starterRoster } from './starter-roster.ts';
import { table } from './table.ts';

export function fleetCommand(): Command {
  const fleet = new Command('fleet')
    .description('The agents of this machine, as the roster names them')
    .helpGroup(groups.engine)
    .addHelpText(
      'after',
      examplesHelp(['mission fleet init', 'mission fleet verify', 'mission fleet start', 'mission fleet ps']),
    );
  for (const each of [verify(), init(), ...fleetAgentCommands()]) fleet.addCommand(each);
  return fleet;
}

const whichFile = 'a roster; without it roster.yaml in the data directory';

function verify(): Command {
  return command('verify', 'Read the roster, and look for the programs and folders that it needs', [
    'mission fleet verify',
    'mission fleet verify ./roster.yaml --json',
  ])
    .argument('[file]', whichFile)
    .action(async (given: string | undefined, options: { data: string; json?: boolean }) => {
      const file = await readRosterFile(pathOf(given, options.data));
      if (given !== undefined && !file.found) {
        throw new Error(
          `${file.path} is not there: check the path, or write one with \`mission fleet init\``,
        );
      }
      const probes = await probeFleet(file);
      const { path, found, roster } = file;
      show(
        { path, found, roster: withoutSecrets(roster), probes },
        () => [...agentLines(roster), ...probes.map(probedLine)],
        options.json,
      );
      if (probes.some(({ state }) => state === 'failed')) process.exitCode = exitCodes.failed;
    });
}

function init(): Command {
  return command(
    'init',
    'Write a first roster, of the programs that are found on this machine, and units that bring its agents back after a reboot',
    ['mission fleet init', 'mission fleet init ./roster.yaml --force'],
  )
    .argument('[file]', whichFile)
    .option('--force', 'write over a roster that is there')
    .action(async (given: string | undefined, options: { data: string; force?: boolean; json?: boolean }) => {
      const path = pathOf(given, options.data);
      const find = createFindProgram();
      const runtimes: AgentRuntime[] = [];
      for (const runtime of agentRuntimes) if (await find(runtime)) runtimes.push(runtime);
      const tmux = (await find('tmux')) !== undefined;
      const text = starterRoster({ runtimes, tmux });
      await writeRoster({ path, text, force: options.force ?? false });
      const said =
        runtimes.length === 0 ? 'no program of an agent was found' : `found: ${runtimes.join(', ')}`;
      const installs = given === undefined && tmux && (await find('systemctl')) !== undefined;
      const units = installs ? await installFleet(options.data) : undefined;
      const next = `mission fleet verify${given === undefined ? '' : ` ${given}`}`;
      show(
        { path, runtimes, units },
        () => [`${path} is written; ${said}`, ...stepLines(units ?? []), `look at it with: ${next}`],
        options.json,
      );
    });
}

function pathOf(given: string | undefined, data: string): string {
  return given === undefined ? rosterPath(resolve(data)) : resolve(given);
}

/** Its owner alone may read it: the environment of agents will stand in it. */
async function writeRoster(of: { path: string; text: string; force: boolean }): Promise<void> {
  const { path, text, force } = of;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (force) return writeSecret(path, text.trimEnd());
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw isThere ? new Error(`${path} is there already: keep it, or write over it with --force`) : error;
  }
}

function agentLines(roster: Roster): string[] {
  return table(
    roster.agents.map((agent) => {
      const { name, runtime, class: kind, modelHint } = agent;
      return [name, runtime, kind, workingDirectoryOf(roster, agent), modelHint ?? ''];
    }),
  );
}
