import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type {
  Delivered,
  Delivery,
  HostActivities,
  MilestoneVerdict,
  PushOutcome,
  TaskPlace,
  VerifyDeliveryInput,
  VerifyMilestoneInput,
} from '../../workflows/ports.ts';
import { FindingAnswer } from '../../schema/contracts/review.ts';
import type { DataPaths } from '../data-paths.ts';
import { refused } from '../failures.ts';
import { exists } from '../files.ts';
import { taskKey, type KeyedLock } from '../keyed-lock.ts';
import { describeEnd, excerptOf, firstFailure, runSteps, type StepOutcome } from '../processes/steps.ts';
import type { Processes } from '../processes/supervise.ts';
import type { Room } from '../sessions/room.ts';
import { sessionFiles } from '../sessions/session-runs.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import { changedFiles, isAncestor, mergeBase, treeOf, type Git } from './git.ts';
import { breachesOf } from './laws/breaches.ts';
import type { Workspace } from './workspace.ts';

/** What an agent may say instead of delivering. It is a claim: the checks must be green as things stand. */
const SessionOutcome = z.object({
  outcome: z.literal('no-change-needed'),
  reason: z.string().min(1).max(4_000),
});

export function createDeliveryActivities(deps: {
  git: Git;
  workspace: Workspace;
  paths: DataPaths;
  processes: Processes;
  room: Pick<Room, 'limit'>;
  /** What changes a task's branch or clone, one after another: see `taskKey`. */
  taskTurns: KeyedLock;
}): Pick<HostActivities, 'verifyDelivery' | 'verifyMilestone' | 'pushBranch'> {
  const { git, workspace, paths } = deps;
  return {
    verifyDelivery: (input) => asSupervisor((watch) => verifyDelivery(input, watch)),
    verifyMilestone: (input) => asSupervisor((watch) => verifyMilestone(input, watch)),
    pushBranch: (input) =>
      asSupervisor(() => deps.taskTurns.with(taskKey(input.place), () => pushBranch(input))),
  };

  /** Done is commits that the engine itself has seen, and green checks in a clean checkout. */
  async function verifyDelivery(input: VerifyDeliveryInput, watch: Watch): Promise<Delivery> {
    const { place } = input;
    const { repository } = place;
    const baseSha = await workspace.fetchBranch({ repository, branch: repository.base });
    if (baseSha === undefined) throw refused(`${repository.address} has no branch ${repository.base}`);
    const headSha = await fetchDelivered(input);
    if (headSha === undefined) {
      return {
        kind: 'nothing-delivered',
        signature: 'no-branch',
        message: `the branch ${place.branch} is gone from the task's clone, or can't be read there`,
      };
    }
    const mirror = await workspace.openMirror(repository);
    const forkedAt = await mergeBase(git, { cwd: mirror, one: baseSha, other: headSha });
    if (forkedAt === undefined) {
      return nothingDelivered(headSha, {
        signature: 'unrelated',
        message: `the branch has no commit in common with ${repository.base}: start from origin/${repository.base}`,
      });
    }
    const commits = await countCommits(mirror, forkedAt, headSha);
    if (commits === 0) return judgeNoCommits(input, headSha, watch);
    const pushed = await pushedByItself(input, headSha);
    if (pushed !== undefined) {
      return nothingDelivered(headSha, {
        signature: 'pushed-by-itself',
        message: `the session has pushed ${pushed} to ${place.branch}: the engine pushes, after it has verified`,
      });
    }
    const files = await changedFiles(git, { cwd: mirror, from: forkedAt, to: headSha });
    if (files.length === 0) {
      return nothingDelivered(headSha, {
        signature: 'empty-commits',
        message: 'the commits on the branch change no file',
      });
    }
    const outside = files.filter((file) => !isAllowed(file, input.paths));
    if (outside.length > 0) {
      return nothingDelivered(headSha, {
        signature: 'outside-paths',
        message: `the change touches what it may not (only ${input.paths?.join(', ') ?? ''}): ${outside.slice(0, 20).join(', ')}`,
      });
    }
    const red = await runDeliveryChecks(input, headSha, watch);
    if (red) return describeRed(headSha, red);
    const { watched = [], twoPersons = [] } = input;
    const change = { mirror, from: forkedAt, to: headSha };
    const touched: string[] = [];
    for (const path of watched) if (await touches(change, [path])) touched.push(path);
    const needsTwo = twoPersons.length > 0 && (await touches(change, twoPersons));
    const breaches = await breachesOf(git, { cwd: mirror, baseSha, forkedAt, headSha });
    return {
      ...{ kind: 'delivered', headSha, baseSha: forkedAt, commits },
      touchesJudge: files.some(isOfTheJudge),
      ...(touched.length === 0 ? {} : { touched }),
      ...(breaches.length === 0 ? {} : { breaches }),
      ...(needsTwo ? { needsTwo } : {}),
      ...(await readAnswers(input.sessionId)),
      tree: await treeOf(git, { cwd: mirror, commit: headSha }),
    };
  }

  /** Whether a change touches what one of the globs stands for. */
  async function touches(
    change: { mirror: string; from: string; to: string },
    globs: readonly string[],
  ): Promise<boolean> {
    const { mirror: cwd, from, to } = change;
    const specs = globs.map((glob) => `:(glob)${glob}`);
    const args = ['diff', '--quiet', '--no-renames', from, to, '--', ...specs];
    return (await git.run({ cwd, args, accept: [1] })).exitCode === 1;
  }

  async function fetchDelivered(input: VerifyDeliveryInput): Promise<string | undefined> {
    const { repository, branch } = input.place;
    if (input.sessionId === null) return workspace.fetchBranch({ repository, branch });
    const { clone } = paths.task(input.place);
    return workspace.fetchSession({ repository, clone, branch, name: input.sessionId });
  }

  async function countCommits(mirror: string, from: string, to: string): Promise<number> {
    const { stdout } = await git.run({ cwd: mirror, args: ['rev-list', '--count', `${from}..${to}`] });
    return Number(stdout);
  }

  async function judgeNoCommits(
    input: VerifyDeliveryInput,
    headSha: string,
    watch: Watch,
  ): Promise<Delivery> {
    const outcome = await readClaim(input.sessionId, sessionFiles.outcome, SessionOutcome);
    if (outcome && 'claim' in outcome) {
      const red = await runDeliveryChecks(input, headSha, watch);
      return red ? describeRed(headSha, red) : { kind: 'no-change-needed', reason: outcome.claim.reason };
    }
    return { kind: 'nothing-delivered', ...(await describeNoCommits(input, headSha)) };
  }

  async function describeNoCommits(
    input: VerifyDeliveryInput,
    headSha: string,
  ): Promise<{ signature: string; message: string }> {
    const { repository, branch } = input.place;
    const { clone } = paths.task(input.place);
    const name = `${input.sessionId ?? 'forge'}.${input.round}`;
    const [stray] = await workspace.fetchStrays({ repository, clone, branch, name });
    if (stray?.branch === null) {
      return {
        signature: 'detached-head',
        message: `the session has committed ${stray.sha} on no branch: bring it to ${branch}; the next clone has it as ${stray.name}`,
      };
    }
    if (stray) {
      return {
        signature: 'wrong-branch',
        message: `the session has committed on ${stray.name}: bring that to ${branch}`,
      };
    }
    const uncommitted = await workspace.fetchUncommitted({ repository, clone, head: headSha });
    return uncommitted === undefined
      ? { signature: 'no-commits', message: 'the session ended without a commit on its branch' }
      : { signature: 'uncommitted', message: 'the session ended with changes that it had not committed' };
  }

  /** The branch's head on the forge, if it was put there in this session and not by the engine. */
  async function pushedByItself(input: VerifyDeliveryInput, headSha: string): Promise<string | undefined> {
    const { sessionId, place } = input;
    if (sessionId === null) return undefined;
    const note = join(paths.session(sessionId), sessionFiles.pushedBefore);
    // Sessions of version 0.2 and older have no such note.
    const before = await readFile(note, 'utf8').catch(() => undefined);
    if (before === undefined) return undefined;
    const { repository, branch } = place;
    const now = await workspace.fetchBranch({ repository, branch });
    if (now === undefined || now === before) return undefined;
    const mirror = await workspace.openMirror(repository);
    const isTheirs = await isAncestor(git, { cwd: mirror, ancestor: now, descendant: headSha });
    return isTheirs ? now : undefined;
  }

  /** What the author says to findings; what is in another form is no answer, and that is told. */
  async function readAnswers(
    sessionId: string | null,
  ): Promise<Pick<Delivered, 'answers' | 'unreadAnswers'>> {
    const read = await readClaim(sessionId, sessionFiles.findings, z.array(FindingAnswer).max(200));
    if (read === undefined) return {};
    return 'claim' in read ? { answers: read.claim } : { unreadAnswers: read.unread };
  }

  /**
   * What an agent has written into a file of its session. Undefined: there is none. `unread` has no word of the file: it
   * may be a link to one that nobody is to see.
   */
  async function readClaim<T>(
    sessionId: string | null,
    file: string,
    form: z.ZodType<T>,
  ): Promise<{ claim: T } | { unread: string } | undefined> {
    if (sessionId === null) return undefined;
    const path = join(paths.session(sessionId), file);
    if (!(await exists(path))) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(await readFile(path, 'utf8'));
    } catch {
      return { unread: 'it is not JSON' };
    }
    const parsed = form.safeParse(value);
    if (parsed.success) return { claim: parsed.data };
    const [issue] = parsed.error.issues;
    return { unread: [issue?.path.join('.') ?? '', issue?.message ?? ''].filter(Boolean).join(': ') };
  }

  /** A milestone is judged as a delivery is; the folder's name is none that a task could have. */
  async function verifyMilestone(input: VerifyMilestoneInput, watch: Watch): Promise<MilestoneVerdict> {
    const { place, milestone, sha } = input;
    const { repository, mission } = place;
    await workspace.fetchCommit({ repository, sha });
    const red = await runChecks(
      { ...input, repository, mission, task: `milestone.${milestone}` },
      sha,
      watch,
    );
    return red ? { kind: 'red', ...(await describeCheck(red)) } : { kind: 'green' };
  }

  function runDeliveryChecks(input: VerifyDeliveryInput, sha: string, watch: Watch) {
    return runChecks({ ...input, ...input.place }, sha, watch);
  }

  async function runChecks(
    of: Pick<VerifyDeliveryInput, 'checks' | 'checksTimeoutSeconds' | 'round'> &
      Pick<TaskPlace, 'repository' | 'mission' | 'task'>,
    sha: string,
    watch: Watch,
  ): Promise<RedCheck | undefined> {
    const { repository, mission, task, round, checks } = of;
    if (checks.length === 0) return undefined;
    const outcomes = await runSteps({
      folder: paths.checks({ mission, task, round }),
      checkout: paths.checkout(`${mission}.${task}.checks.${round}`),
      steps: checks.map((command, index) => ({
        name: `check-${index + 1}`,
        command,
        timeoutMs: of.checksTimeoutSeconds * 1_000,
      })),
      checkOut: (folder) => workspace.checkOut({ repository, folder, sha }),
      processes: deps.processes,
      room: deps.room,
      watch,
    });
    const outcome = firstFailure(outcomes);
    return outcome && { outcome, command: checks[outcomes.indexOf(outcome)] ?? outcome.name };
  }

  async function describeRed(headSha: string, red: RedCheck): Promise<Delivery> {
    return { kind: 'checks-failed', headSha, check: red.command, ...(await describeCheck(red)) };
  }

  /** Pushes exactly the verified commit, and only forward: what somebody else pushed is never overwritten. */
  async function pushBranch(input: { place: TaskPlace; headSha: string }): Promise<PushOutcome> {
    const { repository, branch } = input.place;
    const mirror = await workspace.openMirror(repository);
    const standing = await workspace.fetchBranch({ repository, branch });
    if (standing === input.headSha) return { kind: 'pushed' };
    if (standing !== undefined) {
      const of = { cwd: mirror, ancestor: standing, descendant: input.headSha };
      if (!(await isAncestor(git, of))) return { kind: 'diverged', headSha: standing };
    }
    await workspace.push({ repository, branch, from: standing, to: input.headSha });
    return { kind: 'pushed' };
  }
}

interface RedCheck {
  outcome: StepOutcome;
  command: string;
}

async function describeCheck(red: RedCheck): Promise<{ message: string; excerpt: string }> {
  const message = `the check \`${red.command}\` ${describeEnd(red.outcome)}`;
  return { message, excerpt: await excerptOf(red.outcome.log) };
}

/** Files that decide how a change is judged. A change of them needs a person's go-ahead. */
export function isOfTheJudge(file: string): boolean {
  return file.startsWith('.mission/') || file === 'AGENTS.md' || file.endsWith('/AGENTS.md');
}

/** Without paths everything may be touched; a folder ends with a slash. */
export function isAllowed(file: string, paths: readonly string[] | undefined): boolean {
  if (paths === undefined || paths.length === 0) return true;
  return paths.some((path) => (path.endsWith('/') ? file.startsWith(path) : file === path));
}

/** Commits that are there and don't count. */
function nothingDelivered(headSha: string, why: { signature: string; message: string }): Delivery {
  return { kind: 'nothing-delivered', ...why, headSha };
}
