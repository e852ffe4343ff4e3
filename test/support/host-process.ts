import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { HostState } from '../../schema/contracts/host.ts';
import { packageRoot } from '../../schema/package-root.ts';
import type { RealEngine } from './real-engine.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';
import { until } from './until.ts';

/** `mission host` as a service manager runs it: up when it says so on standard output. */
export class HostProcess {
  readonly data: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(of: {
    name: string;
    data: string;
    temporal: string;
    installation: string;
    args?: string[];
    atEnd?: AtEnd;
  }) {
    this.data = of.data;
    const { name, data, temporal, installation, args = [], atEnd = onTestFinished } = of;
    // The tests may run as root; the shortest lease there is.
    const common = ['--allow-root', '--lease-seconds', '5', '--json'];
    this.#args = [
      ...['host', '--name', name, '--data', data, '--temporal', temporal],
      ...['--installation', installation, ...common, ...args],
    ];
    atEnd(() => this.end('SIGINT'));
  }

  async start(): Promise<void> {
    await mkdir(this.data, { recursive: true });
    const log = openSync(join(this.data, 'host.log'), 'a');
    const child = spawn(process.execPath, [join(packageRoot(), 'dist/mission.js'), ...this.#args], {
      stdio: ['ignore', 'pipe', log],
    });
    closeSync(log);
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('exit', (code) =>
        reject(new Error(`the host ended with ${code}: see ${this.data}/host.log`)),
      );
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Resolves with its exit code when it has ended, whoever ended it. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    return new Promise((resolve) => child.once('exit', resolve));
  }

  async end(name: 'SIGINT' | 'SIGKILL'): Promise<void> {
    this.signal('SIGCONT');
    this.signal(name);
    await this.ended();
  }
}

/** A way to a server that can be cut, as a network can: connections stay open, and nothing comes through. */
export async function startCuttableWay(to: string): Promise<{ address: string; cut(): void; mend(): void }> {
  const [host = '', port = ''] = to.split(':');
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect({ host, port: Number(port) });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        into.destroy();
      });
      from.on('data', (bytes) => {
        if (!isCut) into.write(bytes);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  const own = typeof bound === 'object' && bound ? bound.port : 0;
  return {
    address: `127.0.0.1:${own}`,
    cut() {
      isCut = true;
    },
    /** What was swallowed does not come again: connections of before are broken. */
    mend() {
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A host of that engine, in a data directory of its own, not yet started. */
export async function newHost(
  engine: RealEngine,
  name: string,
  temporal = inject('temporalAddress'),
  args: string[] = [],
): Promise<HostProcess> {
  const { installation } = engine.engine.address;
  return new HostProcess({ name, data: await temporaryFolder(), temporal, installation, args });
}

export async function stateOf(engine: RealEngine, name: string): Promise<HostState | undefined> {
  return (await engine.api.listHosts()).find((host) => host.name === name)?.state;
}

export async function comesTo(engine: RealEngine, name: string, state: HostState): Promise<void> {
  await until(async () => (await stateOf(engine, name)) === state);
}
