import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { runtimeName, type ChosenAgent, type QuotaWindow } from '../../schema/contracts/agent.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { HostActivities, RunSessionInput } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { diskShort, refused, stillWaiting } from '../failures.ts';
import { removeTree } from '../files.ts';
import { taskKey, type KeyedLock } from '../keyed-lock.ts';
import type { Workspace } from '../git/workspace.ts';
import { programEnvironment } from '../processes/environment.ts';
import type { RunSpec, Shown } from '../processes/spec.ts';
import { excerptOf } from '../processes/steps.ts';
import type { Processes, RunEnd } from '../processes/supervise.ts';
import type { Scrub } from '../scrub.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import { createTeller, writeAnswer, type TellQuestion } from './acp/questions.ts';
import { AgentLog } from './agent-log.ts';
import { isUsedUp, reportAgent } from './agent-report.ts';
import type { Agents } from './agents.ts';
import { authorPrompt } from './prompt.ts';
import { tooLarge, type Room } from './room.ts';
import type { Prepared } from './runtimes/runtime.ts';

/** Files of a session's folder. */
export const sessionFiles = {
  prompt: 'prompt.md',
  script: 'script',
  output: 'events.jsonl',
  errors: 'stderr.log',
  outcome: 'outcome.json',
  /** Where the task's branch stood on the forge when the session began; empty for nowhere. */
  pushedBefore: 'pushed-before',
} as const;

/** A program that is asked for its conversations answers in a second or two, or it hangs. */
const answerMs = 20_000;

/** What a session runs, and what it is told by beside its own output. */
interface SessionProgram {
  argv: string[];
  env?: Record<string, string>;
  files?: Record<string, string>;
  stallSeconds?: number | undefined;
  step?: Prepared['step'];
  /** What only agents have. */
  agent?: { log: AgentLog; shown: Shown };
}

/** Programs that the operator has allowed, by name. */
export type Commands = ReadonlyMap<string, readonly string[]>;

export function createSessionActivities(deps: {
  paths: DataPaths;
  workspace: Workspace;
  processes: Processes;
  commands: Commands;
  agents: Agents;
  tellQuestion: TellQuestion;
  /** What changes a task's branch or clone, one after another: see `taskKey`. */
  taskTurns: KeyedLock;
  scrub: Scrub;
  room: Room;
}): Pick<HostActivities, 'runSession' | 'awaitRoom' | 'answerQuestion' | 'cleanUp'> {
  const { paths, workspace, agents } = deps;
  return {
    runSession,
    awaitRoom,
    answerQuestion: (input) => writeAnswer({ ...input, folder: paths.session(input.sessionId) }),
    cleanUp: (input) => asSupervisor(() => deps.taskTurns.with(taskKey(input.place), () => cleanUp(input))),
  };

  async function runSession(input: RunSessionInput): Promise<SessionSummary> {
    const { program } = input.task;
    if (program.runtime === 'script') {
      const path = join(paths.session(input.sessionId), sessionFiles.script);
      const files = { [sessionFiles.script]: program.text };
      const argv = scriptArgv(program.text, path);
      return asSupervisor((watch) => watchSession(input, { argv, files }, watch));
    }
    if (program.runtime === 'command') {
      const argv = commandArgv(program.command);
      return asSupervisor((watch) => watchSession(input, { argv }, watch));
    }
    let log: AgentLog | undefined;
    return asSupervisor(
      (watch) => runAgent(input, program, { watch, onLog: (its) => (log = its) }),
      () => log?.told,
    );
  }

  async function awaitRoom(): Promise<void> {
    const missing = await deps.room.missing();
    if (missing !== undefined) throw stillWaiting('DiskShort', missing);
  }

  async function runAgent(
    input: RunSessionInput,
    program: ChosenAgent,
    { watch, onLog }: { watch: Watch; onLog: (log: AgentLog) => void },
  ): Promise<SessionSummary> {
    const found = await agents.find(program);
    if (found.kind !== 'found') {
      throw refused(`${found.message}: install it, or name another runtime for the task and retry`);
    }
    const { runtime, settings, path } = found.agent;
    // Asked beside the launch, of the file that is launched, and awaited when the session has ended.
    const asked = agents.version(program);
    const { sessionId, resumes, stallSeconds, limits } = input;
    const { model = settings.model, effort } = program;
    const conversation = resumes?.conversation;
    const launch = runtime.prepare({ sessionId, model, effort, conversation, settings });
    const folder = paths.session(sessionId);
    let stopping: Promise<void> | undefined;
    const questions = createTeller({ tell: (news) => deps.tellQuestion(news), until: watch.detach });
    const log = new AgentLog({
      path: join(folder, sessionFiles.output),
      read: runtime.createReader(resumes?.used),
      scrub: deps.scrub,
      onUsage: (usage) => {
        if (isUsedUp(usage, limits)) stopping ??= deps.processes.stop(folder);
      },
      onQuestion: questions.tell,
    });
    log.told.conversation = launch.conversation;
    log.told.model = model;
    onLog(log);
    const env = { ...runtime.homeEnvironment(agents.home), ...launch.env, PATH: path };
    const name = runtimeName(program);
    const shown = {
      title: `${sessionId}: ${name} on "${input.task.title}"`,
      runtime: name,
      output: sessionFiles.output,
      hidden: Object.keys(settings.env),
    };
    const { argv, files = {}, step } = launch;
    const run = { argv, env, files, step, stallSeconds, agent: { log, shown } };
    const session = await watchSession(input, run, watch).finally(() => stopping);
    await questions.told();
    log.told.conversation ??= await runtime.findConversation?.({ sessionId, ask });
    const windows = await findWindows(session.startedAt);
    if (windows.length > 0) log.told.windows = windows;
    // A session that was lost early has none.
    const stderr = await excerptOf(join(folder, sessionFiles.errors)).catch(() => '');
    const { told } = log;
    const { complaints } = runtime;
    const report = reportAgent({ session, told, stderr, complaints, resumed: conversation, limits });
    const version = told.version ?? (await asked);
    return { ...session, agent: { ...report, ...(version === undefined ? {} : { version }) } };

    /** Figures for people to see: a file that can't be read keeps no session from its end. */
    async function findWindows(since: number): Promise<readonly QuotaWindow[]> {
      const its = log.told.conversation;
      if (its === undefined || !runtime.findWindows) return [];
      return runtime.findWindows({ conversation: its, env, since }).catch(() => []);
    }

    async function ask(args: readonly string[]): Promise<string> {
      const { clone, home } = paths.task(input.place);
      const own = programEnvironment({ run: folder, home, extra: env });
      const { stdout } = await execa(launch.argv[0], args, {
        cwd: clone,
        env: own,
        extendEnv: false,
        stdin: 'ignore',
        timeout: answerMs,
        reject: false,
      });
      return stdout;
    }
  }

  async function watchSession(
    input: RunSessionInput,
    program: SessionProgram,
    watch: Watch,
  ): Promise<SessionSummary> {
    const folder = paths.session(input.sessionId);
    const startedAt = Date.now();
    const prepare = () => prepareSession(input, folder, program);
    const { agent } = program;
    const watched = agent === undefined ? {} : { session: input.sessionId };
    const run = deps.processes.supervise({ folder, prepare, watch, ...watched });
    const { clone, home } = paths.task(input.place);
    const limited = deps.room.limit({
      session: folder,
      folders: [clone, home],
      run: agent === undefined ? run : agent.log.follow(run),
      stop: () => deps.processes.stop(folder),
    });
    const session = summarize({ end: await limited, input, startedAt });
    const reason = session.end === 'stopped' ? await tooLarge(folder) : undefined;
    return reason === undefined ? session : { ...session, end: 'disk', reason };
  }

  async function prepareSession(input: RunSessionInput, folder: string, program: SessionProgram) {
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
      keepUncommitted: program.agent !== undefined && !wasTooLarge,
    });
    await mkdir(home, { recursive: true });
    const spec: RunSpec = {
      cwd: clone,
      env: programEnvironment({
        run: folder,
        home,
        extra: {
          ...program.env,
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
          argv: program.argv,
          timeoutMs: input.timeoutSeconds * 1_000,
          ...(program.stallSeconds === undefined ? {} : { stallMs: program.stallSeconds * 1_000 }),
          ...program.step,
          stdin: sessionFiles.prompt,
          stdout: sessionFiles.output,
          stderr: sessionFiles.errors,
        },
      ],
      maxOutputBytes: deps.processes.maxOutputBytes,
      heartbeatMs: deps.processes.heartbeatMs,
      ...(program.agent === undefined ? {} : { shown: program.agent.shown }),
    };
    const { feedback, guidance } = input;
    const files = {
      ...program.files,
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
        resumed: input.resumes !== undefined,
      }),
    };
    return { spec, files };
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

export function summarize(of: {
  end: RunEnd;
  input: {
    sessionId: string;
    host: string;
    role?: string;
    task: { program: { runtime: string; agent?: string | undefined } };
  };
  startedAt: number;
}): SessionSummary {
  const { end, input } = of;
  const common = {
    id: input.sessionId,
    role: input.role ?? 'author',
    runtime: runtimeName(input.task.program),
    host: input.host,
  };
  const step = end.kind === 'ended' ? end.result.steps.at(-1) : undefined;
  if (!step) {
    return { ...common, end: 'lost', exitCode: null, startedAt: of.startedAt, endedAt: Date.now() };
  }
  const { exitCode, startedAt, endedAt } = step;
  return { ...common, end: step.end, exitCode, startedAt, endedAt };
}
