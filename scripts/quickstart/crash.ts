import { readFile } from 'node:fs/promises';
import { entersGate, type MissionEvent } from '../../schema/contracts/views.ts';
import type { EngineProcess } from './engine-process.ts';
import { mergedTasks } from './merged-tasks.ts';

/** From the word that a session starts to its first line: a clone and a shell, on a machine that may be loaded. */
const launchedWithinMs = 60_000;

export type CrashPoint = 'in a live session' | 'between pull request and merge';

export interface Crash {
  point: CrashPoint;
  task: string;
}

/** Kills the engine twice, each time at a point that matters, and starts it anew. */
export class CrashPlan {
  readonly crashes: Crash[] = [];
  readonly #deps: {
    engine: EngineProcess;
    launches: string;
    repository: string;
    say: (line: string) => void;
  };
  #work: Promise<void> = Promise.resolve();
  #next: CrashPoint | undefined = 'in a live session';
  #busy = false;

  constructor(deps: {
    engine: EngineProcess;
    launches: string;
    repository: string;
    say: (line: string) => void;
  }) {
    this.#deps = deps;
  }

  hear(event: MissionEvent): void {
    const { task } = event;
    if (this.#busy || task === null) return;
    if (this.#next === 'in a live session' && event.type === 'session-started') {
      const [session = ''] = event.message.split(' ');
      this.#crash(() => this.#inLiveSession(task, session));
    }
    if (this.#next === 'between pull request and merge' && entersGate(event, 'merge-lane')) {
      this.#crash(() => this.#beforeMerge(task));
    }
  }

  /** Resolves when the engine is up after the last crash. */
  done(): Promise<void> {
    return this.#work;
  }

  #crash(action: () => Promise<void>): void {
    this.#busy = true;
    this.#work = this.#work.then(action).finally(() => (this.#busy = false));
    // `done` tells; until it is asked nobody else would listen.
    this.#work.catch(() => undefined);
  }

  async #inLiveSession(task: string, session: string): Promise<void> {
    const { launches } = this.#deps;
    const deadline = Date.now() + launchedWithinMs;
    while (!(await readFile(launches, 'utf8')).includes(`${session}\n`)) {
      if (Date.now() > deadline) throw new Error(`${session} has not noted its launch in ${launches}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#killAndRestart({ point: 'in a live session', task });
    this.#next = 'between pull request and merge';
  }

  /** The event may reach us when the merge is done already: then the next task's merge is tried. */
  async #beforeMerge(task: string): Promise<void> {
    const { engine, say, repository } = this.#deps;
    await engine.kill();
    if ((await mergedTasks(repository)).includes(task)) {
      say(`--- SIGKILL came just after the merge of ${task}: once more at the next one`);
      await engine.start();
      return;
    }
    await this.#killAndRestart({ point: 'between pull request and merge', task });
    this.#next = undefined;
  }

  async #killAndRestart(crash: Crash): Promise<void> {
    const { engine, say } = this.#deps;
    await engine.kill();
    say(`--- SIGKILL ${crash.point} (${crash.task}); starting the engine anew`);
    this.crashes.push(crash);
    await engine.start();
    say('--- the engine is up again');
  }
}
