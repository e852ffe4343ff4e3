import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAgent, runtimeName } from '../../schema/contracts/agent.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { HostActivities, RunSessionInput } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { diskShort, refused, stillWaiting } from '../failures.ts';
import { removeTree } from '../files.ts';
import { taskKey, type KeyedLock } from '../keyed-lock.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Processes } from '../processes/supervise.ts';
import { asSupervisor } from '../supervision.ts';
import { writeAnswer } from './acp/questions.ts';
import type { AgentLog } from './agent-log.ts';
import { authorPrompt } from './prompt.ts';
import { tooLarge, type Room } from './room.ts';
import { sessionFiles, type Session, type SessionRuns } from './session-runs.ts';

/** Programs that the operator has allowed, by name. */
export type Commands = ReadonlyMap<string, readonly string[]>;

export function createSessionActivities(deps: {
  paths: DataPaths;
  workspace: Workspace;
  processes: Processes;
  runs: SessionRuns;
  commands: Commands;
  /** What changes a task's branch or clone, one after another: see `taskKey`. */
  taskTurns: KeyedLock;
  room: Room;
}): Pick<HostActivities, 'runSession' | 'awaitRoom' | 'answerQuestion' | 'cleanUp'> {
  const { paths, workspace, runs } = deps;
  return {
    runSession,
    awaitRoom,
    answerQuestion: (input) => writeAnswer({ ...input, folder: paths.session(input.sessionId) }),
    cleanUp: (input) => asSupervisor(() => deps.taskTurns.with(taskKey(input.place), () => cleanUp(input))),
  };

  async function runSession(input: RunSessionInput): Promise<SessionSummary> {
    const { program } = input.task;
    const { sessionId, stallSeconds, limits, resumes } = input;
    if (program.runtime === 'script') {
      const path = join(paths.session(sessionId), sessionFiles.script);
      const files = { [sessionFiles.script]: program.text };
      const argv = scriptArgv(program.text, path);
      return asSupervisor((watch) => runs.run(sessionOf(input), { argv, files }, watch));
    }
    if (program.runtime === 'command') {
      const argv = commandArgv(program.command);
      return asSupervisor((watch) => runs.run(sessionOf(input), { argv }, watch));
    }
    const { title } = input.task;
    const remedy = 'install it, or name another runtime for the task and retry';
    const session = { ...sessionOf(input), title, remedy, stallSeconds, limits, resumes };
    let log: AgentLog | undefined;
    return asSupervisor(
      (watch) => runs.runAgent(session, program, { watch, onLog: (its) => (log = its) }),
      () => log?.told,
    );
  }

  function sessionOf(input: RunSessionInput): Session {
    const { sessionId, host, timeoutSeconds, place, launch } = input;
    const { clone: cwd, home } = paths.task(place);
    return {
      ...{ sessionId, host, timeoutSeconds, cwd, home },
      role: 'author',
      runtime: runtimeName(input.task.program),
      env: {
        MISSION_ID: place.mission,
        MISSION_TASK: place.task,
        MISSION_LAUNCH: String(launch),
        MISSION_OUTCOME_FILE: join(paths.session(sessionId), sessionFiles.outcome),
        MISSION_FINDINGS_FILE: join(paths.session(sessionId), sessionFiles.findings),
      },
      prepare: () => prepareSession(input),
    };
  }

  async function awaitRoom(): Promise<void> {
    const missing = await deps.room.missing();
    if (missing !== undefined) throw stillWaiting('DiskShort', missing);
  }

  async function prepareSession(input: RunSessionInput): Promise<Record<string, string>> {
    const { place, task } = input;
    const { clone, home } = paths.task(place);
    const missing = await deps.room.missing();
    if (missing !== undefined) throw diskShort(missing);
    // With what it has left, the next would be ended like the last.
    const wasTooLarge = (await tooLarge(paths.session(sessionBefore(input)))) !== undefined;
    if (wasTooLarge) await removeTree(home);
    const { pushed = '' } = await workspace.prepareClone({
      repository: place.repository,
      clone,
      branch: place.branch,
      name: `${input.sessionId}.before`,
      keepUncommitted: isAgent(task.program) && !wasTooLarge,
    });
    const { feedback, guidance, findings } = input;
    return {
      [sessionFiles.pushedBefore]: pushed,
      [sessionFiles.prompt]: authorPrompt({
        mission: place.mission,
        task,
        branch: place.branch,
        agentsFile: await workspace.readFileAt({
          repository: place.repository,
          commit: `refs/forge/${place.repository.base}`,
          path: 'AGENTS.md',
        }),
        feedback,
        guidance,
        handoff: input.handoff,
        findings,
        resumed: input.resumes !== undefined,
      }),
    };
  }

  function commandArgv(command: string): string[] {
    const argv = deps.commands.get(command);
    if (argv) return [...argv];
    throw refused(
      `the command ${command} is not allowed on this host: name it under commands: in engine.yaml`,
    );
  }

  /** Runs first: a cancellation that found no worker has not reached them. */
  async function cleanUp(input: { place: { mission: string; task: string } }): Promise<void> {
    const { mission, task } = input.place;
    const runs = [
      ...(await listed(paths.sessions, `${mission}.${task}.`)),
      ...(await listed(paths.checksOf({ mission, task }), '')),
    ];
    for (const folder of runs) await deps.processes.stop(folder);
    const leftOver = await listed(paths.checkouts, `${mission}.${task}.`);
    for (const folder of [...leftOver, paths.task(input.place).folder]) {
      await removeTree(folder);
    }
  }
}

/** The task's last launch, which has another number at its end. */
function sessionBefore({ sessionId, launch }: RunSessionInput): string {
  return `${sessionId.slice(0, -String(launch).length)}${launch - 1}`;
}

async function listed(folder: string, prefix: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).map((name) => join(folder, name));
}

/** The interpreter of a script's first line, as the kernel would read it; `sh` without one. */
export function scriptArgv(text: string, path: string): string[] {
  const shebang = /^#![ \t]*(\S+)[ \t]*(.*)$/.exec((text.split('\n', 1)[0] ?? '').replace(/\r$/, ''));
  if (!shebang) return ['sh', path];
  const [, interpreter = 'sh', argument = ''] = shebang;
  return argument.trim() === '' ? [interpreter, path] : [interpreter, argument.trim(), path];
}
