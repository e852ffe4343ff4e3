import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AgentEvent } from '../../schema/contracts/agent.ts';
import { reviewRole } from '../../schema/contracts/names.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { HostActivities, ReviewInput, ReviewOutcome } from '../../workflows/ports.ts';
import { verdictFault } from '../../workflows/rules/verdict.ts';
import type { DataPaths } from '../data-paths.ts';
import { refused } from '../failures.ts';
import { exists, removeTree, replaceFile } from '../files.ts';
import type { Forges } from '../forge/forge.ts';
import type { Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import type { AgentLog } from '../sessions/agent-log.ts';
import { sessionFiles, type Session, type SessionRuns } from '../sessions/session-runs.ts';
import type { Scrub } from '../scrub.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import { readBoundedDiff, readCommits } from './bounded-diff.ts';
import { changedInCheckout, describeChanged } from './changed-files.ts';
import { isProgram, type AgentEngine, type Engines, type ProgramEngine } from './engines.ts';
import { judgeFindings } from './judge-findings.ts';
import { parseAnswer } from './parse-answer.ts';
import { reviewPrompt } from './review-prompt.ts';

/** An answer is a summary and findings; what is longer is no answer. */
const maxAnswerBytes = 256 * 1024;

const Noted = z.array(z.string());

/** What a reviewer ran, and what it has answered; undefined: it has come to no end, or its answer is too long. */
interface Ended {
  session: SessionSummary;
  answer: string | undefined;
}

export function createReviewActivities(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
  paths: DataPaths;
  runs: SessionRuns;
  engines: Engines;
  scrub: Scrub;
}): Pick<HostActivities, 'review'> {
  const { git, forges, workspace, paths, runs } = deps;
  return { review };

  /** Runs one engine on one commit, in a clean checkout of its own, and puts its verdict on the pull request. */
  function review(input: ReviewInput): Promise<ReviewOutcome> {
    const engine = deps.engines.get(input.engine);
    if (!engine) throw refused(`no engine is named ${input.engine} on this host`);
    let log: AgentLog | undefined;
    return asSupervisor(
      async (watch) => {
        const ended = isProgram(engine)
          ? await runProgram(input, engine, watch)
          : await runAgent(input, engine, { watch, onLog: (its) => (log = its) });
        return conclude(input, ended);
      },
      () => log?.told,
    );
  }

  async function conclude(input: ReviewInput, ended: Ended): Promise<ReviewOutcome> {
    const outcome = await judge(input, ended);
    if (outcome.kind === 'reviewed') {
      const { repository } = input.place;
      const { pullRequest } = input;
      await forges(repository).postReview({ repository, pullRequest, review: outcome.review });
    }
    await removeTree(checkoutOf(input).folder);
    return outcome;
  }

  /** The whole of its standard output is the answer. */
  async function runProgram(input: ReviewInput, engine: ProgramEngine, watch: Watch): Promise<Ended> {
    const program = { argv: [...engine.argv] };
    const session = { ...sessionOf(input), runtime: input.engine, maxOutputBytes: maxAnswerBytes };
    const summary = await runs.run(session, program, watch);
    const output = join(paths.session(input.sessionId), sessionFiles.output);
    const { size } = await stat(output).catch(() => ({ size: Infinity }));
    const answer = size > maxAnswerBytes ? undefined : await readFile(output, 'utf8');
    return { session: summary, answer };
  }

  /** Its last message is the answer: what stands anywhere else in its output may be somebody else's words. */
  async function runAgent(
    input: ReviewInput,
    engine: AgentEngine,
    listener: { watch: Watch; onLog: (log: AgentLog) => void },
  ): Promise<Ended> {
    const remedy = `install it, or the reviewer ${input.engine} can’t work; then retry`;
    const { stallSeconds, limits, resumes } = input;
    const session = {
      ...{ ...sessionOf(input), stallSeconds, limits, resumes, remedy },
      title: `the review of ${input.task.title}`,
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

  function sessionOf(input: ReviewInput): Omit<Session, 'runtime'> {
    const { sessionId, host, timeoutSeconds, baseSha, headSha } = input;
    const { repository: cwd, home } = checkoutOf(input);
    return {
      ...{ sessionId, host, timeoutSeconds, cwd, home },
      role: reviewRole(input.engine),
      env: { MISSION_BASE_SHA: baseSha, MISSION_HEAD_SHA: headSha },
      prepare: () => prepare(input),
    };
  }

  /** A conversation goes on where it began: some programs keep their conversations by folder. */
  function checkoutOf({ sessionId, resumes }: ReviewInput): ReturnType<DataPaths['checkout']> {
    return paths.checkout(resumes?.session ?? sessionId);
  }

  async function prepare(input: ReviewInput): Promise<Record<string, string>> {
    const { place, headSha, baseSha } = input;
    const { repository } = place;
    // Another host may have pushed the one and fetched the other.
    for (const sha of [headSha, baseSha]) await workspace.fetchCommit({ repository, sha });
    await workspace.checkOut({ repository, folder: checkoutOf(input).repository, sha: headSha });
    const agentsFile = await workspace.readFileAt({ repository, commit: baseSha, path: 'AGENTS.md' });
    const change = { git, mirror: await workspace.openMirror(repository), baseSha, headSha };
    const prompt = reviewPrompt({
      ...{ ...input, agentsFile, resumed: input.resumes !== undefined },
      commits: await readCommits(change),
      diff: await readBoundedDiff(change),
    });
    return { [sessionFiles.prompt]: prompt };
  }

  async function judge(input: ReviewInput, { session, answer }: Ended): Promise<ReviewOutcome> {
    const { engine } = input;
    const fault = faultOf(session);
    if (fault !== undefined) return { kind: 'no-verdict', reason: `${engine} ${fault}`, session };
    const changed = await changedBy(input, session);
    if (changed.length > 0) {
      const reason = `${engine} changed its checkout: ${describeChanged(changed)}`;
      return { kind: 'no-verdict', reason, session };
    }
    const parsed =
      answer === undefined
        ? { kind: 'malformed' as const, reason: 'there is no answer, or one over 256 KiB' }
        : parseAnswer(deps.scrub(answer));
    if (parsed.kind === 'malformed') {
      const reason = `${engine}: ${parsed.reason}`;
      return { kind: 'no-verdict', reason, malformed: parsed.reason, session };
    }
    const repository = await workspace.openMirror(input.place.repository);
    const judged = await judgeFindings({ ...input, git, repository, answer: parsed.answer });
    if (judged.kind !== 'review') {
      const { reason } = judged;
      return { kind: 'no-verdict', reason: `${engine}: ${reason}`, malformed: reason, session };
    }
    const { review } = judged;
    // Before it stands on the pull request, where an approval counts for the protection of its base.
    const why = verdictFault({ review, session, asked: input });
    return why === undefined
      ? { kind: 'reviewed', review, session }
      : { kind: 'no-verdict', reason: why, session };
  }

  /** Noted in the session's folder: a repeated activity finds the checkout gone. */
  async function changedBy(input: ReviewInput, { agent }: SessionSummary): Promise<string[]> {
    const { headSha } = input;
    const note = join(paths.session(input.sessionId), 'changed-files');
    if (await exists(note)) return Noted.parse(JSON.parse(await readFile(note, 'utf8')));
    const { folder, repository: checkout } = checkoutOf(input);
    const mirror = await workspace.openMirror(input.place.repository);
    const index = join(folder, 'judged.index');
    // A program of the operator's is not steered by what it reads; the tests that it runs may leave files.
    const added = agent !== undefined;
    const changed = await changedInCheckout({ git, mirror, checkout, headSha, index, added });
    await replaceFile(note, JSON.stringify(changed));
    return changed;
  }
}

/** Why a session has come to no answer. An agent's is told by its output: its exit code says little. */
function faultOf({ end, exitCode, agent }: SessionSummary): string | undefined {
  if (agent) {
    if (agent.outcome === 'done' || agent.outcome === 'no-change') return undefined;
    return `ended as ${agent.outcome}: ${agent.message}`;
  }
  if (end === 'exited' && exitCode === 0) return undefined;
  return `ended as ${end}${exitCode === null ? '' : ` with exit code ${exitCode}`}`;
}
