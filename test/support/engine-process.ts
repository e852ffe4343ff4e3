import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createApi, findApi, type Api } from '../../scripts/cli/api-client.ts';
import { followMission } from '../../scripts/cli/follow.ts';
import { EngineProcess } from '../../scripts/quickstart/engine-process.ts';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { makeRepository, type TestRepository } from './repository.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';

/** An engine in a process of its own, with its own Temporal server: it can be killed as a machine would kill it. */
export interface KillableEngine {
  engine: EngineProcess;
  data: string;
  work: string;
  repository: TestRepository;
  api: () => Promise<Api>;
  startMission(of: {
    key: string;
    scripts?: Record<string, string>;
    /** Of each task with a script. */
    goal?: string;
    /** Beside those of scripts. */
    tasks?: readonly object[];
    policy?: object;
    /** More of its milestone. */
    milestone?: object;
  }): Promise<void>;
  /** A mission of one task for an agent, on a host that has the labels. */
  startAgent(of: { key: string; goal: string; labels?: string[] | undefined }): Promise<void>;
  /** Follows a mission over restarts of the engine, to its end. */
  follow(key: string, onEvent?: (event: MissionEvent) => void): Promise<MissionEvent[]>;
}

export async function startKillableEngine(
  of: {
    /** What to run in place of `mission up`. */
    command?: readonly string[];
    /** Files of the repository, beside its README. */
    files?: Record<string, string>;
    /** One that is there already, in place of a bare one of its own. */
    repository?: TestRepository;
    /** Files of the data directory, such as the operator's settings. */
    settings?: Record<string, string>;
    /** The data directory, by our name for it and by the engine's. */
    place?: { data: string; dataForEngine: string };
    atEnd?: AtEnd;
  } = {},
): Promise<KillableEngine> {
  const { command, files = {}, settings = {}, atEnd = onTestFinished } = of;
  const root = await temporaryFolder(atEnd);
  const place = of.place ?? { data: join(root, 'data') };
  const { data } = place;
  const work = join(root, 'work');
  await mkdir(work, { recursive: true });
  await mkdir(data, { recursive: true });
  for (const [name, text] of Object.entries(settings)) {
    await writeFile(join(data, name), text, { mode: 0o600 });
  }
  const repository = of.repository ?? (await makeRepository({ 'README.md': 'hi\n', ...files }, atEnd));
  const { forge, address } = repository.planned;
  const roots = [work, ...(forge === 'local' ? [join(address, '..')] : [])];
  const engine = new EngineProcess({ ...place, roots, ...(command ? { command } : {}) });
  atEnd(() => engine.stop());
  await engine.start();
  const admin = await findApi(data);
  const token = await admin.createToken({ name: 'test', scopes: ['admin'] });
  const api = async (): Promise<Api> =>
    createApi({ url: (await readAddress(data))?.url ?? admin.url, token });

  return {
    engine,
    data,
    work,
    repository,
    api,
    async startMission({ key, scripts = {}, goal = 'Do it.', policy = {}, milestone = {}, ...more }) {
      const tasks = [...(more.tasks ?? [])];
      for (const [id, text] of Object.entries(scripts)) {
        const script = join(work, `${key}-${id}.sh`);
        await writeFile(script, text);
        tasks.push({ id, title: `Task ${id}`, goal, runtime: 'script', script });
      }
      await create({ key, policy, tasks, milestone });
    },
    startAgent: ({ key, ...task }) => create({ key, tasks: [{ id: 'A', title: 'Task A', ...task }] }),
    async follow(key, onEvent = () => undefined) {
      const events: MissionEvent[] = [];
      await followMission({
        findApi: api,
        id: key,
        onEvent: (event) => {
          events.push(event);
          onEvent(event);
        },
      });
      return events;
    },
  };

  async function create(of: {
    key: string;
    policy?: object;
    tasks: object[];
    milestone?: object;
  }): Promise<void> {
    const file = {
      version: 1,
      key: of.key,
      title: of.key,
      repository: forge === 'local' ? { forge, path: address } : { forge, url: address },
      policy: of.policy ?? {},
      milestones: [{ id: 'm1', title: 'All', tasks: of.tasks, ...of.milestone }],
    };
    await (await api()).create(JSON.stringify(file), 'application/json');
  }
}

/** Starts the engine again whenever it has died, until told to end. */
export function keepAlive(
  at: Pick<KillableEngine, 'engine'>,
  onStart: () => Promise<unknown> = () => Promise.resolve(),
): { end: () => Promise<void> } {
  const ending = new AbortController();
  const work = (async () => {
    for (;;) {
      await at.engine.ended();
      if (ending.signal.aborted) return;
      // It may die again meanwhile: then it is started once more.
      await at.engine
        .start()
        .then(onStart)
        .catch(() => undefined);
    }
  })();
  return {
    async end() {
      ending.abort();
      await at.engine.stop();
      await work;
    },
  };
}
