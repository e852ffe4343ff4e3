import { join } from 'node:path';

/** Where things lie in the data directory. */
export interface DataPaths {
  root: string;
  gitConfig: string;
  /** The tokens of forges; see `activities/forge/credentials.ts`. */
  forgeTokens: string;
  mirrors: string;
  mirror(repositoryId: string): string;
  sessions: string;
  session(sessionId: string): string;
  /** A task's own folder: its clone, and the home of what works in it. */
  task(of: { mission: string; task: string }): { folder: string; clone: string; home: string };
  checksOf(of: { mission: string; task: string }): string;
  checks(of: { mission: string; task: string; round: number }): string;
  pipelines(repositoryId: string): string;
  /** Clean checkouts, gone once they were judged. */
  checkouts: string;
  /** Of a commit's CI. */
  pipelineCheckout(of: { repositoryId: string; sha: string }): Checkout;
  checkout(name: string): Checkout;
}

interface Checkout {
  folder: string;
  repository: string;
  home: string;
}

export function dataPaths(root: string): DataPaths {
  return {
    root,
    gitConfig: join(root, 'gitconfig'),
    forgeTokens: join(root, 'forges.yaml'),
    mirrors: join(root, 'repositories'),
    mirror: (repositoryId) => join(root, 'repositories', `${repositoryId}.git`),
    sessions: join(root, 'sessions'),
    session: (sessionId) => join(root, 'sessions', sessionId),
    task: ({ mission, task }) => {
      const folder = join(root, 'work', mission, task);
      return { folder, clone: join(folder, 'repository'), home: join(folder, 'home') };
    },
    checksOf: ({ mission, task }) => join(root, 'checks', mission, task),
    checks: ({ mission, task, round }) => join(root, 'checks', mission, task, String(round)),
    pipelines: (repositoryId) => join(root, 'ci', repositoryId),
    checkouts: join(root, 'checkouts'),
    pipelineCheckout: ({ repositoryId, sha }) => checkout(`ci.${repositoryId}.${sha}`),
    checkout,
  };

  function checkout(name: string): Checkout {
    const folder = join(root, 'checkouts', name);
    return { folder, repository: join(folder, 'repository'), home: join(folder, 'home') };
  }
}
