/** How a session is run and watched, whoever works in it: an author, or a reviewer. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import {
  runtimeName,
  type AgentEvent,
  type ChosenAgent,
  type QuotaWindow,
} from '../../schema/contracts/agent.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { RunSessionInput } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { refused } from '../failures.ts';
import { programEnvironment } from '../processes/environment.ts';
import type { RunSpec, Shown } from '../processes/spec.ts';
import { excerptOf } from '../processes/steps.ts';
import type { Processes, RunEnd } from '../processes/supervise.ts';
import type { Scrub } from '../scrub.ts';
import type { Watch } from '../supervision.ts';
import { createTeller, type TellQuestion } from './acp/questions.ts';
import { AgentLog } from './agent-log.ts';
import { isUsedUp, reportAgent } from './agent-report.ts';
import type { Agents } from './agents.ts';
import type { Room } from './room.ts';
import type { Prepared } from './runtimes/runtime.ts';

/** Files of a session's folder. */
export const sessionFiles = {
  prompt: 'prompt.md',
  script: 'script',
  output: 'events.jsonl',
  errors: 'stderr.log',
  outcome: 'outcome.json',
  /** What an author answers to findings. */
  findings: 'findings.json',
  /** Where the task's branch stood on the forge when the session began; empty for nowhere. */
  pushedBefore: 'pushed-before',
} as const;

/** A program that is asked for its conversations answers in a second or two, or it hangs. */
const answerMs = 20_000;

/** A session of any kind. */
export interface Session extends Pick<RunSessionInput, 'sessionId' | 'host' | 'timeoutSeconds'> {
  role: string;
  /** What runs in it, as the record names it. */
  runtime: string;
  /** Where it works, and what is its HOME. */
  cwd: string;
  home: string;
  /** What it is told beside its prompt. */
  env: Record<string, string>;
  /** Makes the place ready; answers the files of the session's folder, its prompt among them. Asked only once. */
  prepare: () => Promise<Record<string, string>>;
  /** Above this much output it is ended; without it, above what sessions may have. */
  maxOutputBytes?: number;
}

/** A session of an agent. */
export interface AgentSession extends Omit<Session, 'runtime'> {
  limits: RunSessionInput['limits'] | undefined;
  resumes: RunSessionInput['resumes'] | undefined;
  stallSeconds: number | undefined;
  /** What it is for, in words for people. */
  title: string;
  /** What to do where its program is missing. */
  remedy: string;
}

/** What a session runs, and what it is told by beside its own output. */
export interface SessionProgram {
  argv: string[];
  env?: Record<string, string>;
  files?: Record<string, string>;
  stallSeconds?: number | undefined;
  step?: Prepared['step'];
  /** What only agents have. */
  agent?: { log: AgentLog; shown: Shown };
}

/** Who watches an agent, and hears what it tells. */
export interface Listener {
  watch: Watch;
  onLog: (log: AgentLog) => void;
  onEvent?: (event: AgentEvent) => void;
}

export interface SessionRuns {
  /** Sees a program to its end. Safe to call again: it is launched once. */
  run(session: Session, program: SessionProgram, watch: Watch): Promise<SessionSummary>;
  /** The same of an agent, with what it came to by its own output. */
  runAgent(session: AgentSession, chosen: ChosenAgent, listener: Listener): Promise<SessionSummary>;
}

export function createSessionRuns(deps: {
  paths: DataPaths;
  processes: Processes;
  agents: Agents;
  tellQuestion: TellQuestion;
  scrub: Scrub;
  room: Room;
}): SessionRuns {
  const { paths, processes, agents, room } = deps;
  return { run, runAgent };

  async function run(session: Session, program: SessionProgram, watch: Watch): Promise<SessionSummary> {
    const { sessionId, cwd, home } = session;
    const folder = paths.session(sessionId);
    const startedAt = Date.now();
    const { agent } = program;
    const watched = agent === undefined ? {} : { session: sessionId };
    const running = processes.supervise({ folder, prepare, watch, ...watched });
    const limited = room.limit({
      session: folder,
      folders: [cwd, home],
      run: agent === undefined ? running : agent.log.follow(running),
      stop: () => processes.stop(folder),
    });
    const { end, tooLarge: reason } = await limited;
    const summary = summarize({ end, session, startedAt });
    // Where the disk has no room for the word that it was asked for, its runner leaves no result.
    const isOurs = summary.end === 'stopped' || summary.end === 'lost';
    return reason === undefined || !isOurs ? summary : { ...summary, end: 'disk', reason };

    async function prepare(): Promise<{ spec: RunSpec; files: Record<string, string> }> {
      const files = await session.prepare();
      await mkdir(home, { recursive: true });
      return { spec: specOf(session, program), files: { ...program.files, ...files } };
    }
  }

  function specOf(session: Session, program: SessionProgram): RunSpec {
    const { sessionId, runtime, cwd, home, maxOutputBytes = processes.maxOutputBytes } = session;
    const folder = paths.session(sessionId);
    const extra = {
      ...program.env,
      ...session.env,
      MISSION_SESSION: sessionId,
      MISSION_PROMPT_FILE: join(folder, sessionFiles.prompt),
    };
    return {
      cwd,
      env: programEnvironment({ run: folder, home, extra }),
      steps: [
        {
          name: runtime,
          argv: program.argv,
          timeoutMs: session.timeoutSeconds * 1_000,
          ...(program.stallSeconds === undefined ? {} : { stallMs: program.stallSeconds * 1_000 }),
          ...program.step,
          stdin: sessionFiles.prompt,
          stdout: sessionFiles.output,
          stderr: sessionFiles.errors,
        },
      ],
      maxOutputBytes,
      heartbeatMs: processes.heartbeatMs,
      ...(program.agent === undefined ? {} : { shown: program.agent.shown }),
    };
  }

  async function runAgent(
    of: AgentSession,
    chosen: ChosenAgent,
    { watch, onLog, onEvent }: Listener,
  ): Promise<SessionSummary> {
    const found = await agents.find(chosen);
    if (found.kind !== 'found') throw refused(`${found.message}: ${of.remedy}`);
    const { runtime, settings, path } = found.agent;
    // Asked beside the launch, of the file that is launched, and awaited when the session has ended.
    const asked = agents.version(chosen);
    const { sessionId, resumes, stallSeconds, limits } = of;
    const { model = settings.model, effort } = chosen;
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
        if (isUsedUp(usage, limits)) stopping ??= processes.stop(folder);
      },
      onQuestion: questions.tell,
      ...(onEvent === undefined ? {} : { onEvent }),
    });
    log.told.conversation = launch.conversation;
    log.told.model = model;
    onLog(log);
    const env = { ...runtime.homeEnvironment(agents.home), ...launch.env, PATH: path };
    const name = runtimeName(chosen);
    const shown = {
      title: `${sessionId}: ${name} on "${of.title}"`,
      runtime: name,
      output: sessionFiles.output,
      hidden: Object.keys(settings.env),
    };
    const { argv, files = {}, step } = launch;
    const program = { argv, env, files, step, stallSeconds, agent: { log, shown } };
    const session = await run({ ...of, runtime: name }, program, watch).finally(() => stopping);
    await questions.told();
    log.told.conversation ??= await runtime.findConversation?.({ sessionId, ask });
    const fault = await findFault(session.startedAt);
    if (fault) log.hear(fault);
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

    async function findFault(since: number): Promise<AgentEvent | undefined> {
      const its = log.told.conversation;
      if (its === undefined || log.told.error) return undefined;
      return runtime.findFault?.({ conversation: its, env, since }).catch(() => undefined);
    }

    async function ask(args: readonly string[]): Promise<string> {
      const own = programEnvironment({ run: folder, home: of.home, extra: env });
      const { stdout } = await execa(launch.argv[0], args, {
        cwd: of.cwd,
        env: own,
        extendEnv: false,
        stdin: 'ignore',
        timeout: answerMs,
        reject: false,
      });
      return stdout;
    }
  }
}

function summarize(of: { end: RunEnd; session: Session; startedAt: number }): SessionSummary {
  const { end } = of;
  const { sessionId: id, role, runtime, host } = of.session;
  const common = { id, role, runtime, host };
  const step = end.kind === 'ended' ? end.result.steps.at(-1) : undefined;
  if (!step) {
    return { ...common, end: 'lost', exitCode: null, startedAt: of.startedAt, endedAt: Date.now() };
  }
  const { exitCode, startedAt, endedAt } = step;
  return { ...common, end: step.end, exitCode, startedAt, endedAt };
}
