import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGit, engineGitConfig } from '../../activities/git/git.ts';
import { EngineProcess } from '../quickstart/engine-process.ts';

/** An engine as its operator runs it, with the servers that it has by itself, whatever the environment names. */
export interface OwnEngine {
  engine: EngineProcess;
  /** For repositories and scripts. */
  folder: string;
  data: string;
  remove(): Promise<void>;
}

export async function makeOwnEngine(of: { config?: object } = {}): Promise<OwnEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'mission-bench-'));
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  await writeFile(join(data, 'engine.yaml'), JSON.stringify(of.config ?? {}));
  const env = { DATABASE_URL: undefined, TEMPORAL_ADDRESS: undefined };
  const engine = new EngineProcess({ data, roots: [folder], env });
  return {
    engine,
    folder,
    data,
    async remove() {
      await engine.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A bare repository with these files in one commit. */
export async function makeRepository(folder: string, files: Record<string, string>): Promise<string> {
  const seed = join(folder, 'seed');
  const bare = join(folder, 'bench.git');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(seed, name, '..'), { recursive: true });
    await writeFile(join(seed, name), text);
  }
  const configFile = join(folder, 'gitconfig');
  await writeFile(configFile, engineGitConfig());
  const git = createGit({ configFile });
  await git.run({ cwd: seed, args: ['init', '--quiet'] });
  await git.run({ cwd: seed, args: ['add', '--all'] });
  await git.run({ cwd: seed, args: ['commit', '--quiet', '--message', 'A project'] });
  await git.run({ cwd: folder, args: ['clone', '--quiet', '--bare', seed, bare] });
  return bare;
}
