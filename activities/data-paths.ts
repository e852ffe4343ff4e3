import { join } from 'node:path';

/** Where things lie in the data directory. */
export interface DataPaths {
  root: string;
  gitConfig: string;
  /** The tokens of forges; see `activities/forge/credentials.ts`. */
  forgeTokens: string;
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
  checkout(name: string): { folder: string; repository: string; home: string };
}

export function dataPaths(root: string): DataPaths {
  return {
    root,
    gitConfig: join(root, 'gitconfig'),
    forgeTokens: join(root, 'forges.yaml'),
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
    checkout: (name) => {
      const folder = join(root, 'checkouts', name);
      return { folder, repository: join(folder, 'repository'), home: join(folder, 'home') };
    },
  };
}
