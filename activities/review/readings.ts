/** How an engine reads a head: in a clean checkout of its own, which it is to leave as it was. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AgentEvent } from '../../schema/contracts/agent.ts';
import { reviewRole } from '../../schema/contracts/names.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { ReviewInput } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { refused } from '../failures.ts';
import { exists, removeTree, replaceFile } from '../files.ts';
import type { Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import type { AgentLog } from '../sessions/agent-log.ts';
import { sessionFiles, type Session, type SessionRuns } from '../sessions/session-runs.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import { readBoundedDiff, readCommits } from './bounded-diff.ts';
import { changedInCheckout, describeChanged } from './changed-files.ts';
import { isProgram, type AgentEngine, type Engines, type ProgramEngine } from './engines.ts';
import type { Change } from './review-prompt.ts';

/** An answer is a summary and findings; what is longer is no answer. */
const maxAnswerBytes = 256 * 1024;

const Noted = z.array(z.string());

/** Who reads what, and where. */
export type Reading = Pick<
  ReviewInput,
  | 'place'
  | 'host'
  | 'sessionId'
  | 'engine'
  | 'task'
  | 'headSha'
  | 'baseSha'
  | 'timeoutSeconds'
  | 'limits'
  | 'stallSeconds'
  | 'resumes'
>;

/** What a session ran, and what it has answered; undefined: it has come to no end, or its answer is too long. */
interface Ended {
  session: SessionSummary;
  answer: string | undefined;
}

/** `fault`: why whatever it has answered counts for nothing. */
export interface Read extends Ended {
  fault: string | undefined;
}

/** What an engine is asked. */
interface Asked<T> {
  reading: Reading;
  /** What it is for, in words for people. */
  title: string;
  prompt: (of: Change & { agentsFile: string | undefined }) => string;
  /** What comes of its answer, before its checkout goes. */
  conclude: (read: Read) => Promise<T>;
}

type Prepared = Omit<Asked<unknown>, 'conclude'>;

export interface Readings {
  /** Safe to call again: the engine is launched once. */
  read<T>(asked: Asked<T>): Promise<T>;
}

export function createReadings(deps: {
  git: Git;
  workspace: Workspace;
  paths: DataPaths;
  runs: SessionRuns;
  engines: Engines;
}): Readings {
  const { git, workspace, paths, runs } = deps;
  return { read };

  function read<T>(asked: Asked<T>): Promise<T> {
    const { reading, conclude } = asked;
    const engine = deps.engines.get(reading.engine);
    if (!engine) throw refused(`no engine is named ${reading.engine} on this host`);
    let log: AgentLog | undefined;
    return asSupervisor(
      async (watch) => {
        const ended = isProgram(engine)
          ? await runProgram(asked, engine, watch)
          : await runAgent(asked, engine, { watch, onLog: (its) => (log = its) });
        const concluded = await conclude({ ...ended, fault: await faultOf(reading, ended.session) });
        await removeTree(checkoutOf(reading).folder);
        return concluded;
      },
      () => log?.told,
    );
  }

  /** The whole of its standard output is the answer. */
  async function runProgram(asked: Prepared, engine: ProgramEngine, watch: Watch): Promise<Ended> {
    const program = { argv: [...engine.argv] };
    const session = { ...sessionOf(asked), runtime: asked.reading.engine, maxOutputBytes: maxAnswerBytes };
    const summary = await runs.run(session, program, watch);
    const output = join(paths.session(asked.reading.sessionId), sessionFiles.output);
    const { size } = await stat(output).catch(() => ({ size: Infinity }));
    const answer = size > maxAnswerBytes ? undefined : await readFile(output, 'utf8');
    return { session: summary, answer };
  }

  /** Its last message is the answer: what stands anywhere else in its output may be somebody else's words. */
  async function runAgent(
    asked: Prepared,
    engine: AgentEngine,
    listener: { watch: Watch; onLog: (log: AgentLog) => void },
  ): Promise<Ended> {
    const { reading, title } = asked;
    const remedy = `install it, or the reviewer ${reading.engine} can’t work; then retry`;
    const { stallSeconds, limits, resumes } = reading;
    const session = {
      ...{ ...sessionOf(asked), stallSeconds, limits, resumes, remedy },
      title,
    };
    let answer: string | undefined;
    const onEvent = (event: AgentEvent): void => {
      if (event.type === 'final') answer = event.text;
      // It has said something since: that was not its last word.
      else if (event.type === 'text' || event.type === 'tool') answer = undefined;
    };
    const summary = await runs.runAgent(session, engine, { ...listener, onEvent });
    const isLong = answer !== undefined && Buffer.byteLength(answer) > maxAnswerBytes;
    return { session: summary, answer: isLong ? undefined : answer };
  }

  function sessionOf(asked: Prepared): Omit<Session, 'runtime'> {
    const { sessionId, host, timeoutSeconds, baseSha, headSha } = asked.reading;
    const { repository: cwd, home } = checkoutOf(asked.reading);
    return {
      ...{ sessionId, host, timeoutSeconds, cwd, home },
      role: reviewRole(asked.reading.engine),
      env: { MISSION_BASE_SHA: baseSha, MISSION_HEAD_SHA: headSha },
      prepare: () => prepare(asked),
    };
  }

  /** A conversation goes on where it began: some programs keep their conversations by folder. */
  function checkoutOf({ sessionId, resumes }: Reading): ReturnType<DataPaths['checkout']> {
    return paths.checkout(resumes?.session ?? sessionId);
  }

  async function prepare({ reading, prompt }: Prepared): Promise<Record<string, string>> {
    const { place, headSha, baseSha } = reading;
    const { repository } = place;
    // Another host may have pushed the one and fetched the other.
    for (const sha of [headSha, baseSha]) await workspace.fetchCommit({ repository, sha });
    await workspace.checkOut({ repository, folder: checkoutOf(reading).repository, sha: headSha });
    const agentsFile = await workspace.readFileAt({ repository, commit: baseSha, path: 'AGENTS.md' });
    const change = { git, mirror: await workspace.openMirror(repository), baseSha, headSha };
    const [commits, diff] = [await readCommits(change), await readBoundedDiff(change)];
    return { [sessionFiles.prompt]: prompt({ headSha, baseSha, agentsFile, commits, diff }) };
  }

  async function faultOf(reading: Reading, session: SessionSummary): Promise<string | undefined> {
    const { engine } = reading;
    const fault = faultOfSession(session);
    if (fault !== undefined) return `${engine} ${fault}`;
    const changed = await changedBy(reading, session);
    return changed.length === 0 ? undefined : `${engine} changed its checkout: ${describeChanged(changed)}`;
  }

  /** Noted in the session's folder: a repeated activity finds the checkout gone. */
  async function changedBy(reading: Reading, { agent }: SessionSummary): Promise<string[]> {
    const { headSha } = reading;
    const note = join(paths.session(reading.sessionId), 'changed-files');
    if (await exists(note)) return Noted.parse(JSON.parse(await readFile(note, 'utf8')));
    const { folder, repository: checkout } = checkoutOf(reading);
    const mirror = await workspace.openMirror(reading.place.repository);
    const index = join(folder, 'judged.index');
    // A program of the operator's is not steered by what it reads; the tests that it runs may leave files.
    const added = agent !== undefined;
    const changed = await changedInCheckout({ git, mirror, checkout, headSha, index, added });
    await replaceFile(note, JSON.stringify(changed));
    return changed;
  }
}

/** Why a session has come to no answer. An agent's is told by its output: its exit code says little. */
function faultOfSession({ end, exitCode, agent }: SessionSummary): string | undefined {
  if (agent) {
    if (agent.outcome === 'done' || agent.outcome === 'no-change') return undefined;
    return `ended as ${agent.outcome}: ${agent.message}`;
  }
  if (end === 'exited' && exitCode === 0) return undefined;
  return `ended as ${end}${exitCode === null ? '' : ` with exit code ${exitCode}`}`;
}
