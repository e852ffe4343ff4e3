/** A Woodpecker as its API description tells of it: pipelines with workflows, steps and logs in memory, and faults on demand. */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { AtEnd } from '../support/temporary.ts';

interface Step {
  name: string;
  state: string;
  exitCode?: number;
  error?: string;
  log?: string[];
}
interface Workflow {
  name: string;
  state: string;
  error?: string;
  steps?: Step[];
}
export interface Pipeline {
  event?: string;
  branch?: string;
  commit: string;
  status: string;
  message?: string;
  errors?: { type: string; message: string; is_warning: boolean }[];
  workflows?: Workflow[];
}

export interface FakeWoodpecker {
  url: string;
  token: string;
  /** Adds a pipeline to the one repository that there is, `author/greeter`, and answers its number. */
  add(pipeline: Pipeline): number;
  /** What becomes of a pipeline. */
  change(number: number, to: Partial<Pipeline>): void;
  breakNext(how: 'fails' | 'cut' | 'too-many-requests'): void;
  /** Before 3.0 a list of pipelines had no filters. */
  forgetFilters(): void;
  calls: string[];
}

export async function startFakeWoodpecker(atEnd: AtEnd): Promise<FakeWoodpecker> {
  const token = 'token-of-woodpecker';
  const pipelines: Required<Pipeline>[] = [];
  const faults: string[] = [];
  const calls: string[] = [];
  let filters = true;
  const app = new Hono().basePath('/api');

  app.use(async (context, next) => {
    calls.push(context.req.path);
    if (context.req.header('authorization') !== `Bearer ${token}`) return context.text('', 401);
    const fault = faults.shift();
    if (fault === 'fails') return context.text('down', 503);
    if (fault === 'too-many-requests') return context.text('slow down', 429, { 'retry-after': '7' });
    await next();
    if (fault === 'cut') context.res = new Response('[{"number": ', { status: 200 });
    return undefined;
  });

  app.get('/repos/lookup/:owner/:name', (context) => {
    const { owner, name } = context.req.param();
    if (`${owner}/${name}` !== 'author/greeter') return context.text('not found', 404);
    return context.json({ id: 7, full_name: 'author/greeter', active: true });
  });
  app.get('/repos/7/pipelines', (context) => {
    const { page = '1', perPage = '50', branch, event } = context.req.query();
    const events = event?.split(',');
    const all = pipelines
      .map((pipeline, index) => show(pipeline, index + 1))
      .filter((one) => !filters || branch === undefined || one.branch === branch)
      .filter((one) => !filters || events === undefined || events.includes(one.event))
      .reverse();
    const size = Number(perPage);
    return context.json(all.slice((Number(page) - 1) * size, Number(page) * size));
  });
  app.get('/repos/7/pipelines/:number', (context) => {
    const number = Number(context.req.param('number'));
    const pipeline = pipelines[number - 1];
    if (!pipeline) return context.text('not found', 404);
    const workflows = pipeline.workflows.map((workflow, index) => ({
      id: number * 1_000 + index * 100,
      pipeline_id: number,
      pid: index + 1,
      name: workflow.name,
      state: workflow.state,
      ...(workflow.error === undefined ? {} : { error: workflow.error }),
      children: (workflow.steps ?? []).map((step, at) => ({
        id: number * 1_000 + index * 100 + at + 1,
        pipeline_id: number,
        pid: at + 1,
        ppid: index + 1,
        name: step.name,
        state: step.state,
        exit_code: step.exitCode ?? 0,
        ...(step.error === undefined ? {} : { error: step.error }),
        type: 'commands',
      })),
    }));
    return context.json({ ...show(pipeline, number), ...(workflows.length === 0 ? {} : { workflows }) });
  });
  app.get('/repos/7/logs/:number/:step', (context) => {
    const { number, step } = context.req.param();
    const at = Number(step) - Number(number) * 1_000;
    const found = pipelines[Number(number) - 1]?.workflows[Math.floor(at / 100)]?.steps?.[(at % 100) - 1];
    if (!found) return context.text('not found', 404);
    const lines = (found.log ?? []).map((text, line) => ({
      ...{ id: line, step_id: Number(step), time: 0, line, type: line % 2 },
      data: Buffer.from(`${text}\n`).toString('base64'),
    }));
    const exit = { id: 999, step_id: Number(step), time: 0, line: lines.length, type: 2, data: 'MQ==' };
    // Not in their order: the description promises none.
    return context.json([exit, ...lines.reverse()]);
  });

  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  atEnd(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  );
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    calls,
    add(pipeline) {
      return pipelines.push({ ...defaults, ...pipeline });
    },
    change(number, to) {
      const standing = pipelines[number - 1];
      if (!standing) throw new Error(`there is no pipeline ${number}`);
      pipelines[number - 1] = { ...standing, ...to };
    },
    breakNext: (how) => void faults.push(how),
    forgetFilters() {
      filters = false;
    },
  };
}

const defaults = { event: 'push', branch: 'topic', message: 'work\n', errors: [], workflows: [] };

function show(pipeline: Required<Pipeline>, number: number) {
  const { event, branch, commit, status, message, errors } = pipeline;
  const ref = `refs/heads/${branch}`;
  return { ...{ id: number, number, ref }, ...{ event, branch, commit, status, message, errors } };
}
