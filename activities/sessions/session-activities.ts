import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Program } from '../../schema/contracts/plan.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { HostActivities, RunSessionInput } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { refused } from '../failures.ts';
import { removeTree } from '../files.ts';
import type { Workspace } from '../git/workspace.ts';
import { programEnvironment } from '../processes/environment.ts';
import type { RunSpec } from '../processes/spec.ts';
import type { Processes, RunEnd } from '../processes/supervise.ts';
import { asSupervisor } from '../supervision.ts';
import { composePrompt } from './prompt.ts';

/** Files of a session's folder. */
export const sessionFiles = {
  prompt: 'prompt.md',
  script: 'script',
  output: 'events.jsonl',
  errors: 'stderr.log',
  outcome: 'outcome.json',
} as const;

/** Programs that the operator has allowed, by name. */
export type Commands = ReadonlyMap<string, readonly string[]>;

export function createSessionActivities(deps: {
  paths: DataPaths;
  workspace: Workspace;
  processes: Processes;
  commands: Commands;
}): Pick<HostActivities, 'runSession' | 'cleanUp'> {
  const { paths, workspace } = deps;
  return { runSession, cleanUp: (input) => asSupervisor(() => cleanUp(input)) };

  async function runSession(input: RunSessionInput): Promise<SessionSummary> {
    const folder = paths.session(input.sessionId);
    const startedAt = Date.now();
    const end = await asSupervisor((watch) =>
      deps.processes.supervise({
        folder,
        prepare: () => prepareSession(input, folder),
        watch,
      }),
    );
    return summarize({ end, input, startedAt });
  }

  async function prepareSession(input: RunSessionInput, folder: string) {
    const { place, task } = input;
    const { clone, home } = paths.task(place);
    const argv = programArgv(task.program, folder);
    await workspace.prepareClone({
      repository: place.repository,
      clone,
      branch: place.branch,
      name: `${input.sessionId}.before`,
    });
    await mkdir(home, { recursive: true });
    const spec: RunSpec = {
      cwd: clone,
      env: programEnvironment({
        run: folder,
        home,
        extra: {
          MISSION_ID: place.mission,
          MISSION_TASK: place.task,
          MISSION_SESSION: input.sessionId,
          MISSION_LAUNCH: String(input.launch),
          MISSION_PROMPT_FILE: join(folder, sessionFiles.prompt),
          MISSION_OUTCOME_FILE: join(folder, sessionFiles.outcome),
        },
      }),
      steps: [
        {
          name: task.program.runtime,
          argv,
          timeoutMs: input.timeoutSeconds * 1_000,
          stdin: sessionFiles.prompt,
          stdout: sessionFiles.output,
          stderr: sessionFiles.errors,
        },
      ],
      maxOutputBytes: deps.processes.maxOutputBytes,
      heartbeatMs: deps.processes.heartbeatMs,
    };
    const { feedback, guidance } = input;
    const files: Record<string, string> = {
      [sessionFiles.prompt]: composePrompt({
        mission: place.mission,
        task,
        branch: place.branch,
        feedback,
        guidance,
      }),
    };
    if (task.program.runtime === 'script') files[sessionFiles.script] = task.program.text;
    return { spec, files };
  }

  function programArgv(program: Program, folder: string): string[] {
    if (program.runtime === 'script') return scriptArgv(program.text, join(folder, sessionFiles.script));
    const argv = deps.commands.get(program.command);
    if (argv) return [...argv];
    throw refused(
      `the command ${program.command} is not allowed on this host: name it under commands: in engine.yaml`,
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

export function summarize(of: {
  end: RunEnd;
  input: { sessionId: string; host: string; role?: string; task: { program: { runtime: string } } };
  startedAt: number;
}): SessionSummary {
  const { end, input } = of;
  const common = {
    id: input.sessionId,
    role: input.role ?? 'author',
    runtime: input.task.program.runtime,
    host: input.host,
  };
  const step = end.kind === 'ended' ? end.result.steps.at(-1) : undefined;
  if (!step) {
    return { ...common, end: 'lost', exitCode: null, startedAt: of.startedAt, endedAt: Date.now() };
  }
  const { exitCode, startedAt, endedAt } = step;
  return { ...common, end: step.end, exitCode, startedAt, endedAt };
}
