/** A runner of Gitea Actions, as far as a server sees it: it takes jobs over the runner's protocol, and says how they end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { parse } from 'yaml';
import { z } from 'zod';
import type { GiteaWithPeople } from './gitea.ts';
import type { CiBeside } from './gitea-missions.ts';
import type { TestRepository } from './repository.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';
import { until } from './until.ts';

/** Between two looks for a job where there was none: a server's own runner takes two seconds. */
const lookAgainMs = 100;

const Registered = z.object({ runner: z.object({ uuid: z.string(), token: z.string() }) });
const Fetched = z.object({
  task: z
    .object({ id: z.string(), workflowPayload: z.base64(), context: z.object({ sha: z.string() }) })
    .optional(),
});

/** As the server sends it: with the one job that is asked for. */
const Workflow = z.object({
  jobs: z.record(z.string(), z.object({ steps: z.array(z.object({ run: z.string() })) })),
});

export interface ActionsJob {
  sha: string;
  /** What its steps run. */
  commands: string[];
  end(of: { passed: boolean; log: string[] }): Promise<void>;
}

export interface ActionsRunner {
  /** Takes the next job and stays with it until it is ended. */
  takeJob(): Promise<ActionsJob>;
  /** Runs each job in a checkout of its commit until its maker says so, one after another. */
  serve(of: { repository: TestRepository; atEnd: AtEnd }): void;
}

/** `token` registers runners of a repository. */
async function startActionsRunner(of: { url: string; token: string }): Promise<ActionsRunner> {
  const labels = ['ubuntu-latest'];
  const registration = { name: 'runner', token: of.token, version: 'v1.0.0', labels };
  const { runner } = Registered.parse(await call('Register', registration, {}));
  const as = { 'x-runner-uuid': runner.uuid, 'x-runner-token': runner.token };
  await call('Declare', { version: 'v1.0.0', labels }, as);
  return { takeJob, serve };

  async function takeJob(): Promise<ActionsJob> {
    let job: ActionsJob | undefined;
    await until(async () => (job = await nextJob()) !== undefined);
    if (!job) throw new Error('there is no job');
    return job;
  }

  function serve({ repository, atEnd }: { repository: TestRepository; atEnd: AtEnd }): void {
    const ending = new AbortController();
    const serving = work();
    atEnd(() => {
      ending.abort();
      return serving;
    });

    async function work(): Promise<void> {
      while (!ending.signal.aborted) {
        const job = await nextJob();
        if (job) await runJob(job, repository);
        else await sleep(lookAgainMs);
      }
    }
  }

  async function nextJob(): Promise<ActionsJob | undefined> {
    // Version 0: whatever there is.
    const { task } = Fetched.parse(await call('FetchTask', { tasksVersion: '0' }, as));
    if (!task) return undefined;
    const { id, context } = task;
    const text = Buffer.from(task.workflowPayload, 'base64').toString();
    const jobs = Object.values(Workflow.parse(parse(text)).jobs);
    const commands = jobs.flatMap(({ steps }) => steps.map(({ run }) => run));
    const startedAt = new Date().toISOString();
    return { sha: context.sha, commands, end };

    async function end({ passed, log }: { passed: boolean; log: string[] }): Promise<void> {
      const time = new Date().toISOString();
      const rows = log.map((content) => ({ time, content }));
      await call('UpdateLog', { taskId: id, index: '0', rows, noMore: true }, as);
      const result = passed ? 'RESULT_SUCCESS' : 'RESULT_FAILURE';
      const state = { id, result, startedAt, stoppedAt: time, steps: [] };
      await call('UpdateTask', { state, outputs: {} }, as);
    }
  }

  async function call(method: string, body: unknown, headers: Record<string, string>): Promise<unknown> {
    const response = await fetch(`${of.url}/api/actions/runner.v1.RunnerService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

const workflow = `name: CI
on: [push, pull_request]
jobs:
  test: {runs-on: ubuntu-latest, steps: [{run: sh ci.sh}]}
`;

/** Gitea's own Actions: they run `ci.sh` of whatever is pushed, and again of what a pull request brings. */
export function actionsBeside(of: { gitea: GiteaWithPeople; atEnd: AtEnd }): CiBeside {
  const { gitea, atEnd } = of;
  return {
    contexts: ['CI / test (push)', 'CI / test (pull_request)'],
    files: { '.gitea/workflows/ci.yaml': workflow },
    async watch({ path, repository }) {
      const runner = await registerRunner(gitea, path);
      runner.serve({ repository, atEnd });
    },
  };
}

/** A runner of one repository; `path` is that of its API. */
export async function registerRunner(gitea: GiteaWithPeople, path: string): Promise<ActionsRunner> {
  const call = { as: gitea.author, method: 'POST', path: `${path}/actions/runners/registration-token` };
  const { token } = z.object({ token: z.string() }).parse(await gitea.call(call));
  return startActionsRunner({ url: gitea.url, token });
}

async function runJob(job: ActionsJob, of: TestRepository): Promise<void> {
  const { sha, commands } = job;
  const closers: (() => Promise<void>)[] = [];
  const folder = await temporaryFolder((close) => closers.push(close));
  await of.workspace.fetchCommit({ repository: of.planned, sha });
  await of.workspace.checkOut({ repository: of.planned, folder, sha });
  const log: string[] = [];
  let passed = true;
  for (const command of commands) {
    const ran = await execa('sh', ['-e', '-c', command], { cwd: folder, all: true, reject: false });
    log.push(command, ...ran.all.split('\n'));
    passed = ran.exitCode === 0;
    if (!passed) break;
  }
  for (const close of closers) await close();
  await job.end({ passed, log });
}
