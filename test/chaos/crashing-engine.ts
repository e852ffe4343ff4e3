/**
 * The engine of the crash tests: the real one, which kills itself right before or right after an effect.
 *   crashing-engine FOLDER, then the options of `mission up`
 * Each file in FOLDER names a point that is still to come. It is removed as the engine dies there, so that the next
 * engine goes on.
 */
import childProcess, { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, unlinkSync } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SpawnerAnswer, SpawnerRequest } from '../../activities/processes/spawning.ts';
import { askedToStop } from '../../scripts/cli/asked-to-stop.ts';
import { findServer } from '../../scripts/toolchain.mjs';
import { startEngine } from '../../workers/engine.ts';
import { createLog } from '../../workers/log.ts';
import { installRuntime } from '../../workers/runtime.ts';

const { values, positionals } = parseArgs({
  options: {
    data: { type: 'string', default: '' },
    port: { type: 'string' },
    root: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean' },
  },
  allowPositionals: true,
});
const [points = ''] = positionals;

/** Whether something is to die here; true once for each point. */
function isTimeTo(point: string): boolean {
  try {
    unlinkSync(join(points, point));
    return true;
  } catch {
    // Not asked for, or it has happened.
    return false;
  }
}

/** As a power cut would: nothing after this line runs. */
function dieAt(point: string): void {
  if (isTimeTo(point)) process.kill(process.pid, 'SIGKILL');
}

function killTemporal(): void {
  const record = z.object({ pid: z.number() });
  const { pid } = record.parse(JSON.parse(readFileSync(join(values.data, 'temporal.json'), 'utf8')));
  process.kill(pid, 'SIGKILL');
}

function dyingActivities<Activities extends object>(activities: Activities): Activities {
  return new Proxy(activities, {
    get(target, name, receiver) {
      const activity: unknown = Reflect.get(target, name, receiver);
      if (typeof activity !== 'function') return activity;
      return async (...args: unknown[]): Promise<unknown> => {
        dieAt(`before ${String(name)}`);
        if (isTimeTo(`Temporal in ${String(name)}`)) killTemporal();
        const result: unknown = await Reflect.apply(activity, undefined, args);
        dieAt(`after ${String(name)}`);
        return result;
      };
    },
  });
}

/** Within an activity: what the engine starts is seen as it is started, whoever starts it. */
function dieAtPrograms(): void {
  childProcess.spawn = new Proxy(childProcess.spawn, {
    apply(spawn, self, args: unknown[]): unknown {
      const words = args.flat().filter((arg) => typeof arg === 'string');
      const effects = effectsOf(words);
      for (const effect of effects) dieBefore(effect, words);
      const child: unknown = Reflect.apply(spawn, self, args);
      // It is on its way and has claimed nothing yet.
      for (const effect of effects) dieAt(`after ${effect}`);
      return child;
    },
  });
  childProcess.fork = new Proxy(childProcess.fork, {
    apply(fork, self, args: unknown[]): unknown {
      const child: unknown = Reflect.apply(fork, self, args);
      if (child instanceof ChildProcess) dieAtRequests(child);
      return child;
    },
  });
  syncBuiltinESMExports();
}

/** Programs that a process of ours is asked to run: they have done their work when it answers. */
function dieAtRequests(spawner: ChildProcess): void {
  const asked = new Map<number, readonly string[]>();
  spawner.send = new Proxy(spawner.send.bind(spawner), {
    apply(send, self, args: unknown[]): unknown {
      const request = SpawnerRequest.parse(args[0]);
      const words = 'run' in request ? request.run.args : request.launch.argv;
      const effects = effectsOf(words);
      for (const effect of effects) dieBefore(effect, words);
      const sent: unknown = Reflect.apply(send, self, args);
      if ('run' in request) asked.set(request.id, effects);
      // It is on its way and has claimed nothing yet.
      else for (const effect of effects) dieAt(`after ${effect}`);
      return sent;
    },
  });
  spawner.prependListener('message', (raw) => {
    const { id } = SpawnerAnswer.parse(raw);
    for (const effect of asked.get(id) ?? []) dieAt(`after ${effect}`);
    asked.delete(id);
  });
}

function dieBefore(effect: string, words: readonly string[]): void {
  if (isTimeTo(`tmux before ${effect}`)) killTmux(words);
  dieAt(`before ${effect}`);
}

function killTmux(words: readonly string[]): void {
  childProcess.spawnSync('tmux', ['-L', words[words.indexOf('-L') + 1] ?? '', 'kill-server']);
}

function effectsOf(words: readonly string[]): string[] {
  // By itself, or in a pane of tmux.
  if (words.some((word) => word.endsWith('/runner.js') || word.endsWith('.launch'))) {
    const roles = words.flatMap((word) => /[./](author|review-[\w-]+)[./]\d+(?:@|$)/.exec(word)?.[1] ?? []);
    return ['the launch of the runner', ...roles.map((role) => `the launch of ${role}`)];
  }
  if (words.includes('push')) return ['git push'];
  if (words.includes('update-ref') && !words.includes('-d')) return ['the move of the base'];
  return [];
}

const Exchange = z.object({
  request: z.instanceof(IncomingMessage),
  response: z.instanceof(ServerResponse),
});

/** What persons say, by the address that they say it to. */
const said = [
  ['/merge-go-ahead', 'go-ahead'],
  ['/answer', 'decision'],
] as const;

function dieAtPersons(): void {
  subscribe('http.server.request.start', (message) => {
    const { request, response } = Exchange.parse(message);
    const [, what] = said.find(([end]) => request.url?.endsWith(end)) ?? [];
    if (what === undefined) return;
    dieAt(`before the ${what} is received`);
    response.writeHead = new Proxy(response.writeHead.bind(response), {
      apply(target, self, args: unknown[]): unknown {
        dieAt(`after the ${what}, before its answer`);
        return Reflect.apply(target, self, args);
      },
    });
    response.on('finish', () => dieAt(`after the answer to the ${what}`));
  });
}

const Asked = z.object({ request: z.object({ method: z.string(), path: z.string() }) });
const Answered = Asked.extend({ response: z.object({ statusCode: z.int() }) });

/** Forges, and whoever is told what happens. */
function dieAtCalls(): void {
  subscribe('undici:request:create', (message) => dieAt(`before ${nameOf(Asked.parse(message))}`));
  subscribe('undici:request:headers', (message) => {
    const answered = Answered.parse(message);
    // They have done what they were asked, and nobody has heard of it.
    if (answered.response.statusCode < 300) dieAt(`at the answer to ${nameOf(answered)}`);
  });
}

function nameOf({ request }: z.infer<typeof Asked>): string {
  const [asked = ''] = request.path.split('?');
  const what = asked.split('/').findLast((part) => !/^\d*$/.test(part)) ?? '';
  return `${request.method} ${what}`;
}

dieAtPrograms();
dieAtPersons();
dieAtCalls();
const log = createLog();
installRuntime(log);
const engine = await startEngine({
  data: values.data,
  port: 0,
  listen: '127.0.0.1',
  temporal: process.env['TEMPORAL_ADDRESS'],
  namespace: 'default',
  databaseUrl: undefined,
  roots: values.root,
  temporalCommand: () => findServer('cli'),
  log,
  decorate: dyingActivities,
});
await Promise.race([engine.done, askedToStop()]);
await engine.stop();
// Temporal's native core keeps a process alive whose work is done.
process.exit();
