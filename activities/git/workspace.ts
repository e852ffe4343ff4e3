import { appendFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { DataPaths } from '../data-paths.ts';
import { outcomeUnknown, refused } from '../failures.ts';
import { exists, removeTree } from '../files.ts';
import { KeyedLock } from '../keyed-lock.ts';
import {
  engineIdentity,
  isAncestor,
  readBlob,
  requireCommit,
  resolveCommit,
  treeOf,
  type Git,
} from './git.ts';

/** The engine's own copy of a repository. Agents never write here; what is pushed was first fetched to here. */
export interface Workspace {
  /** The mirror's path, made on first use. */
  openMirror(repository: PlannedRepository): Promise<string>;
  /** Works on a mirror that is there, while nothing is fetched into it. */
  inMirror<T>(repositoryId: string, action: (mirror: string) => Promise<T>): Promise<T>;
  /** Fetches a branch from the forge; undefined when it has none of that name. */
  fetchBranch(of: { repository: PlannedRepository; branch: string }): Promise<string | undefined>;
  /** The same of several, in one question. */
  fetchBranches(of: {
    repository: PlannedRepository;
    branches: readonly string[];
  }): Promise<ReadonlyMap<string, string>>;
  /** The forge's tags and the commits that they are on. */
  listTags(repository: PlannedRepository): Promise<{ name: string; sha: string }[]>;
  /** Fetches one commit from the forge unless it is here already. */
  fetchCommit(of: { repository: PlannedRepository; sha: string }): Promise<void>;
  /** A file's text as of a commit that the mirror has; undefined when there is none. */
  readFileAt(of: {
    repository: PlannedRepository;
    commit: string;
    path: string;
  }): Promise<string | undefined>;
  /** Fetches what a session has committed; undefined when its clone or branch is gone, or can't be read. */
  fetchSession(of: {
    repository: PlannedRepository;
    clone: string;
    branch: string;
    name: string;
  }): Promise<string | undefined>;
  /** Fetches the commits of a clone that are neither on its branch nor on the base: the newest of each line. */
  fetchStrays(of: {
    repository: PlannedRepository;
    clone: string;
    branch: string;
    name: string;
  }): Promise<Stray[]>;
  /** Makes a commit of a clone's files as they lie there; undefined when they are those of its head. */
  fetchUncommitted(of: {
    repository: PlannedRepository;
    clone: string;
    head: string;
  }): Promise<string | undefined>;
  /**
   * Makes a task's clone anew, with the commits of the old one; `name` is for what the old clone had. Answers where
   * the branch stands on the forge.
   */
  prepareClone(of: {
    repository: PlannedRepository;
    clone: string;
    branch: string;
    name: string;
    /** Whether the files are to lie there as the last session left them, as one that goes on expects it. */
    keepUncommitted: boolean;
  }): Promise<{ pushed: string | undefined }>;
  /**
   * Pushes a commit of the mirror to a branch that is still where it was seen (`from`, undefined for a new one).
   * Looks afterwards: an answer that was lost is not a push that was lost.
   */
  push(of: {
    repository: PlannedRepository;
    branch: string;
    from: string | undefined;
    to: string;
  }): Promise<void>;
  /** Deletes a branch of the forge if it still is at `head`. */
  deleteBranch(of: { repository: PlannedRepository; branch: string; head: string }): Promise<void>;
  /** Makes a clean checkout of one commit, anew each time. */
  checkOut(of: { repository: PlannedRepository; folder: string; sha: string }): Promise<void>;
}

/** A commit beside its task's branch. `branch` is its name in the next clone, and null for a detached head. */
export interface Stray {
  name: string;
  sha: string;
  branch: string | null;
}

/** More lines of work than a session has use for. */
const mostStrays = 10;

export function createWorkspace(deps: { git: Git; paths: DataPaths }): Workspace {
  const { git, paths } = deps;
  // Two fetches into one mirror at once would fight for the same refs.
  const mirrors = new KeyedLock();
  return {
    openMirror,
    inMirror: (repositoryId, action) => {
      const mirror = paths.mirror(repositoryId);
      return mirrors.with(mirror, () => action(mirror));
    },
    fetchBranch,
    fetchBranches,
    listTags,
    fetchCommit,
    readFileAt,
    fetchSession,
    fetchStrays,
    fetchUncommitted,
    prepareClone,
    push,
    deleteBranch,
    checkOut,
  };

  async function openMirror(repository: PlannedRepository): Promise<string> {
    const mirror = paths.mirror(repository.id);
    await mirrors.with(mirror, async () => {
      if (await exists(join(mirror, 'HEAD'))) return;
      await mkdir(mirror, { recursive: true });
      await git.run({ cwd: mirror, args: ['init', '--bare', '--quiet', '--template='] });
    });
    return mirror;
  }

  async function fetchBranch(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<string | undefined> {
    const { repository, branch } = of;
    return (await fetchBranches({ repository, branches: [branch] })).get(branch);
  }

  /** What the mirror has already is not fetched again. */
  async function fetchBranches(of: {
    repository: PlannedRepository;
    branches: readonly string[];
  }): Promise<ReadonlyMap<string, string>> {
    const { address } = of.repository;
    const mirror = await openMirror(of.repository);
    return mirrors.with(mirror, async () => {
      const sources = of.branches.map((branch) => `refs/heads/${branch}`);
      const listed = await listRefs({ mirror, from: address, patterns: sources });
      const found = new Map<string, string>();
      for (const branch of of.branches) {
        const [source, target] = [`refs/heads/${branch}`, `refs/forge/${branch}`];
        const there = listed.find(({ ref }) => ref === source);
        if (!there) continue;
        if ((await readRef(mirror, target)) !== there.sha) {
          await fetch(mirror, address, `+${source}:${target}`);
          found.set(branch, await requireCommit(git, { cwd: mirror, ref: target }));
        } else found.set(branch, there.sha);
      }
      return found;
    });
  }

  /** What a repository says that it has; nothing where it can't be read and `accept` allows for that. */
  async function listRefs(of: {
    mirror: string;
    from: string;
    patterns: readonly string[];
    accept?: number[];
  }): Promise<{ sha: string; ref: string }[]> {
    const { mirror, from, patterns, accept = [] } = of;
    const args = ['ls-remote', '--', from, ...patterns];
    const { stdout } = await git.run({ cwd: mirror, args, accept, remote: from });
    return stdout.split('\n').flatMap((line) => {
      const [sha, ref] = line.split('\t');
      return sha !== undefined && ref !== undefined ? [{ sha, ref }] : [];
    });
  }

  async function listTags(repository: PlannedRepository): Promise<{ name: string; sha: string }[]> {
    const mirror = await openMirror(repository);
    const refs = await listRefs({ mirror, from: repository.address, patterns: ['refs/tags/*'] });
    // Of a tag with a message git lists the commit after it, as its peeled self.
    const commits = new Map(refs.map(({ ref, sha }) => [ref.replace(/^refs\/tags\/|\^\{\}$/g, ''), sha]));
    return [...commits].map(([name, sha]) => ({ name, sha }));
  }

  async function fetchCommit(of: { repository: PlannedRepository; sha: string }): Promise<void> {
    const mirror = await openMirror(of.repository);
    await mirrors.with(mirror, async () => {
      if ((await resolveCommit(git, { cwd: mirror, ref: of.sha })) !== undefined) return;
      await fetch(mirror, of.repository.address, `+${of.sha}:refs/commits/${of.sha}`);
    });
  }

  async function readFileAt(of: {
    repository: PlannedRepository;
    commit: string;
    path: string;
  }): Promise<string | undefined> {
    return readBlob(git, { ...of, cwd: await openMirror(of.repository) });
  }

  async function fetchSession(of: {
    repository: PlannedRepository;
    clone: string;
    branch: string;
    name: string;
  }): Promise<string | undefined> {
    if (!(await exists(of.clone))) return undefined;
    const mirror = await openMirror(of.repository);
    const source = `refs/heads/${of.branch}`;
    // Asked from our side: within the clone git would do what the agent's settings say.
    const asked = { mirror, from: of.clone, patterns: [source], accept: [128] };
    const there = (await listRefs(asked)).find(({ ref }) => ref === source);
    if (!there) return undefined;
    const known = [of.repository.base, of.branch].map((branch) => readRef(mirror, `refs/forge/${branch}`));
    if ((await Promise.all(known)).includes(there.sha)) return there.sha;
    const target = `refs/sessions/${of.name}`;
    try {
      await mirrors.with(mirror, () => fetch(mirror, of.clone, `+${source}:${target}`));
    } catch (error) {
      if (!isOfTheClone(error)) throw error;
      // Kept for whoever wants to save something of it, until the task is cleaned up.
      await rename(of.clone, `${of.clone}.unreadable.${of.name}`);
      return undefined;
    }
    return requireCommit(git, { cwd: mirror, ref: target });
  }

  async function fetchStrays(of: {
    repository: PlannedRepository;
    clone: string;
    branch: string;
    name: string;
  }): Promise<Stray[]> {
    const { repository, clone, branch, name } = of;
    const mirror = await openMirror(repository);
    const asked = { mirror, from: clone, patterns: ['HEAD', 'refs/heads/*'], accept: [128] };
    const refs = await listRefs(asked);
    const heads = refs.filter(({ ref }) => ref !== 'HEAD');
    const own = heads.find(({ ref }) => ref === `refs/heads/${branch}`);
    if (own) await mirrors.with(mirror, () => fetch(mirror, clone, `+${own.ref}:refs/sessions/${name}`));
    const known = [`refs/forge/${repository.base}`, ...(own ? [own.sha] : [])];
    const strays: Stray[] = [];
    for (const { sha, ref } of refs.slice(0, mostStrays)) {
      if (ref === own?.ref || (ref === 'HEAD' && heads.some((head) => head.sha === sha))) continue;
      const branchName = ref === 'HEAD' ? null : ref.slice('refs/heads/'.length);
      const stray = { name: branchName ?? `detached-${sha.slice(0, 12)}`, sha, branch: branchName };
      const target = `refs/strays/${name}/${stray.name}`;
      await mirrors.with(mirror, () => fetch(mirror, clone, `+${ref}:${target}`));
      if (!(await isReachable(mirror, sha, known))) strays.push(stray);
    }
    return strays;
  }

  async function isReachable(mirror: string, sha: string, from: readonly string[]): Promise<boolean> {
    const args = ['rev-list', '--max-count=1', sha, ...from.map((ref) => `^${ref}`), '--'];
    return (await git.run({ cwd: mirror, args })).stdout.trim() === '';
  }

  /** With the mirror's own git folder: the clone's settings are the agent's, and could name programs to run. */
  async function fetchUncommitted(of: {
    repository: PlannedRepository;
    clone: string;
    head: string;
  }): Promise<string | undefined> {
    const { repository, clone, head } = of;
    const mirror = await openMirror(repository);
    const index = join(clone, '..', 'uncommitted.index');
    const files = ['-c', 'core.bare=false', `--git-dir=${mirror}`, `--work-tree=${clone}`];
    const run = (args: string[]) =>
      git.run({ cwd: clone, args: [...files, ...args], index, accept: [1, 128] });
    await run(['read-tree', head]);
    const added = await run(['add', '--all', '--ignore-errors', '--', '.']);
    const tree = (await run(['write-tree'])).stdout.trim();
    await rm(index, { force: true });
    if (added.exitCode !== 0 || tree === '') return undefined;
    if (tree === (await treeOf(git, { cwd: mirror, commit: head }))) return undefined;
    const args = ['commit-tree', tree, '-p', head, '-m', 'What was not committed'];
    return (await git.run({ cwd: mirror, args })).stdout.trim();
  }

  async function fetch(mirror: string, from: string, refspec: string): Promise<void> {
    // An agent may have written any object into its clone: each is checked before it is let in.
    const checked = ['-c', 'fetch.fsckObjects=true'];
    const args = [...checked, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', from, refspec];
    await git.run({ cwd: mirror, args, remote: from });
  }

  /**
   * A fresh clone for each session, so that neither a lock that a killed agent left nor a setting that it made lives
   * on. Of the old clone nothing but its commits is taken, and nothing but a fetch runs against it.
   */
  async function prepareClone(of: {
    repository: PlannedRepository;
    clone: string;
    branch: string;
    name: string;
    keepUncommitted: boolean;
  }): Promise<{ pushed: string | undefined }> {
    const { repository, clone, branch, name } = of;
    const found = await fetchBranches({ repository, branches: [repository.base, branch] });
    const [base, pushed] = [found.get(repository.base), found.get(branch)];
    const work = await fetchSession({ repository, clone, branch, name });
    const mirror = await openMirror(repository);
    const start = work === undefined ? (pushed ?? base) : await furthest(mirror, work, pushed);
    if (start === undefined) throw refused(`${repository.address} has no branch ${repository.base}`);
    const strays = work === undefined ? [] : await fetchStrays(of);
    const goesOn = of.keepUncommitted && work !== undefined && work === start;
    const uncommitted = goesOn ? await fetchUncommitted({ repository, clone, head: work }) : undefined;
    await removeTree(clone);
    await mkdir(clone, { recursive: true });
    await git.run({ cwd: clone, args: ['init', '--quiet', '--template='] });
    await appendFile(join(clone, '.git', 'config'), cloneConfig(mirror));
    const refspecs = [
      ...[...found.keys()].map((name) => `+refs/forge/${name}:refs/remotes/origin/${name}`),
      `+${start}:refs/heads/${branch}`,
      ...strays.map((stray) => `+${stray.sha}:refs/heads/${stray.name}`),
      ...(uncommitted === undefined ? [] : [uncommitted]),
    ];
    await git.run({
      cwd: clone,
      args: ['fetch', '--quiet', '--no-tags', '--update-head-ok', 'origin', ...refspecs],
    });
    await git.run({ cwd: clone, args: ['checkout', '--quiet', branch] });
    if (uncommitted !== undefined) {
      await git.run({ cwd: clone, args: ['read-tree', '-u', '--reset', uncommitted] });
      await git.run({ cwd: clone, args: ['reset', '--quiet'] });
    }
    return { pushed };
  }

  /** The forge's branch is ahead after the lane's update or somebody's push; otherwise the task's own work counts. */
  async function furthest(mirror: string, work: string, pushed: string | undefined): Promise<string> {
    if (pushed === undefined) return work;
    const ahead = await isAncestor(git, { cwd: mirror, ancestor: work, descendant: pushed });
    return ahead ? pushed : work;
  }

  async function push(of: {
    repository: PlannedRepository;
    branch: string;
    from: string | undefined;
    to: string;
  }): Promise<void> {
    const { repository, branch, from, to } = of;
    const mirror = await openMirror(repository);
    const ref = `refs/heads/${branch}`;
    const lease = `--force-with-lease=${ref}:${from ?? ''}`;
    const args = ['push', '--quiet', '--no-verify', lease, '--', repository.address, `${to}:${ref}`];
    const said = await git.run({ cwd: mirror, args, remote: repository.address }).then(
      () => '',
      (error: unknown) => (error instanceof Error ? `: ${error.message}` : ''),
    );
    const now = await fetchBranch({ repository, branch });
    if (now !== to)
      throw outcomeUnknown(`${branch} is at ${now ?? 'no commit'} after the push of ${to}${said}`);
  }

  async function deleteBranch(of: {
    repository: PlannedRepository;
    branch: string;
    head: string;
  }): Promise<void> {
    const { repository, branch, head } = of;
    const mirror = await openMirror(repository);
    const ref = `refs/heads/${branch}`;
    const lease = `--force-with-lease=${ref}:${head}`;
    const args = ['push', '--quiet', '--no-verify', lease, '--', repository.address, `:${ref}`];
    try {
      await git.run({ cwd: mirror, args, remote: repository.address });
    } catch (error) {
      // What somebody else has pushed meanwhile stays, and what is gone is gone.
      if ((await fetchBranch({ repository, branch })) === head) throw error;
    }
  }

  async function checkOut(of: { repository: PlannedRepository; folder: string; sha: string }): Promise<void> {
    const mirror = await openMirror(of.repository);
    await removeTree(of.folder);
    await mkdir(dirname(of.folder), { recursive: true });
    const clone = ['clone', '--quiet', '--shared', '--no-checkout', '--no-tags', '--template='];
    await git.run({ cwd: dirname(of.folder), args: [...clone, '--', mirror, of.folder] });
    await git.run({ cwd: of.folder, args: ['checkout', '--quiet', '--detach', of.sha] });
  }
}

/** What a clone is told beside what git gives every new one. */
function cloneConfig(mirror: string): string {
  const { name, email } = engineIdentity;
  // Agents commit; the engine pushes.
  const origin = `[remote "origin"]\n\turl = ${quoted(mirror)}\n\tpushurl = the-engine-pushes:\n`;
  return `[user]\n\tname = ${quoted(name)}\n\temail = ${quoted(email)}\n${origin}`;
}

/** As git-config(1) reads a value that may hold anything but a newline. */
function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Where a ref of a mirror stands, without asking git: nothing packs them. Undefined: git would know. */
async function readRef(mirror: string, ref: string): Promise<string | undefined> {
  return readFile(join(mirror, ref), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** Whether git could not read the clone, as opposed to having no room for what it read, or not having run at all. */
function isOfTheClone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.includes('ended with 128') && !/No space left|quota exceeded/i.test(error.message);
}
