import { execa } from 'execa';

/** The ids of the tasks whose merges stand on main, one entry for each commit, straight from git. */
export async function mergedTasks(repository: string): Promise<string[]> {
  const { stdout } = await execa('git', ['log', '--first-parent', '--format=%s', 'main'], {
    cwd: repository,
  });
  return stdout.split('\n').flatMap((subject) => /^(\S+): .+ \(#\d+\)$/.exec(subject)?.[1] ?? []);
}
