import { refused, unavailable } from '../failures.ts';
import { ownPrograms, type Programs } from '../processes/programs.ts';

/** A git command on a local repository; far above what a large one needs, so that a hung one ends. */
const timeoutMs = 10 * 60_000;

/** The largest file that is read through git, or list of files, with room to spare. */
const maxBytes = 64 * 1024 * 1024;

/** Of a command that is told: a line or two. */
const maxCommand = 300;

/** The engine's own name on the commits that it makes. */
export const engineIdentity = { name: 'Mission Engine', email: 'engine@mission.invalid' };

export interface GitResult {
  stdout: string;
  exitCode: number;
}

export interface GitCommand {
  cwd: string;
  args: string[];
  /** Exit codes beside 0 that are no failure. */
  accept?: number[];
  date?: Date;
  input?: string;
  /** An index of its own, in place of the repository's. */
  index?: string;
  /** The repository that the command talks to: where a forge has it, git may use the forge's token for this command. */
  remote?: string;
}

export interface Git {
  run(of: GitCommand): Promise<GitResult>;
}

/**
 * Git as the engine runs it: no machine or user configuration, no prompts, no hooks, its own identity.
 * `configFile` is the engine's own configuration, see `engineGitConfig`.
 * `remoteSettings` answers the settings with which git reaches a repository of a forge: they are in the environment of
 * that one command, never in its arguments and never on the disk.
 */
export function createGit(deps: {
  configFile: string;
  programs?: Programs;
  remoteSettings?: (address: string) => Promise<Record<string, string>>;
}): Git {
  const { programs = ownPrograms } = deps;
  return { run };

  async function run(of: GitCommand): Promise<GitResult> {
    const settings = of.remote === undefined ? {} : await deps.remoteSettings?.(of.remote);
    const result = await programs.run({
      program: 'git',
      args: ['-c', 'core.hooksPath=/dev/null', ...of.args],
      cwd: of.cwd,
      env: {
        ...environment(of.date),
        ...(of.index === undefined ? {} : { GIT_INDEX_FILE: of.index }),
        ...settingsByEnvironment(settings ?? {}),
      },
      input: of.input,
      timeoutMs,
      maxBytes,
    });
    if (result.exitCode === null) {
      throw unavailable(`${describe(of.args)} in ${of.cwd} did not run: ${result.fault}`);
    }
    if (result.exitCode !== 0 && !of.accept?.includes(result.exitCode)) {
      // The cause comes first, what it led to last.
      const lines = result.stderr.split('\n').filter((line) => line.trim() !== '');
      const said = (lines.length > 6 ? [...lines.slice(0, 3), '…', ...lines.slice(-3)] : lines).join(' ');
      throw unavailable(`${describe(of.args)} in ${of.cwd} ended with ${result.exitCode}: ${said}`);
    }
    return { stdout: result.stdout, exitCode: result.exitCode };
  }

  function environment(date: Date | undefined): Record<string, string> {
    const seconds = date && `@${Math.floor(date.getTime() / 1000)} +0000`;
    const dated = seconds === undefined ? {} : { GIT_AUTHOR_DATE: seconds, GIT_COMMITTER_DATE: seconds };
    return {
      PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: '/nonexistent',
      LC_ALL: 'C.UTF-8',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: deps.configFile,
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: 'true',
      // A repository's own settings could otherwise name a program as a transport, and have git fetch through it
      // whatever object it misses.
      GIT_ALLOW_PROTOCOL: 'file:http:https:ssh',
      GIT_NO_LAZY_FETCH: '1',
      // A repository's own settings must not change who commits, nor with it the commit's id.
      GIT_AUTHOR_NAME: engineIdentity.name,
      GIT_AUTHOR_EMAIL: engineIdentity.email,
      GIT_COMMITTER_NAME: engineIdentity.name,
      GIT_COMMITTER_EMAIL: engineIdentity.email,
      ...dated,
    };
  }
}

/** The command as one could type it; what fetches hundreds of refs is told in part. No secret is ever an argument. */
function describe(args: readonly string[]): string {
  const command = ['git', ...args].join(' ');
  return command.length > maxCommand ? `${command.slice(0, maxCommand)}…` : command;
}

/** Settings as git reads them from its environment, which only the engine's own user can see. */
function settingsByEnvironment(settings: Record<string, string>): Record<string, string> {
  const entries = Object.entries(settings);
  const variables: Record<string, string> =
    entries.length === 0 ? {} : { GIT_CONFIG_COUNT: String(entries.length) };
  for (const [index, [key, value]] of entries.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return variables;
}

/** The text of the engine's own git configuration file. */
export function engineGitConfig(): string {
  return [
    '[user]',
    `\tname = ${engineIdentity.name}`,
    `\temail = ${engineIdentity.email}`,
    // Clones may belong to another user.
    '[safe]',
    '\tdirectory = *',
    // Refs do not hold everything that a waiting task still needs.
    '[gc]',
    '\tauto = 0',
    // It would look after each fetch whether there is something to collect.
    '[maintenance]',
    '\tauto = false',
    // Names as they are: the engine reads them.
    '[core]',
    '\tquotePath = false',
    '[advice]',
    '\tdetachedHead = false',
    '[init]',
    '\tdefaultBranch = main',
    '[uploadpack]',
    '\tallowAnySHA1InWant = true',
    '',
  ].join('\n');
}

/** The commit that a ref names, or undefined when there is no such ref. */
export async function resolveCommit(git: Git, of: { cwd: string; ref: string }): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${of.ref}^{commit}`];
  const { stdout, exitCode } = await git.run({ cwd: of.cwd, args, accept: [1, 128] });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** Like `resolveCommit`, for a ref that must be there. */
export async function requireCommit(git: Git, of: { cwd: string; ref: string }): Promise<string> {
  const commit = await resolveCommit(git, of);
  if (commit === undefined) throw refused(`${of.cwd} has no commit ${of.ref}`);
  return commit;
}

/** Where two commits have begun to differ; undefined where they have nothing in common. */
export async function mergeBase(
  git: Git,
  of: { cwd: string; one: string; other: string },
): Promise<string | undefined> {
  const args = ['merge-base', of.one, of.other];
  const { stdout, exitCode } = await git.run({ cwd: of.cwd, args, accept: [1] });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** Whether a tree can have a file of that name: git gives up on what leads out of it, and on what is more than a line. */
export function isTreePath(file: string): boolean {
  return file !== '' && !/[\n\0]/.test(file) && !file.startsWith('/') && !/(?:^|\/)\.\.?(?:\/|$)/.test(file);
}

/** The text of a file in a commit; undefined where there is no such file. */
export async function readBlob(
  git: Git,
  of: { cwd: string; commit: string; path: string },
): Promise<string | undefined> {
  const args = ['cat-file', 'blob', `${of.commit}:${of.path}`];
  const { stdout, exitCode } = await git.run({ cwd: of.cwd, args, accept: [128] });
  return exitCode === 0 ? stdout : undefined;
}

export async function isAncestor(
  git: Git,
  of: { cwd: string; ancestor: string; descendant: string },
): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', of.ancestor, of.descendant];
  const { exitCode } = await git.run({ cwd: of.cwd, args, accept: [1] });
  return exitCode === 0;
}

/** The files that differ between two commits. */
export async function changedFiles(
  git: Git,
  of: { cwd: string; from: string; to: string },
): Promise<string[]> {
  const args = ['diff', '--name-only', '-z', '--no-renames', of.from, of.to];
  const { stdout } = await git.run({ cwd: of.cwd, args });
  return stdout.split('\0').filter((name) => name !== '');
}

/** When a commit was made, to the second: what is made of it has the same date in every attempt. */
export async function commitDate(git: Git, of: { cwd: string; commit: string }): Promise<Date> {
  const { stdout } = await git.run({ cwd: of.cwd, args: ['show', '-s', '--format=%ct', of.commit] });
  return new Date(Number(stdout) * 1_000);
}

/** The tree of a commit. */
export async function treeOf(git: Git, of: { cwd: string; commit: string }): Promise<string> {
  return (await git.run({ cwd: of.cwd, args: ['rev-parse', `${of.commit}^{tree}`] })).stdout.trim();
}

/** Writes a commit without moving any ref. */
export async function writeCommit(
  git: Git,
  of: { cwd: string; tree: string; parents: string[]; message: string; date: Date },
): Promise<string> {
  const parents = of.parents.flatMap((parent) => ['-p', parent]);
  const args = ['commit-tree', of.tree, ...parents, '-F', '-'];
  return (await git.run({ cwd: of.cwd, args, date: of.date, input: of.message })).stdout.trim();
}

export type TreeMerge = { kind: 'clean'; tree: string } | { kind: 'conflict'; files: string[] };

/** The tree of a merge of two commits, worked out without a checkout and without writing a ref. */
export async function mergeTrees(
  git: Git,
  of: { cwd: string; ours: string; theirs: string },
): Promise<TreeMerge> {
  const args = ['merge-tree', '--write-tree', '--name-only', '--no-messages', '-z', of.ours, of.theirs];
  const { stdout, exitCode } = await git.run({ cwd: of.cwd, args, accept: [1] });
  const [tree = '', ...files] = stdout.split('\0').filter((part) => part !== '');
  return exitCode === 0 ? { kind: 'clean', tree } : { kind: 'conflict', files };
}
