import { combineContexts, type CiContext, type CiReport } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Forges } from '../forge/forge.ts';
import { isAncestor, type Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import { globPattern } from '../glob.ts';
import type { Scrub } from '../scrub.ts';
import type { Ci, CiQuestion } from './ci.ts';
import { excerpt } from './excerpt.ts';

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

/** Failed contexts whose logs are fetched: each is a few calls, and an author reads the first ones. */
const mostLogs = 5;

/** The CI of a repository as its forge tells it: the statuses of a commit, whoever has posted them. */
export function createStatusCi(deps: { forges: Forges; git: Git; workspace: Workspace; scrub: Scrub }): Ci {
  const { forges, git, workspace, scrub } = deps;
  /** Only in memory: whoever starts anew counts anew, and waits a minute longer. */
  const silent = new Map<string, number>();
  return { look };

  async function look(of: CiQuestion): Promise<CiReport> {
    const { repository, sha } = of;
    const required = await requiredContexts(of);
    const posted = await forges(repository).commitStatuses({ repository, sha });
    // Forges let a required name have `*` in it, for any characters.
    const missing = required.filter(
      (name) => !posted.some((context) => globPattern(name).test(context.name)),
    );
    const contexts: CiContext[] = [
      ...posted,
      ...missing.map((name) => ({ name, state: 'pending' as const })),
    ];
    const verdict = combineContexts(contexts);
    if (verdict !== 'none-yet') {
      silent.delete(keyOf(of));
      return { sha, verdict, contexts: verdict === 'failed' ? await withLogs(of, contexts) : contexts };
    }
    return { sha, verdict: (await isNotConfigured(of)) ? 'not-configured' : 'none-yet', contexts };
  }

  /** A log that can't be had is not waited for: what failed is known without it. */
  async function withLogs(
    { repository, sha }: CiQuestion,
    contexts: readonly CiContext[],
  ): Promise<CiContext[]> {
    const forge = forges(repository);
    const failed = contexts.filter(({ state }) => state === 'failed').slice(0, mostLogs);
    return Promise.all(
      contexts.map(async (context) => {
        if (!failed.includes(context)) return context;
        const log = await forge
          .failureLog?.({ repository, sha, context: context.name })
          .catch(() => undefined);
        if (log === undefined) return context;
        const said = context.excerpt === undefined ? '' : `${context.excerpt}\n`;
        return { ...context, excerpt: `${said}${excerpt(log, { scrub })}` };
      }),
    );
  }

  /** What the forge demands before a merge; on the base itself other pipelines may run. */
  async function requiredContexts({ repository, sha }: CiQuestion): Promise<string[]> {
    const { base } = repository;
    const protection = await forges(repository).branchProtection?.({ repository, branch: base });
    if (!protection || protection.requiredContexts.length === 0) return [];
    const baseSha = await workspace.fetchBranch({ repository, branch: base });
    await workspace.fetchCommit({ repository, sha });
    const cwd = await workspace.openMirror(repository);
    const isOnBase =
      baseSha !== undefined && (await isAncestor(git, { cwd, ancestor: sha, descendant: baseSha }));
    return isOnBase ? [] : protection.requiredContexts;
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
