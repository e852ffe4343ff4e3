import { createServer, request, type Server } from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { MissionEvent, TaskView } from '../../schema/contracts/views.ts';
import { listen } from '../../workers/listen.ts';
import { findApi, type Api } from '../cli/api-client.ts';
import { startGiteaServer, type GiteaAccount, type GiteaServer } from '../gitea-server.ts';
import { makeOwnEngine, type OwnEngine } from './own-engine.ts';

/** Seldom enough that the engine does not feel it: what is measured has times of its own. */
const lookAgainMs = 250;

/** Tasks of a mission of many, on a loaded machine. */
const withinMs = 15 * 60_000;

export interface BenchRepository {
  name: string;
  address: string;
}

/** A mission whose tasks a script does. Tasks go by their place. */
export interface BenchMission {
  /** Resolves when a task waits for nothing but its CI. */
  untilTested(index: number): Promise<{ headSha: string }>;
  /** When it was merged, by the clock of the workflow. */
  untilMerged(index: number): Promise<{ mergeSha: string; at: number }>;
}

const Content = z.object({ commit: z.object({ sha: z.string() }) });
const Numbered = z.object({ number: z.int(), head: z.object({ sha: z.string() }) });

/** A real Gitea, a real engine, and between them somebody who counts what the engine asks. */
export class ForgeBench {
  readonly #gitea: GiteaServer;
  readonly #author: GiteaAccount;
  readonly #own: OwnEngine;
  readonly #counter: Counter;
  readonly #api: Api;

  private constructor(of: {
    gitea: GiteaServer;
    author: GiteaAccount;
    own: OwnEngine;
    counter: Counter;
    api: Api;
  }) {
    this.#gitea = of.gitea;
    this.#author = of.author;
    this.#own = of.own;
    this.#counter = of.counter;
    this.#api = of.api;
  }

  static async start(of: { slots?: number } = {}): Promise<ForgeBench> {
    const program = process.env['MISSION_TEST_GITEA'];
    if (program === undefined) throw new Error('there is no Gitea: npm run bench finds or builds one');
    const gitea = await startGiteaServer({ program });
    const author = await gitea.makeAccount('author');
    const counter = await startCounter(gitea.url);
    const config = { allowPrivateAddresses: true, requestsPerMinute: 1_000_000, slots: of.slots ?? 4 };
    const own = await makeOwnEngine({ config });
    const { token } = author;
    const forges = { hosts: { [new URL(counter.url).host]: { token } } };
    await writeFile(join(own.data, 'forges.yaml'), JSON.stringify(forges), { mode: 0o600 });
    await own.engine.start();
    return new ForgeBench({ gitea, author, own, counter, api: await findApi(own.data) });
  }

  async stop(): Promise<void> {
    await this.#own.remove();
    this.#counter.server.close();
    this.#counter.server.closeAllConnections();
    await this.#gitea.stop();
  }

  /** With a trace of CI, so that what has no status is waited for, and a base that is green. */
  async makeRepository(name: string): Promise<BenchRepository> {
    await this.#call('POST', '/user/repos', { name, auto_init: true, default_branch: 'main' });
    const repository = { name, address: `${this.#counter.url}/${this.#author.login}/${name}` };
    const { commit } = await this.#addFile(repository, '.woodpecker.yml', 'steps: []\n', {});
    await this.turnGreen(repository, commit.sha);
    return repository;
  }

  addWebhook({ address }: BenchRepository): Promise<unknown> {
    return this.#api.addWebhook({ repository: address, url: this.#api.url });
  }

  /** Answers when Gitea had the status. */
  async turnGreen({ name }: BenchRepository, sha: string): Promise<number> {
    const body = { context: 'ci/bench', state: 'success' };
    await this.#call('POST', `${this.#path(name)}/statuses/${sha}`, body);
    return Date.now();
  }

  /** How long Gitea takes for the merge of a pull request of one file, once it is ready for that. */
  async mergeByHand(repository: BenchRepository, branch: string): Promise<number> {
    const path = this.#path(repository.name);
    await this.#addFile(repository, `${branch}.txt`, 'hello\n', { new_branch: branch });
    const opened = await this.#call('POST', `${path}/pulls`, { head: branch, base: 'main', title: branch });
    const { number, head } = Numbered.parse(opened);
    const ready = z.object({ mergeable: z.boolean() });
    while (!ready.parse(await this.#call('GET', `${path}/pulls/${number}`)).mergeable)
      await sleep(lookAgainMs);
    const began = performance.now();
    await this.#call('POST', `${path}/pulls/${number}/merge`, { Do: 'squash', head_commit_id: head.sha });
    return performance.now() - began;
  }

  /** The times of all requests for a repository, its API's and git's. */
  requestsOf({ name }: BenchRepository): number[] {
    const needle = `/${this.#author.login}/${name}`;
    const asks = (path: string) => path.includes(`${needle}/`) || path.includes(`${needle}.git/`);
    return this.#counter.requests.filter(({ path }) => asks(path)).map(({ at }) => at);
  }

  async startMission(of: {
    repository: BenchRepository;
    tasks: number;
    parallel: number;
  }): Promise<BenchMission> {
    const { repository, parallel } = of;
    const key = repository.name;
    const folder = join(this.#own.folder, key);
    await mkdir(folder, { recursive: true });
    const tasks = [];
    for (let index = 0; index < of.tasks; index++) {
      const script = join(folder, `${index}.sh`);
      await writeFile(
        script,
        `echo hello > bench-${index}.txt\ngit add --all\ngit commit --quiet --message 'Add a file'\n`,
      );
      tasks.push({ id: taskId(index), title: 'Add a file', goal: 'Add it.', runtime: 'script', script });
    }
    const file = {
      version: 1,
      key,
      title: 'Pull requests on a Gitea',
      repository: { forge: 'gitea', url: repository.address },
      // Nobody has to give the go-ahead: it is given as soon as all gates are passed.
      policy: { parallel, coordinators: [] },
      milestones: [{ id: 'm1', title: 'All', tasks }],
    };
    await this.#api.create(JSON.stringify(file), 'application/json');
    const news = followed(this.#api, key);
    return {
      untilTested: async (index) => {
        const isAtCi = ({ gate }: TaskView) => gate === 'review-and-ci';
        const { headSha, pullRequest } = await this.#untilTask(key, index, isAtCi);
        // That it was reviewed, the engine tells at the end of the gate; the forge knows it now.
        const path = `${this.#path(repository.name)}/pulls/${pullRequest ?? 0}/reviews`;
        while (z.array(z.unknown()).parse(await this.#call('GET', path)).length < reviewers) {
          await sleep(lookAgainMs);
        }
        return { headSha: headSha ?? '' };
      },
      untilMerged: async (index) => {
        const { mergeSha } = await this.#untilTask(key, index, (task) => task.mergeSha !== null);
        const isIts = (event: MissionEvent) => event.type === 'merged' && event.task === taskId(index);
        for (;;) {
          const event = news.find(isIts);
          if (event) return { mergeSha: mergeSha ?? '', at: event.at };
          await sleep(lookAgainMs);
        }
      },
    };
  }

  async #untilTask(key: string, index: number, holds: (task: TaskView) => boolean): Promise<TaskView> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(lookAgainMs)) {
      const task = (await this.#api.show(key)).tasks.find(({ id }) => id === taskId(index));
      if (task?.status === 'blocked')
        throw new Error(`${key} ${taskId(index)} is blocked: ${task.reason ?? ''}`);
      if (task && holds(task)) return task;
    }
    throw new Error(`${key} ${taskId(index)} has not come as far as that`);
  }

  async #addFile(
    { name }: BenchRepository,
    file: string,
    text: string,
    more: object,
  ): Promise<z.infer<typeof Content>> {
    const content = Buffer.from(text).toString('base64');
    const body = { content, message: `Add ${file}`, ...more };
    return Content.parse(await this.#call('POST', `${this.#path(name)}/contents/${file}`, body));
  }

  #path(name: string): string {
    return `/repos/${this.#author.login}/${name}`;
  }

  /** Past whoever counts. */
  #call(method: string, path: string, body?: object): Promise<unknown> {
    return this.#gitea.call({ as: this.#author, method, path, ...(body === undefined ? {} : { body }) });
  }
}

/** Those that a mission has where its file names none. */
const reviewers = 2;

function taskId(index: number): string {
  return `T-${index + 1}`;
}

/** The events of a mission as they come. */
function followed(api: Api, id: string): MissionEvent[] {
  const events: MissionEvent[] = [];
  const follow = async () => {
    for await (const event of api.events({ id, after: 0 })) events.push(event);
  };
  // It ends with the engine.
  follow().catch(() => undefined);
  return events;
}

interface Counter {
  url: string;
  server: Server;
  requests: { path: string; at: number }[];
}

/** Hands everything on to the forge, and notes it. */
async function startCounter(forge: string): Promise<Counter> {
  const requests: Counter['requests'] = [];
  const { hostname, port } = new URL(forge);
  const server = createServer((incoming, answer) => {
    const { method, url: path = '/', headers } = incoming;
    requests.push({ path, at: Date.now() });
    const outgoing = request({ hostname, port, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  });
  const own = await listen({ server, port: 0, address: '127.0.0.1' });
  return { url: `http://127.0.0.1:${own}`, server, requests };
}
