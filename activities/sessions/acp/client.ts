/**
 * Runs one session of an agent by the Agent Client Protocol: starts the agent as its child, prompts it, answers its
 * permission questions, and writes what happens as lines of JSON to standard output. It runs under the runner, so it
 * outlives the engine; all that it needs is its folder.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  client,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
  type ClientConnection,
  type NewSessionRequest,
  type NewSessionResponse,
  type PromptResponse,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
  type SessionConfigOption,
  type SessionUpdate,
  type SetSessionConfigOptionRequest,
} from '@agentclientprotocol/sdk';
import type { Question } from '../../../schema/contracts/question.ts';
import type { ToolCall } from './permissions.ts';
import { runTag } from '../../processes/spec.ts';
import { commandOf, decide, type Decision } from './permissions.ts';
import { acpFiles, AcpSpec, AnswerFile, conversationGone, type AcpLine } from './spec.ts';

/** A person has taken far longer. */
const answerPollMs = 500;

/** An agent that keeps its conversation has it written by then. */
const leaveMs = 2_000;

/** A question is read on a line, and kept in the task's history. */
const maxTitle = 300;
const maxDetail = 2_000;

type Agent = ChildProcessByStdio<Writable, Readable, null>;

/** Any line: of an update, agents tell more than the engine reads. */
type Line =
  | Exclude<AcpLine, { type: 'update' | 'ended' }>
  | { type: 'update'; update: SessionUpdate }
  | (PromptResponse & { type: 'ended' });

function tell(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function main(folder: string): Promise<number> {
  const spec = AcpSpec.parse(JSON.parse(readFileSync(join(folder, acpFiles.spec), 'utf8')));
  const prompt = readFileSync(0, 'utf8');
  const [program = '', ...args] = spec.command;
  const agent = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<{ signal: NodeJS.Signals | null }>((resolve) => {
    agent.on('exit', (_code, signal) => resolve({ signal }));
    agent.on('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve({ signal: null });
    });
  });
  // What is written to an agent that has ended is lost with it.
  agent.stdin.on('error', () => undefined);
  const stop = new AbortController();
  const session = new Session({ folder, spec, agent, stop: stop.signal });
  process.on('SIGTERM', () => {
    stop.abort();
    void session.cancel();
  });
  try {
    await session.run(prompt);
    return 0;
  } catch (error) {
    // Its end is told by the stream first and by the process a moment later.
    const end = error instanceof RequestError ? undefined : await Promise.race([ended, sleep(leaveMs)]);
    if (!stop.signal.aborted && end?.signal != null) return await dieOf(end.signal);
    // An end that was asked for is no failure of the agent's.
    if (!stop.signal.aborted) tell({ type: 'failed', ...describe(error) });
    return 1;
  } finally {
    agent.stdin.end();
    await Promise.race([ended, sleep(leaveMs)]);
  }
}

/** As the agent itself would look to the runner. */
async function dieOf(signal: NodeJS.Signals): Promise<number> {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  await sleep(leaveMs);
  return 1;
}

function describe(error: unknown): { code: number | null; message: string } {
  if (!(error instanceof RequestError)) {
    return { code: null, message: error instanceof Error ? error.message : String(error) };
  }
  const data = error.data === undefined ? '' : ` ${JSON.stringify(error.data)}`;
  return { code: error.code, message: `${error.message}${data}` };
}

/** One conversation with one agent, for one prompt. */
class Session {
  readonly #folder: string;
  readonly #spec: AcpSpec;
  readonly #stop: AbortSignal;
  readonly #connection: ClientConnection;
  /** What was told of each tool call: a permission is asked in fewer words. */
  readonly #tools = new Map<string, ToolCall>();
  readonly #open = new Set<string>();
  #id: string | undefined;
  /** What an agent tells while it loads a conversation was told by an earlier session. */
  #prompted = false;
  #asked = 0;

  constructor(of: { folder: string; spec: AcpSpec; agent: Agent; stop: AbortSignal }) {
    this.#folder = of.folder;
    this.#spec = of.spec;
    this.#stop = of.stop;
    this.#connection = client({ name: 'mission-engine' })
      .onRequest(methods.client.session.requestPermission, ({ params, signal }) =>
        this.#permit(params, AbortSignal.any([signal, this.#stop])),
      )
      .onNotification(methods.client.session.update, ({ params }) => this.#hear(params.update))
      .connect(ndJsonStream(Writable.toWeb(of.agent.stdin), Readable.toWeb(of.agent.stdout)));
  }

  async run(prompt: string): Promise<void> {
    const { agent } = this.#connection;
    const { agentCapabilities, agentInfo } = await agent.request(methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      // The agent works on its own disk, with its own tools.
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: 'mission-engine', version: '1' },
    });
    const canLoad = agentCapabilities?.loadSession === true;
    const begun = await this.#begin(canLoad);
    const options = await this.#choose(begun);
    const model = optionOf(options, 'model')?.currentValue ?? null;
    const version = agentInfo?.version;
    const conversation = canLoad ? begun.sessionId : null;
    tell({ type: 'started', conversation, model, ...(version === undefined ? {} : { version }) });
    if (this.#stop.aborted) return;
    this.#prompted = true;
    const answer = await agent.request(methods.agent.session.prompt, {
      sessionId: begun.sessionId,
      prompt: [{ type: 'text', text: prompt }],
    });
    tell({ ...answer, type: 'ended' });
  }

  /** The agent answers the prompt when it has stopped. One that can't be asked yet is left. */
  async cancel(): Promise<void> {
    if (this.#id === undefined) return this.#connection.close();
    await this.#connection.agent.notify(methods.agent.session.cancel, { sessionId: this.#id });
  }

  async #begin(canLoad: boolean): Promise<NewSessionResponse> {
    const { agent } = this.#connection;
    const { conversation } = this.#spec;
    const place: NewSessionRequest = { cwd: process.cwd(), mcpServers: [] };
    if (conversation === undefined) {
      const created = await agent.request(methods.agent.session.new, place);
      this.#id = created.sessionId;
      return created;
    }
    this.#id = conversation;
    try {
      if (!canLoad) throw new Error('the agent can take up none');
      const loaded = await agent.request(methods.agent.session.load, { ...place, sessionId: conversation });
      return { ...loaded, sessionId: conversation };
    } catch (error) {
      process.stderr.write(`${conversationGone}: ${describe(error).message}\n`);
      throw error;
    }
  }

  /** Mode and model are the operator's and the mission's word; how hard to think is a wish. */
  async #choose({ sessionId, modes, configOptions }: NewSessionResponse): Promise<Options> {
    const { agent } = this.#connection;
    const { mode, model, effort } = this.#spec;
    let options = configOptions;
    const set = async (category: string, value: string): Promise<boolean> => {
      const option = optionOf(options, category);
      if (!option || !valuesOf(option).includes(value)) return false;
      if (option.currentValue === value) return true;
      const chosen: SetSessionConfigOptionRequest = { sessionId, configId: option.id, value };
      options = (await agent.request(methods.agent.session.setConfigOption, chosen)).configOptions;
      return true;
    };
    if (mode !== undefined && !(await set('mode', mode))) {
      const offered = modes?.availableModes.map(({ id }) => id) ?? [];
      if (!offered.includes(mode)) throw notOffered('mode', mode, offered);
      await agent.request(methods.agent.session.setMode, { sessionId, modeId: mode });
    }
    if (model !== undefined && !(await set('model', model))) {
      throw notOffered('model', model, valuesOf(optionOf(options, 'model')));
    }
    if (effort !== undefined) await set('thought_level', effort);
    return options;
  }

  #hear(update: SessionUpdate): void {
    if (update.sessionUpdate === 'tool_call' || update.sessionUpdate === 'tool_call_update') {
      this.#tools.set(update.toolCallId, this.#knownOf(update));
    }
    if (this.#prompted) tell({ type: 'update', update });
  }

  #knownOf(told: ToolCall & { toolCallId: string }): ToolCall {
    const known = this.#tools.get(told.toolCallId);
    return {
      kind: told.kind ?? known?.kind,
      title: told.title ?? known?.title,
      rawInput: told.rawInput ?? known?.rawInput,
    };
  }

  async #permit(
    { toolCall, options }: RequestPermissionRequest,
    over: AbortSignal,
  ): Promise<RequestPermissionResponse> {
    const tool = this.#knownOf(toolCall);
    const title = (tool.title ?? commandOf(tool) ?? tool.kind ?? 'a tool').slice(0, maxTitle);
    const decision = decide(this.#spec.permissions, tool);
    const decided = optionFor(decision, options);
    if (decision !== 'ask' && (decided !== undefined || decision === 'deny')) {
      tell({ type: 'decided', title, decision });
      return toOutcome(decided);
    }
    this.#asked += 1;
    const id = `${this.#spec.questions}-${this.#asked}`;
    const answer = await this.#askPerson(
      {
        id,
        session: this.#spec.session,
        title,
        detail: commandOf(tool)?.slice(0, maxDetail) ?? null,
        options: options.map(({ optionId, name }) => ({ id: optionId, name })),
        at: Date.now(),
      },
      over,
    );
    return toOutcome(answer);
  }

  /** The option that a person has chosen; undefined when nobody waits for it any more. */
  async #askPerson(question: Question, over: AbortSignal): Promise<string | undefined> {
    const { id } = question;
    this.#open.add(id);
    writeFileSync(join(this.#folder, acpFiles.waiting), '');
    tell({ type: 'asked', question });
    let option: string | undefined;
    while (option === undefined && !over.aborted) {
      option = this.#readAnswer(id);
      await sleep(option === undefined ? answerPollMs : 0, undefined, { signal: over }).catch(
        () => undefined,
      );
    }
    this.#open.delete(id);
    if (this.#open.size === 0) rmSync(join(this.#folder, acpFiles.waiting), { force: true });
    tell({ type: 'over', question: id, option: option ?? null });
    return option;
  }

  #readAnswer(question: string): string | undefined {
    const path = join(this.#folder, acpFiles.answer(question));
    if (!existsSync(path)) return undefined;
    return AnswerFile.parse(JSON.parse(readFileSync(path, 'utf8'))).option;
  }
}

type Options = NewSessionResponse['configOptions'];
type Option = Extract<SessionConfigOption, { type: 'select' }>;

function optionOf(options: Options, category: string): Option | undefined {
  return options?.find(
    (option): option is Option => option.type === 'select' && option.category === category,
  );
}

function valuesOf(option: Option | undefined): string[] {
  const groups = option?.options ?? [];
  return groups.flatMap((each) => ('group' in each ? each.options : [each])).map(({ value }) => value);
}

function notOffered(what: 'mode' | 'model', value: string, offered: readonly string[]): Error {
  const instead = offered.length === 0 ? 'none' : offered.join(', ');
  return new Error(`the agent does not offer the ${what} ${value}; it offers ${instead}`);
}

/** Once rather than always: the next question is decided by our lists too. */
function optionFor(decision: Decision, options: RequestPermissionRequest['options']): string | undefined {
  const kinds = decision === 'allow' ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always'];
  return kinds.flatMap((kind) => options.find((option) => option.kind === kind)?.optionId ?? [])[0];
}

/** Without an option the agent is told that the turn is over: it does not do what it has asked for. */
function toOutcome(optionId: string | undefined): RequestPermissionResponse {
  return { outcome: optionId === undefined ? { outcome: 'cancelled' } : { outcome: 'selected', optionId } };
}

const folder = process.env[runTag];
if (folder === undefined) {
  process.stderr.write(`acp-client runs in a session: there is no ${runTag}\n`);
  process.exit(64);
}
process.exit(await main(folder));
