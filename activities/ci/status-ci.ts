import { combineContexts, type CiContext, type CiReport } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import { changedFiles, commitDate, isAncestor, resolveCommit, type Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import { globPattern } from '../glob.ts';
import type { Scrub } from '../scrub.ts';
import { withBaseFailures } from './base-failures.ts';
import type { Ci, CiQuestion, StatusSources } from './ci.ts';
import { excerpt } from './excerpt.ts';
import { leavesOut, type PipelineSource } from './pipeline-rules.ts';

/** Where the pipelines of the known CI systems are described. */
const pipelineFiles = [
  ...['.gitea/workflows', '.forgejo/workflows', '.github/workflows', '.woodpecker', '.woodpecker.yml'],
  ...['.woodpecker.yaml', '.drone.yml', '.gitlab-ci.yml', 'Jenkinsfile', '.travis.yml', '.circleci'],
  ...['.buildkite', '.cirrus.yml', 'appveyor.yml', '.appveyor.yml', 'azure-pipelines.yml'],
];

/** Commits of the base that are asked whether a CI has ever said anything: one call each, while there is doubt. */
const historyLength = 5;

/** Looks, 30 s apart, in which a repository without a trace of CI must have been silent about a commit. */
const emptyLooks = 3;

/**
 * How long a commit must have been silent before its pipelines' rules are read. Hooks and queues of a loaded forge take
 * minutes; whoever waits longer than this for a first status has a CI that is down, or one that leaves the change out.
 */
const defaultQuietMs = 15 * 60_000;

/** Failed contexts whose logs are fetched: each is a few calls, and an author reads the first ones. */
const mostLogs = 5;

/** The CI of a repository as its forge tells it: the statuses of a commit, whoever has posted them. */
export function createStatusCi(deps: {
  forges: StatusSources;
  git: Git;
  workspace: Workspace;
  scrub: Scrub;
  quietMs?: number;
}): Ci {
  const { forges, git, workspace, scrub, quietMs = defaultQuietMs } = deps;
  /** Only in memory: whoever starts anew counts anew, and waits a minute longer. */
  const silent = new Map<string, number>();
  return { look, leftOut, explain, runningOn };

  async function look(of: CiQuestion): Promise<CiReport> {
    const { repository, sha } = of;
    const required = await requiredContexts(of);
    const posted = await forges(repository).commitStatuses({ repository, sha });
    const missing = required.filter(
      (name) => !posted.some((context) => globPattern(name).test(context.name)),
    );
    const contexts: CiContext[] = [
      ...posted,
      ...missing.map((name) => ({ name, state: 'pending' as const, expected: true as const })),
    ];
    const verdict = combineContexts(contexts);
    if (verdict !== 'none-yet') {
      silent.delete(keyOf(of));
      return { sha, verdict, contexts };
    }
    return { sha, verdict: (await isNotConfigured(of)) ? 'not-configured' : 'none-yet', contexts };
  }

  async function explain(of: {
    repository: PlannedRepository;
    report: CiReport;
    stepsAt: string;
  }): Promise<CiReport> {
    return withBaseFailures({ git, workspace, look }, { ...of, report: await withLogs(of) });
  }

  /** A log that can't be had is not waited for: what failed is known without it. */
  async function withLogs(of: { repository: PlannedRepository; report: CiReport }): Promise<CiReport> {
    const { repository, report } = of;
    const { sha } = report;
    const forge = forges(repository);
    const failed = report.contexts.filter(({ state }) => state === 'failed').slice(0, mostLogs);
    const contexts = await Promise.all(
      report.contexts.map(async (context) => {
        if (!failed.includes(context)) return context;
        const log = await forge
          .failureLog?.({ repository, sha, context: context.name })
          .catch(() => undefined);
        if (log === undefined) return context;
        const said = context.excerpt === undefined ? '' : `${context.excerpt}\n`;
        return { ...context, excerpt: `${said}${excerpt(log, { scrub })}` };
      }),
    );
    return { ...report, contexts };
  }

  async function runningOn(of: { repository: PlannedRepository; branch: string }): Promise<string[]> {
    return (await forges(of.repository).runningPipelines?.(of)) ?? [];
  }

  /** By the rules of the commit that was there before. Which rules count for a change of the rules is not certain. */
  async function leftOut(
    of: Parameters<NonNullable<Ci['leftOut']>>[0],
  ): ReturnType<NonNullable<Ci['leftOut']>> {
    const { repository, sha } = of;
    await workspace.fetchCommit({ repository, sha });
    const cwd = await workspace.openMirror(repository);
    // A commit on the base was made as it was merged.
    const since = of.since ?? (await commitDate(git, { cwd, commit: sha })).getTime();
    if (Date.now() < since + quietMs) return undefined;
    const onBase = await isOnBase(of);
    const from = onBase ? await resolveCommit(git, { cwd, ref: `${sha}^` }) : of.stepsAt;
    if (from === undefined) return undefined;
    await workspace.fetchCommit({ repository, sha: from });
    const files = await changedFiles(git, { cwd, from, to: sha });
    const isOfPipeline = (file: string) =>
      pipelineFiles.some((path) => file === path || file.startsWith(`${path}/`));
    if (files.some(isOfPipeline)) return undefined;
    const sources = await pipelinesAt(repository, from);
    if (!leavesOut(sources, { files, base: repository.base, onBase })) return undefined;
    return { by: sources.map(({ path }) => path), ...(onBase ? { madeOn: from } : {}) };
  }

  async function pipelinesAt(repository: PlannedRepository, commit: string): Promise<PipelineSource[]> {
    const cwd = await workspace.openMirror(repository);
    const args = ['ls-tree', '-r', '-z', '--name-only', commit, '--', ...pipelineFiles];
    const paths = (await git.run({ cwd, args })).stdout.split('\0').filter((path) => path !== '');
    return Promise.all(
      paths.map(async (path) => ({
        path,
        text: (await workspace.readFileAt({ repository, commit, path })) ?? '',
      })),
    );
  }

  /** What the forge demands before a merge, and the mission; on the base itself other pipelines may run. */
  async function requiredContexts(of: CiQuestion): Promise<string[]> {
    const { repository, required = [] } = of;
    const { base } = repository;
    const protection = await forges(repository).branchProtection?.({ repository, branch: base });
    const names = [...new Set([...(protection?.requiredContexts ?? []), ...required])];
    return names.length === 0 || (await isOnBase(of)) ? [] : names;
  }

  async function isOnBase({ repository, sha }: CiQuestion): Promise<boolean> {
    const baseSha = await workspace.fetchBranch({ repository, branch: repository.base });
    await workspace.fetchCommit({ repository, sha });
    const cwd = await workspace.openMirror(repository);
    return baseSha !== undefined && (await isAncestor(git, { cwd, ancestor: sha, descendant: baseSha }));
  }

  /** Any doubt keeps waiting: a status may only be late. */
  async function isNotConfigured(of: CiQuestion): Promise<boolean> {
    if (await mayHaveCi(of)) return false;
    const looks = (silent.get(keyOf(of)) ?? 0) + 1;
    silent.set(keyOf(of), looks);
    return looks >= emptyLooks;
  }

  async function mayHaveCi({ repository, sha, stepsAt }: CiQuestion): Promise<boolean> {
    for (const commit of new Set([sha, stepsAt])) {
      await workspace.fetchCommit({ repository, sha: commit });
      if (await hasPipelineFile(repository, commit)) return true;
    }
    const cwd = await workspace.openMirror(repository);
    const args = ['rev-list', '--first-parent', `--max-count=${historyLength}`, stepsAt];
    const { stdout } = await git.run({ cwd, args });
    for (const commit of stdout.trim().split('\n')) {
      const statuses = await forges(repository).commitStatuses({ repository, sha: commit });
      if (statuses.length > 0) return true;
    }
    return false;
  }

  async function hasPipelineFile(repository: PlannedRepository, commit: string): Promise<boolean> {
    const cwd = await workspace.openMirror(repository);
    const args = ['ls-tree', '--name-only', commit, '--', ...pipelineFiles];
    return (await git.run({ cwd, args })).stdout.trim() !== '';
  }
}

function keyOf({ repository, sha }: CiQuestion): string {
  return `${repository.id} ${sha}`;
}
