import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { createApi, type Api } from '../../scripts/cli/api-client.ts';
import { adminTokenFile } from '../../workers/data-directory.ts';
import { startEngine, type Engine, type EngineOptions } from '../../workers/engine.ts';
import { createLog } from '../../workers/log.ts';
import { makeRepository, type TestRepository } from './repository.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';

/** A whole engine in this process, real in every part, on the tests' Temporal server. */
export interface RealEngine {
  engine: Engine;
  url: string;
  token: string;
  api: Api;
  repository: TestRepository;
  root: string;
  /** Stops the engine, and starts another one on its data directory. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
  /** A mission file of script tasks, by id. */
  missionFile(of: {
    key: string;
    scripts: Record<string, string>;
    more?: object;
    task?: object;
  }): Promise<object>;
}

/** `config` makes the text of the operator's `engine.yaml`, given a folder that it may name. */
export async function startRealEngine(
  files: Record<string, string>,
  config: (root: string) => object = () => ({}),
  options: Partial<EngineOptions> = {},
  roster?: string,
  atEnd: AtEnd = onTestFinished,
): Promise<RealEngine> {
  const root = await temporaryFolder(atEnd);
  const repository = await makeRepository(files, atEnd);
  const data = join(root, 'data');
  await mkdir(data, { recursive: true });
  // Tests look often for what is about to be.
  const often = { requestsPerMinute: 1_000_000 };
  await writeFile(join(data, 'engine.yaml'), JSON.stringify({ ...often, ...config(root) }));
  if (roster !== undefined) await writeFile(join(data, 'roster.yaml'), roster);
  const real: RealEngine = { ...(await start()), repository, root, missionFile, restart };
  atEnd(() => real.engine.stop());
  return real;

  async function start(): Promise<Pick<RealEngine, 'engine' | 'url' | 'token' | 'api'>> {
    const engine = await startEngine({
      data,
      port: 0,
      listen: '127.0.0.1',
      temporal: inject('temporalAddress'),
      namespace: 'default',
      databaseUrl: undefined,
      roots: [root, join(repository.planned.address, '..')],
      temporalCommand: () => Promise.reject(new Error('the tests have a server')),
      log: createLog({ level: 'warn' }),
      ...options,
    });
    const token = (await readFile(join(data, adminTokenFile), 'utf8')).trim();
    const { url } = engine.address;
    return { engine, url, token, api: createApi({ url, token }) };
  }

  async function restart(meanwhile: () => Promise<void>): Promise<void> {
    await real.engine.stop();
    await meanwhile();
    Object.assign(real, await start());
  }

  async function missionFile(of: {
    key: string;
    scripts: Record<string, string>;
    more?: object;
    task?: object;
  }): Promise<object> {
    const folder = join(root, 'scripts', of.key);
    await mkdir(folder, { recursive: true });
    const tasks = [];
    for (const [id, text] of Object.entries(of.scripts)) {
      const script = join(folder, `${id}.sh`);
      await writeFile(script, text);
      tasks.push({ id, title: `Task ${id}`, goal: 'Do it.', runtime: 'script', script, ...of.task });
    }
    return {
      version: 1,
      key: of.key,
      title: `Mission ${of.key}`,
      repository: { forge: 'local', path: repository.planned.address },
      milestones: [{ id: 'm1', title: 'All', tasks }],
      ...of.more,
    };
  }
}

/** A script that commits one file. */
export function commits(file: string, text = 'hello'): string {
  return `echo '${text}' > ${file}\ngit add --all\ngit commit --quiet --message 'Add ${file}'\n`;
}
