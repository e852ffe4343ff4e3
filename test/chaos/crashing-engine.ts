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
      const effect = effectOf(words);
      if (effect !== undefined && isTimeTo(`tmux before ${effect}`)) killTmux(words);
      if (effect !== undefined) dieAt(`before ${effect}`);
      const child: unknown = Reflect.apply(spawn, self, args);
      // It is on its way and has claimed nothing yet.
      if (effect !== undefined) dieAt(`after ${effect}`);
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
  const effects = new Map<number, string>();
  spawner.send = new Proxy(spawner.send.bind(spawner), {
    apply(send, self, args: unknown[]): unknown {
      const request = SpawnerRequest.parse(args[0]);
      const words = 'run' in request ? request.run.args : request.launch.argv;
      const effect = effectOf(words);
      if (effect === undefined) return Reflect.apply(send, self, args);
      if (isTimeTo(`tmux before ${effect}`)) killTmux(words);
      dieAt(`before ${effect}`);
      const sent: unknown = Reflect.apply(send, self, args);
      if ('run' in request) effects.set(request.id, effect);
      // It is on its way and has claimed nothing yet.
      else dieAt(`after ${effect}`);
      return sent;
    },
  });
  spawner.prependListener('message', (raw) => {
    const effect = effects.get(SpawnerAnswer.parse(raw).id);
    if (effect !== undefined) dieAt(`after ${effect}`);
  });
}

function killTmux(words: readonly string[]): void {
  childProcess.spawnSync('tmux', ['-L', words[words.indexOf('-L') + 1] ?? '', 'kill-server']);
}

function effectOf(words: readonly string[]): string | undefined {
  // By itself, or in a pane of tmux.
  if (words.some((word) => word.endsWith('/runner.js') || word.endsWith('.launch'))) {
    return 'the launch of the runner';
  }
  if (words.includes('push')) return 'git push';
  if (words.includes('update-ref') && !words.includes('-d')) return 'the move of the base';
  return undefined;
}

const Exchange = z.object({
  request: z.instanceof(IncomingMessage),
  response: z.instanceof(ServerResponse),
});

function dieAtGoAhead(): void {
  subscribe('http.server.request.start', (message) => {
    const { request, response } = Exchange.parse(message);
    if (!request.url?.endsWith('/merge-go-ahead')) return;
    dieAt('before the go-ahead is received');
    response.writeHead = new Proxy(response.writeHead.bind(response), {
      apply(target, self, args: unknown[]): unknown {
        dieAt('after the go-ahead, before its answer');
        return Reflect.apply(target, self, args);
      },
    });
    response.on('finish', () => dieAt('after the answer to the go-ahead'));
  });
}

const Answered = z.object({
  request: z.object({ method: z.string(), path: z.string() }),
  response: z.object({ statusCode: z.int() }),
});

/** A forge has done what it was asked, and nobody has heard of it. */
function dieAtAnswersOfForges(): void {
  subscribe('undici:request:headers', (message) => {
    const { request, response } = Answered.parse(message);
    if (response.statusCode >= 300) return;
    const [asked = ''] = request.path.split('?');
    const what = asked.split('/').findLast((part) => !/^\d*$/.test(part)) ?? '';
    dieAt(`at the answer to ${request.method} ${what}`);
  });
}

dieAtPrograms();
dieAtGoAhead();
dieAtAnswersOfForges();
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
