import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../schema/package-root.ts';
import { readAddress, type EngineAddress } from '../../workers/data-directory.ts';
import { exists } from '../../activities/files.ts';

/** The first start makes the database and may fetch the Temporal server. */
const startWithinMs = 180_000;

/** How one of our built programs is run. */
export function builtProgram(name: string, ...args: string[]): string[] {
  return [process.execPath, '--enable-source-maps', join(packageRoot(), `dist/${name}.js`), ...args];
}

/** The engine as the operator runs it: a process of its own, that can be killed and started again. */
export class EngineProcess {
  readonly #data: string;
  readonly #dataForEngine: string;
  readonly #roots: readonly string[];
  readonly #command: readonly string[];
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  /**
   * `command` takes the options of `mission up`, which it is unless another is given. `args` and `env` are what it is
   * started with beside these and the present environment. `dataForEngine` is the data directory as the engine sees
   * it, where that is another name than ours.
   */
  constructor(of: {
    data: string;
    roots: readonly string[];
    command?: readonly string[];
    args?: readonly string[];
    env?: NodeJS.ProcessEnv;
    dataForEngine?: string;
  }) {
    this.#data = of.data;
    this.#dataForEngine = of.dataForEngine ?? of.data;
    this.#roots = of.roots;
    this.#command = of.command ?? builtProgram('mission', 'up');
    this.#args = of.args ?? [];
    this.#env = of.env ?? {};
  }

  get logPath(): string {
    return join(this.#data, 'engine.log');
  }

  async start(): Promise<EngineAddress> {
    await mkdir(this.#data, { recursive: true });
    const log = openSync(this.logPath, 'a');
    const roots = this.#roots.flatMap((root) => ['--root', root]);
    const [program = '', ...args] = this.#command;
    const options = ['--data', this.#dataForEngine, '--port', '0', ...roots, ...this.#args, '--json'];
    const child = spawn(program, [...args, ...options], {
      // Of its own group: a Ctrl-C is for the quickstart, which then stops the engine in order.
      detached: true,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.unref();
    this.#child = child;
    const deadline = Date.now() + startWithinMs;
    for (;;) {
      const address = await readAddress(this.#data);
      if (address && address.pid === child.pid) return address;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(await this.#lastWords());
      if (Date.now() > deadline) throw new Error(`the engine did not come up; its log is ${this.logPath}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** As a power cut would: nothing is told, nothing is flushed. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<void> {
    await this.#end(signal);
  }

  /** Resolves when the process has ended, whoever ended it. */
  async ended(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => child.once('exit', resolve));
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    // Nothing else may keep this process alive while it waits.
    child.ref();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async #lastWords(): Promise<string> {
    const log = (await exists(this.logPath)) ? await readFile(this.logPath, 'utf8') : '';
    const said = log
      .trim()
      .split('\n')
      .findLast((line) => line.startsWith('error: '));
    return said?.slice('error: '.length) ?? `the engine ended at once; its log is ${this.logPath}`;
  }
}
