import { join } from 'node:path';

/** Where things lie in the data directory. */
export interface DataPaths {
  root: string;
  gitConfig: string;
  mirror(repositoryId: string): string;
  session(sessionId: string): string;
  /** A task's own folder: its clone, and the home of what works in it. */
  task(of: { mission: string; task: string }): { folder: string; clone: string; home: string };
  checks(of: { mission: string; task: string; sha: string }): string;
  pipeline(of: { repositoryId: string; sha: string }): string;
  /** Clean checkouts, gone once they were judged. */
  checkout(name: string): { folder: string; repository: string; home: string };
}

export function dataPaths(root: string): DataPaths {
  return {
    root,
    gitConfig: join(root, 'gitconfig'),
    mirror: (repositoryId) => join(root, 'repositories', `${repositoryId}.git`),
    session: (sessionId) => join(root, 'sessions', sessionId),
    task: ({ mission, task }) => {
      const folder = join(root, 'work', mission, task);
      return { folder, clone: join(folder, 'repository'), home: join(folder, 'home') };
    },
    checks: ({ mission, task, sha }) => join(root, 'checks', mission, task, sha),
    pipeline: ({ repositoryId, sha }) => join(root, 'ci', repositoryId, sha),
    checkout: (name) => {
      const folder = join(root, 'checkouts', name);
      return { folder, repository: join(folder, 'repository'), home: join(folder, 'home') };
    },
  };
}
