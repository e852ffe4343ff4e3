/** Sessions of real agent programs as the engine runs them, on a model that plays a script. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { programEnvironment } from '../../activities/processes/environment.ts';
import type { RunSpec, StepResult } from '../../activities/processes/spec.ts';
import { createProcesses } from '../../activities/processes/supervise.ts';
import { processesOfRun, signal } from '../../activities/processes/tree.ts';
import type { Driver, Runtime } from '../../activities/sessions/runtimes/runtime.ts';
import { runtimes } from '../../activities/sessions/runtimes/runtimes.ts';
import {
  noUsage,
  type AgentEvent,
  type AgentRuntime,
  type Effort,
  type Usage,
} from '../../schema/contracts/agent.ts';
import { builtFolder } from '../../schema/package-root.ts';
import { agentFolders } from '../../scripts/agents.mjs';
import { temporaryFolder } from '../support/temporary.ts';
import { startModelServer, type ModelServer, type Scenario } from './model-server.ts';
import { setUps, writeSetUp } from './programs.ts';

export const processes = createProcesses({ runner: join(builtFolder(), 'runner.js') });

export const commit =
  'RUN: echo hello > greeting.txt && git add greeting.txt && git commit --quiet --message=greet';

export const refusals: { name: string; scenario: Scenario; fault: string }[] = [
  { name: '401', scenario: { kind: 'refuse', status: 401 }, fault: 'auth' },
  {
    name: '429',
    scenario: { kind: 'refuse', status: 429, headers: { 'retry-after': '1' } },
    fault: 'rate-limited',
  },
  { name: '500', scenario: { kind: 'refuse', status: 500 }, fault: 'model-error' },
  { name: '400', scenario: { kind: 'refuse', status: 400 }, fault: 'model-error' },
  { name: 'cut', scenario: { kind: 'cut' }, fault: 'model-error' },
];

export interface AgentWorld {
  runtime: Runtime;
  model: ModelServer;
  root: string;
  clone: string;
  run(of: SessionOptions): AgentSession;
  git(...args: string[]): string;
}

export interface SessionOptions {
  id: string;
  prompt: string;
  conversation?: string | undefined;
  counted?: Usage;
  effort?: Effort;
  model?: string;
  timeoutMs?: number;
  /** How long it may say nothing. */
  stallMs?: number;
  env?: Record<string, string>;
}

export interface AgentSession {
  folder: string;
  end: Promise<SessionEnd>;
  /** What it has told so far. */
  events(): Promise<AgentEvent[]>;
  /** Ends it as a cancellation does. */
  cancel(): void;
  /** Runs the program for an answer, where and as the session runs. */
  ask(args: readonly string[]): Promise<string>;
}

export interface SessionEnd {
  step: Pick<StepResult, 'end' | 'exitCode'> | undefined;
  output: string;
  errors: string;
  events: AgentEvent[];
}

/** What runs an agent in place of its own program, and what it is told in place of the usual. */
export interface Stead {
  driver?: Driver;
  folders?: readonly string[];
  /** What its settings need in place of those of the program, or beside them. */
  files?: (own: Record<string, string>) => Record<string, string>;
  env?: Record<string, string>;
}

export async function makeWorld(name: AgentRuntime, scenario?: Scenario, stead?: Stead): Promise<AgentWorld> {
  const setUp = setUps[name];
  const { driver = runtimes[name], folders = agentFolders(name) } = stead ?? {};
  const runtime = runtimes[name];
  const root = await temporaryFolder();
  const model = await startModelServer(scenario);
  onTestFinished(() => model.close());
  const operator = join(root, 'operator');
  const home = join(root, 'home');
  const clone = join(root, 'clone');
  for (const folder of [operator, home, clone]) await mkdir(folder, { recursive: true });
  await writeSetUp({ setUp, home: operator, url: model.url, files: stead?.files });
  git('init', '--quiet', '--initial-branch=work');
  git('config', 'user.name', 'agent');
  git('config', 'user.email', 'agent@example.invalid');
  git('commit', '--quiet', '--allow-empty', '--message=first');
  return { runtime, model, root, clone, run, git };

  function git(...args: string[]): string {
    return execFileSync('git', args, { cwd: clone, encoding: 'utf8' });
  }

  function run(of: SessionOptions): AgentSession {
    const folder = join(root, of.id);
    const prepared = driver.prepare({
      sessionId: of.id,
      // An adapter offers models by names of its own.
      model: of.model ?? (stead?.driver ? undefined : setUp.model),
      effort: of.effort,
      conversation: of.conversation,
      settings: setUp.settings(model.url),
    });
    const env = programEnvironment({
      run: folder,
      home,
      extra: {
        PATH: [...folders, process.env['PATH']].join(delimiter),
        ...runtime.homeEnvironment(operator),
        ...prepared.env,
        ...stead?.env,
        ...of.env,
      },
    });
    const spec: RunSpec = {
      cwd: clone,
      env,
      steps: [
        {
          name,
          argv: prepared.argv,
          timeoutMs: of.timeoutMs ?? 180_000,
          ...(of.stallMs === undefined ? {} : { stallMs: of.stallMs }),
          ...prepared.step,
          stdin: 'prompt.md',
          stdout: 'events.jsonl',
          stderr: 'stderr.log',
        },
      ],
      maxOutputBytes: 10_000_000,
      heartbeatMs: 1_000,
    };
    const abort = new AbortController();
    onTestFinished(() => processes.stop(folder));
    return { folder, end: seeToEnd(), events, cancel: () => abort.abort(new Error('cancelled')), ask };

    async function seeToEnd(): Promise<SessionEnd> {
      const end = await processes.supervise({
        folder,
        prepare: () => Promise.resolve({ spec, files: { ...prepared.files, 'prompt.md': of.prompt } }),
        watch: { detach: abort.signal, stopAsked: () => abort.signal.aborted },
      });
      return {
        step: end.kind === 'ended' ? end.result.steps[0] : undefined,
        output: await readFile(join(folder, 'events.jsonl'), 'utf8'),
        errors: await readFile(join(folder, 'stderr.log'), 'utf8'),
        events: await events(),
      };
    }

    async function events(): Promise<AgentEvent[]> {
      const output = await readFile(join(folder, 'events.jsonl'), 'utf8').catch(() => '');
      return output.split('\n').flatMap(driver.createReader(of.counted ?? noUsage));
    }

    function ask(args: readonly string[]): Promise<string> {
      const [program] = prepared.argv;
      return Promise.resolve(execFileSync(program, args, { cwd: clone, env, encoding: 'utf8' }));
    }
  }
}

/** Kills the agent itself as the kernel would for want of memory: its runner and its commands live on. */
export function killAgent(session: AgentSession, name: AgentRuntime): void {
  for (const pid of processesOfRun(session.folder)) {
    const command = commandLine(pid);
    const isCommand = /sleep|\b(?:ba)?sh\b/.test(command);
    if (!isCommand && command.includes(name)) signal(pid, 'SIGKILL');
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
  } catch {
    // It has ended while we looked.
    return '';
  }
}
