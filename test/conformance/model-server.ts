/**
 * A model that plays the script in its prompt, so that real agent programs can be driven without a real model. Each
 * line `RUN: command` of the last message that has one is a call of the program's shell tool; then comes a last word,
 * which lines `ANSWER: words` name: the next one each time that a reviewer is asked to answer again.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { dialects, type Answer, type Dialect, type Question, type Turn } from './model-dialects.ts';

export type Scenario =
  /** `headers` go with each answer: in them vendors tell how much of a limit is used. */
  | { kind: 'work'; headers?: Record<string, string> }
  /** Works, and remembers by itself what it has done: for programs that sum up their conversations. */
  | { kind: 'remember' }
  /** Waits before each answer. */
  | { kind: 'slow'; ms: number }
  /** Takes the question and never answers. */
  | { kind: 'hang' }
  /** `headers` and `body` replace those of a plain refusal: each vendor tells of its usage limits in its own way. */
  | { kind: 'refuse'; status: Refusal; headers?: Record<string, string>; body?: unknown }
  /** Ends the connection in the middle of an answer. */
  | { kind: 'cut' }
  /** Fails so many times, then works. */
  | { kind: 'fail'; times: number };

export type Refusal = keyof typeof faults;

const faults = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
  500: 'api_error',
} as const;

export interface ModelServer {
  url: string;
  /** What it does with the questions from now on. */
  play(scenario: Scenario): void;
  /** How many questions have come. */
  asked(): number;
  close(): Promise<void>;
}

const Address = z.object({ port: z.number() });

export async function startModelServer(first: Scenario = { kind: 'work' }): Promise<ModelServer> {
  let scenario = first;
  let questions = 0;
  let failures = 0;
  const script = new Map<string, 'open' | 'done'>();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      sendJson(response, 500, { error: { type: 'fault of the model server', message: String(error) } });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = Address.parse(server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    play: (next) => {
      scenario = next;
      failures = 0;
    },
    asked: () => questions,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const dialect = dialects.find(({ path }) => new URL(request.url ?? '', 'http://model').pathname === path);
    if (!dialect) return sendOther(request, response);
    questions += 1;
    switch (scenario.kind) {
      case 'hang':
        return;
      case 'refuse':
        return refuse(response, dialect, scenario);
      case 'fail':
        failures += 1;
        if (failures <= scenario.times) return refuse(response, dialect, { status: 500 });
        return stream(response, dialect, body);
      case 'slow':
        // What the scenario asks for: a model that takes its time.
        await sleep(scenario.ms);
        return stream(response, dialect, body);
      case 'cut':
        return stream(response, dialect, body, { cutAfter: 2 });
      case 'remember':
        return stream(response, dialect, body, { next: remembered });
      case 'work':
        return stream(response, dialect, body, scenario);
    }
  }

  function remembered({ turns, shell }: Question): Answer {
    for (const turn of turns) {
      for (const command of commandsOf(turn)) script.set(command, script.get(command) ?? 'open');
    }
    if (!shell) return { say: 'A summary of what was said' };
    const [command] = [...script].flatMap(([each, state]) => (state === 'open' ? [each] : []));
    if (command === undefined) return { say: 'DONE' };
    script.set(command, 'done');
    return { command };
  }
}

/** What programs ask on the side: which models there are, and how long a prompt is. */
function sendOther(request: IncomingMessage, response: ServerResponse): void {
  const path = new URL(request.url ?? '', 'http://model').pathname;
  if (path.endsWith('/count_tokens')) return sendJson(response, 200, { input_tokens: 1 });
  if (path.endsWith('/models')) return sendJson(response, 200, { object: 'list', data: [] });
  sendJson(response, 404, { error: { message: 'not found' } });
}

function refuse(
  response: ServerResponse,
  dialect: Dialect,
  of: { status: Refusal; headers?: Record<string, string>; body?: unknown },
): void {
  const plain = dialect.fault({ type: faults[of.status], message: `scripted ${of.status}` });
  sendJson(response, of.status, of.body ?? plain, of.headers);
}

function stream(
  response: ServerResponse,
  dialect: Dialect,
  body: unknown,
  of: { cutAfter?: number; headers?: Record<string, string>; next?: (question: Question) => Answer } = {},
): void {
  const { cutAfter, headers, next = nextStep } = of;
  const question = dialect.question(body);
  const events = dialect.stream({ ...question, answer: next(question) });
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  for (const { name, data } of events.slice(0, cutAfter)) {
    response.write(`${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`);
  }
  if (cutAfter !== undefined) {
    // What was written must be on its way before the connection ends.
    setTimeout(() => response.destroy(), 50);
    return;
  }
  response.end(name(events) ? '' : 'data: [DONE]\n\n');
}

function name(events: readonly { name?: string }[]): boolean {
  return events.some((event) => event.name !== undefined);
}

/** The script's next step: as many tools have answered since it was told as steps are done. */
export function nextStep({ turns }: Pick<Question, 'turns'>): Answer {
  let commands: string[] = [];
  let answers: string[] = [];
  let done = 0;
  let again = 0;
  for (const turn of turns) {
    if (turn.kind === 'tool') {
      done += 1;
      continue;
    }
    if (/^Answer again\.$/m.test(turn.text)) again += 1;
    if (!/^\s*(?:RUN|SAY|ANSWER):/m.test(turn.text)) continue;
    commands = commandsOf(turn);
    answers = linesOf(turn.text, 'ANSWER');
    done = 0;
    again = 0;
  }
  const command = commands[done];
  return command === undefined ? { say: answers[again] ?? `DONE after ${done} tool calls` } : { command };
}

function linesOf(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^\\s*${name}: (.+)$`, 'gm'))].map(([, words = '']) => words);
}

function commandsOf(turn: Turn): string[] {
  if (turn.kind === 'tool') return [];
  return linesOf(turn.text, 'RUN');
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  const body: unknown = JSON.parse(text);
  return body;
}
