import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { HostActivities, ReviewInput, ReviewOutcome } from '../../workflows/ports.ts';
import type { DataPaths } from '../data-paths.ts';
import { refused } from '../failures.ts';
import { exists, removeTree } from '../files.ts';
import type { Forges } from '../forge/forge.ts';
import type { Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import { programEnvironment } from '../processes/environment.ts';
import type { Processes } from '../processes/supervise.ts';
import { reviewPrompt } from '../sessions/prompt.ts';
import type { Scrub } from '../scrub.ts';
import { sessionFiles, summarize } from '../sessions/session-activities.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import type { Engine, Engines } from './engines.ts';
import { parseAnswer } from './parse-answer.ts';

/** An answer is a summary and findings; what is longer is no answer. */
const maxAnswerBytes = 256 * 1024;

export function createReviewActivities(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
  paths: DataPaths;
  processes: Processes;
  engines: Engines;
  scrub: Scrub;
}): Pick<HostActivities, 'review'> {
  const { git, forges, workspace, paths } = deps;
  return { review: (input) => asSupervisor((watch) => review(input, watch)) };

  /** Runs one engine on one commit, in a clean checkout of its own, and puts its verdict on the pull request. */
  async function review(input: ReviewInput, watch: Watch): Promise<ReviewOutcome> {
    const engine = deps.engines.get(input.engine);
    if (!engine) throw refused(`no engine is named ${input.engine} on this host`);
    const folder = paths.session(input.sessionId);
    const checkout = paths.checkout(input.sessionId);
    const startedAt = Date.now();
    const end = await deps.processes.supervise({
      folder,
      prepare: async () => {
        const { repository } = input.place;
        // Another host may have pushed the one and fetched the other.
        for (const sha of [input.headSha, input.baseSha]) await workspace.fetchCommit({ repository, sha });
        await workspace.checkOut({ repository, folder: checkout.repository, sha: input.headSha });
        await mkdir(checkout.home, { recursive: true });
        const agentsFile = await workspace.readFileAt({
          repository,
          commit: input.baseSha,
          path: 'AGENTS.md',
        });
        return prepareReview(input, engine, agentsFile);
      },
      watch,
    });
    const session = summarize({
      end,
      input: { ...input, role: `review-${input.engine}`, task: { program: { runtime: input.engine } } },
      startedAt,
    });
    const outcome = await judge(input, folder, checkout.repository, session);
    if (outcome.kind === 'reviewed') {
      const { repository } = input.place;
      const { pullRequest } = input;
      await forges(repository).postReview({ repository, pullRequest, review: outcome.review });
    }
    await removeTree(checkout.folder);
    return outcome;
  }

  function prepareReview(input: ReviewInput, engine: Engine, agentsFile: string | undefined) {
    const checkout = paths.checkout(input.sessionId);
    return {
      spec: {
        cwd: checkout.repository,
        env: programEnvironment({
          run: paths.session(input.sessionId),
          home: checkout.home,
          extra: { MISSION_BASE_SHA: input.baseSha, MISSION_HEAD_SHA: input.headSha },
        }),
        steps: [
          {
            name: input.engine,
            argv: [...engine.argv],
            timeoutMs: input.timeoutSeconds * 1_000,
            stdin: sessionFiles.prompt,
            stdout: sessionFiles.output,
            stderr: sessionFiles.errors,
          },
        ],
        maxOutputBytes: maxAnswerBytes,
        heartbeatMs: deps.processes.heartbeatMs,
      },
      files: { [sessionFiles.prompt]: reviewPrompt({ ...input, agentsFile }) },
    };
  }

  async function judge(
    input: ReviewInput,
    folder: string,
    repository: string,
    session: SessionSummary,
  ): Promise<ReviewOutcome> {
    if (session.end !== 'exited' || session.exitCode !== 0) {
      const code = session.exitCode === null ? '' : ` with exit code ${session.exitCode}`;
      return { kind: 'no-verdict', reason: `${input.engine} ended as ${session.end}${code}`, session };
    }
    if (!(await isUntouched({ folder, repository, headSha: input.headSha }))) {
      return { kind: 'no-verdict', reason: `${input.engine} changed its checkout`, session };
    }
    const output = join(folder, sessionFiles.output);
    if ((await stat(output)).size > maxAnswerBytes) {
      return { kind: 'no-verdict', reason: `the answer of ${input.engine} is over 256 KiB`, session };
    }
    const parsed = parseAnswer(deps.scrub(await readFile(output, 'utf8')));
    if (parsed.kind === 'malformed') {
      return { kind: 'no-verdict', reason: `${input.engine}: ${parsed.reason}`, session };
    }
    return {
      kind: 'reviewed',
      review: { engine: input.engine, sha: input.headSha, ...parsed.answer },
      session,
    };
  }

  /** Noted in the session's folder, since a repeated activity finds the checkout gone. */
  async function isUntouched(of: { folder: string; repository: string; headSha: string }): Promise<boolean> {
    const note = join(of.folder, 'untouched');
    if (await exists(note)) return true;
    const args = ['diff', '--quiet', of.headSha, '--'];
    const { exitCode } = await git.run({ cwd: of.repository, args, accept: [1] });
    if (exitCode === 0) await writeFile(note, '');
    return exitCode === 0;
  }
}
