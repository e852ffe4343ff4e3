import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  addUsage,
  noUsage,
  type AgentEvent,
  type QuotaWindow,
  type Usage,
} from '../../schema/contracts/agent.ts';
import type { Question, QuestionNews } from '../../schema/contracts/question.ts';
import type { Scrub } from '../scrub.ts';
import type { LineReader } from './runtimes/runtime.ts';

/** How far behind its agent a reader may be: somebody may be watching. */
const readEveryMs = 1_000;

/** What is kept of a text; whole, it stands in the session's output. */
const maxTextLength = 2_000;

/** What an agent has told so far. */
export interface Told {
  /** Whether it has begun to work, or at least to talk with its model. */
  started: boolean;
  conversation: string | undefined;
  /** Undefined where the program has not told it. */
  model?: string | undefined;
  /** Undefined where the program does not tell it by itself. */
  version?: string | undefined;
  usage: Usage;
  /** Of its account, as last told. */
  windows: readonly QuotaWindow[];
  /** How many tools it has used. */
  tools: number;
  /** What it could not go on from; undefined again once it has gone on. */
  error: Extract<AgentEvent, { type: 'error' }> | undefined;
  /** Its last word. */
  text: string;
  last: AgentEvent['type'] | undefined;
}

/**
 * Reads an agent's output while it is written, line by line. The file is all there is to it: whoever adopts a session
 * reads from its beginning and knows the same.
 */
export class AgentLog {
  readonly told: Told = {
    started: false,
    conversation: undefined,
    usage: noUsage,
    windows: [],
    tools: 0,
    error: undefined,
    text: '',
    last: undefined,
  };
  readonly #path: string;
  readonly #read: LineReader;
  readonly #scrub: Scrub;
  readonly #onUsage: (usage: Usage) => void;
  readonly #onEvent: (event: AgentEvent) => void;
  readonly #onQuestion: (news: QuestionNews) => void;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(of: {
    path: string;
    read: LineReader;
    /** A heartbeat shows what was told, while it is. */
    scrub?: Scrub;
    /** Told of what was used in all, each time that it has become more. */
    onUsage?: (usage: Usage) => void;
    /** Told of each event, in order. */
    onEvent?: (event: AgentEvent) => void;
    /** Told of each question again by whoever adopts the session. */
    onQuestion?: (news: QuestionNews) => void;
  }) {
    this.#path = of.path;
    this.#read = of.read;
    this.#scrub = of.scrub ?? ((text) => text);
    this.#onUsage = of.onUsage ?? (() => undefined);
    this.#onEvent = of.onEvent ?? (() => undefined);
    this.#onQuestion = of.onQuestion ?? (() => undefined);
  }

  /** Reads until the run has ended, and then what is left. */
  async follow<End>(run: Promise<End>): Promise<End> {
    const ended = new AbortController();
    const reading = this.#readUntil(ended.signal);
    try {
      return await run;
    } finally {
      ended.abort();
      await reading;
      await this.readOn();
      this.#take(this.#rest.toString());
      this.#rest = Buffer.alloc(0);
    }
  }

  async #readUntil(ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      await this.readOn();
      await sleep(readEveryMs, undefined, { signal: ended }).catch(() => undefined);
    }
  }

  /** Reads the whole lines that were written since the last time. */
  async readOn(): Promise<void> {
    const file = await open(this.#path, 'r').catch(() => undefined);
    if (!file) return;
    try {
      for (;;) {
        const chunk = await readAt(file, this.#offset);
        if (chunk.length === 0) return;
        this.#offset += chunk.length;
        this.#takeLines(Buffer.concat([this.#rest, chunk]));
      }
    } finally {
      await file.close();
    }
  }

  /** Cut at line ends, which no character of several bytes contains. */
  #takeLines(bytes: Buffer): void {
    const end = bytes.lastIndexOf('\n') + 1;
    this.#rest = bytes.subarray(end);
    for (const line of bytes.subarray(0, end).toString().split('\n')) this.#take(line);
  }

  #take(line: string): void {
    if (line.trim() === '') return;
    for (const event of this.#read(line)) this.hear(event);
  }

  /** What was told, or found elsewhere. */
  hear(event: AgentEvent): void {
    this.#note(event);
    this.#onEvent(event);
  }

  #note(event: AgentEvent): void {
    const { told } = this;
    told.last = event.type;
    switch (event.type) {
      case 'started':
        told.started = true;
        told.conversation = event.conversation ?? undefined;
        told.version = event.version === undefined ? told.version : this.#shorten(event.version);
        told.model = event.model ? this.#scrub(event.model) : told.model;
        return;
      case 'tool':
        told.tools += 1;
        told.error = undefined;
        return;
      case 'text':
      case 'final':
        told.text = this.#shorten(event.text);
        told.error = undefined;
        return;
      case 'usage':
        told.usage = addUsage(told.usage, event.usage);
        this.#onUsage(told.usage);
        return;
      case 'windows':
        told.windows = newest(told.windows, event.windows);
        return;
      case 'retry':
        return;
      case 'question':
        this.#onQuestion({ kind: 'asked', question: this.#maskQuestion(event.question) });
        return;
      case 'question-over':
        this.#onQuestion({ kind: 'over', id: event.id });
        return;
      case 'error':
        told.error = { ...event, message: this.#shorten(event.message) };
    }
  }

  #maskQuestion(question: Question): Question {
    const { title, detail } = question;
    return { ...question, title: this.#scrub(title), detail: detail === null ? null : this.#scrub(detail) };
  }

  #shorten(text: string): string {
    return this.#scrub(text).slice(0, maxTextLength);
  }
}

function newest(known: readonly QuotaWindow[], told: readonly QuotaWindow[]): QuotaWindow[] {
  return [...new Map([...known, ...told].map((one) => [one.window, one])).values()];
}

async function readAt(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(64 * 1024), position });
  return buffer.subarray(0, bytesRead);
}
