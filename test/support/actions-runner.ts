/** A runner of Gitea Actions, as far as a server sees it: it takes jobs over the runner's protocol, and says how they end. */
import { z } from 'zod';
import { until } from './until.ts';

const Registered = z.object({ runner: z.object({ uuid: z.string(), token: z.string() }) });
const Fetched = z.object({ task: z.object({ id: z.string() }).optional() });

export interface ActionsRunner {
  /** Takes the next job and stays with it until it is ended. */
  takeJob(): Promise<{ end: (of: { passed: boolean; log: string[] }) => Promise<void> }>;
}

/** `token` registers runners of a repository. */
export async function startActionsRunner(of: { url: string; token: string }): Promise<ActionsRunner> {
  const labels = ['ubuntu-latest'];
  const registration = { name: 'runner', token: of.token, version: 'v1.0.0', labels };
  const { runner } = Registered.parse(await call('Register', registration, {}));
  const as = { 'x-runner-uuid': runner.uuid, 'x-runner-token': runner.token };
  await call('Declare', { version: 'v1.0.0', labels }, as);
  return { takeJob };

  async function takeJob() {
    let id = '';
    await until(async () => {
      // Version 0: whatever there is.
      const { task } = Fetched.parse(await call('FetchTask', { tasksVersion: '0' }, as));
      id = task?.id ?? '';
      return id !== '';
    });
    const startedAt = new Date().toISOString();
    return {
      async end({ passed, log }: { passed: boolean; log: string[] }) {
        const time = new Date().toISOString();
        const rows = log.map((content) => ({ time, content }));
        await call('UpdateLog', { taskId: id, index: '0', rows, noMore: true }, as);
        const result = passed ? 'RESULT_SUCCESS' : 'RESULT_FAILURE';
        const state = { id, result, startedAt, stoppedAt: time, steps: [] };
        await call('UpdateTask', { state, outputs: {} }, as);
      },
    };
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
