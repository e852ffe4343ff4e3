import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { findApi, type Api } from '../../scripts/cli/api-client.ts';
import { followMission } from '../../scripts/cli/follow.ts';
import { EngineProcess } from '../../scripts/quickstart/engine-process.ts';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { makeRepository, type TestRepository } from './repository.ts';
import { temporaryFolder } from './temporary.ts';

/** A process that can be stopped in order, killed, and started again. */
export interface Member {
  start(): Promise<unknown>;
  stop(signal?: 'SIGINT' | 'SIGTERM'): Promise<void>;
  kill(): Promise<void>;
}

/** Several processes, each with a data directory of its own, on one database and one Temporal server. */
export interface Fleet {
  hosts: Record<'a' | 'b', Member>;
  workers: [Member, Member];
  data(member: string): string;
  api(host: 'a' | 'b'): Promise<Api>;
  newRepository(): Promise<TestRepository>;
  /** A mission of script tasks. Each notes its launch in the file `launches`, and commits a file of its own. */
  missionFile(of: {
    key: string;
    repository: TestRepository;
    tasks: string[];
    parallel?: number;
  }): Promise<{ file: string; launches: string }>;
  /** Follows a mission through one host's API, over that one's restarts, to the mission's end. */
  follow(host: 'a' | 'b', key: string, onEvent?: (event: MissionEvent) => void): Promise<MissionEvent[]>;
}

export async function startFleet(databaseUrl: string): Promise<Fleet> {
  const root = await temporaryFolder();
  const work = join(root, 'work');
  await mkdir(work);
  const env = { DATABASE_URL: databaseUrl };
  const data = (member: string): string => join(root, member);
  const temporal = ['--temporal', inject('temporalAddress')];
  const hosts = { a: host('a'), b: host('b') };
  const workers: [Member, Member] = [worker('worker-1'), worker('worker-2')];
  onTestFinished(async () => {
    await Promise.all([...Object.values(hosts), ...workers].map((member) => member.stop()));
  });
  await Promise.all([...Object.values(hosts), ...workers].map((member) => member.start()));
  return { hosts, workers, data, api, newRepository, missionFile, follow };

  function host(name: string): Member {
    // Each repository of the tests lies in a folder of its own beside ours.
    const args = [...temporal, '--host-name', name];
    return new EngineProcess({ data: data(name), roots: [dirname(root)], args, env });
  }

  function worker(name: string): Member {
    return new WorkerProcess({ data: data(name), args: temporal, env });
  }

  async function api(name: 'a' | 'b'): Promise<Api> {
    return findApi(data(name));
  }

  async function newRepository(): Promise<TestRepository> {
    return makeRepository({ 'README.md': 'hi\n' });
  }

  async function missionFile(of: {
    key: string;
    repository: TestRepository;
    tasks: string[];
    parallel?: number;
  }): Promise<{ file: string; launches: string }> {
    const launches = join(work, `${of.key}.launches`);
    await writeFile(launches, '');
    const tasks = [];
    for (const id of of.tasks) {
      const script = join(work, `${of.key}-${id}.sh`);
      const lines = [
        `echo "$MISSION_SESSION" >> '${launches}'`,
        `echo '${id}' > ${id}.txt`,
        'git add --all',
        `git commit --quiet --message 'Add ${id}.txt'`,
      ];
      await writeFile(script, `${lines.join('\n')}\n`);
      tasks.push({ id, title: `Task ${id}`, goal: 'Do it.', runtime: 'script', script });
    }
    const file = JSON.stringify({
      version: 1,
      key: of.key,
      title: of.key,
      repository: { forge: 'local', path: of.repository.planned.address },
      policy: { parallel: of.parallel ?? 2 },
      milestones: [{ id: 'm1', title: 'All', tasks }],
    });
    return { file, launches };
  }

  async function follow(
    name: 'a' | 'b',
    key: string,
    onEvent: (event: MissionEvent) => void = () => undefined,
  ): Promise<MissionEvent[]> {
    const events: MissionEvent[] = [];
    await followMission({
      // One that is stopped has no address; it is asked for again until it comes back.
      findApi: () => api(name),
      id: key,
      onEvent: (event) => {
        events.push(event);
        onEvent(event);
      },
    });
    return events;
  }
}

/** `mission worker` as a service manager runs it: ready when it says so on standard output. */
export class WorkerProcess implements Member {
  readonly #of: { data: string; args: readonly string[]; env: NodeJS.ProcessEnv };
  #child: ChildProcess | undefined;

  constructor(of: { data: string; args: readonly string[]; env: NodeJS.ProcessEnv }) {
    this.#of = of;
  }

  /** Resolves with the line that says that it is ready. */
  async start(): Promise<string> {
    const { data, args, env } = this.#of;
    await mkdir(data, { recursive: true });
    const log = openSync(join(data, 'worker.log'), 'a');
    const program = join(packageRoot(), 'dist/mission.js');
    const child = spawn(process.execPath, [program, 'worker', '--data', data, ...args, '--json'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', log],
    });
    closeSync(log);
    this.#child = child;
    return new Promise((resolve, reject) => {
      child.stdout?.once('data', (line: Buffer) => resolve(line.toString()));
      child.once('exit', (code) =>
        reject(new Error(`the worker ended with ${code}: see ${data}/worker.log`)),
      );
    });
  }

  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<void> {
    await this.#end(signal);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
