/** What a mission must bring to be let in. Everything that can be known before it starts is checked here. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import type { RemoteForge, RemoteForges } from '../activities/forge/remote-forges.ts';
import { findForgeRepository } from '../activities/forge/rest/find-repository.ts';
import { resolveCommit, type Git } from '../activities/git/git.ts';
import { reviewersFault, type Engines } from '../activities/review/engines.ts';
import { judgeVersion } from '../activities/processes/program-version.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import { fits } from '../activities/sessions/choose-place.ts';
import { runtimes } from '../activities/sessions/runtimes/runtimes.ts';
import {
  AgentRuntime,
  agentRuntimes,
  isAgent,
  runtimeName,
  type RuntimeName,
} from '../schema/contracts/agent.ts';
import type { PlanChange } from '../schema/contracts/amendment.ts';
import type { Admission, ChangesAdmission, Door, Fault } from '../schema/contracts/door.ts';
import type { Host } from '../schema/contracts/host.ts';
import type { MissionFile, Repository } from '../schema/contracts/mission-file.ts';
import {
  maxPlanCharacters,
  toPlan,
  toPlannedChange,
  toStartedTask,
  type Plan,
  type PlannedRepository,
  type StartedTask,
} from '../schema/contracts/plan.ts';
import { readRepositoryAddress } from '../schema/contracts/repository-address.ts';
import type { EngineConfig } from './engine-config.ts';

const maxScriptBytes = 64 * 1024;

export function createDoor(deps: {
  git: Git;
  config: EngineConfig;
  engines: Engines;
  /** The host that missions which come in here belong to. */
  host: string;
  /** All hosts that are known, that one among them. */
  hosts: () => Promise<Host[]>;
  /** Those of that host. */
  agents: Pick<Agents, 'version'>;
  remoteForges: RemoteForges;
  /** Tells the operator of what is let in all the same. */
  warn: (message: string, fields: { mission: string; path: string }) => void;
}): Door {
  const { git, config, engines, agents, remoteForges } = deps;
  return { admitMission, admitChanges };

  async function admitMission(file: MissionFile): Promise<Admission> {
    const faults: Fault[] = [];
    const reviewers = reviewersFault(file.policy.reviewers, engines);
    if (reviewers !== undefined) faults.push({ path: 'policy.reviewers', message: reviewers });
    const repository = await findRepository(file, faults);
    const scripts = await readScripts(programsOf(file), faults);
    if (faults.length > 0 || !repository) return { kind: 'refused', faults };

    const mission = file.key ?? `m-${randomBytes(4).toString('hex')}`;
    const fleet = await readFleet({ onOneMachine: repository.forge === 'local' });
    const [first] = agentRuntimes.filter((runtime) => fleet.here.includes(runtime));
    const [elsewhere] = agentRuntimes.filter((runtime) => fleet.finds(runtime, []));
    const defaultRuntime = first ?? elsewhere;
    const plan = toPlan({
      mission,
      file,
      repository,
      scripts,
      ...(defaultRuntime ? { defaultRuntime } : {}),
    });
    const missing = plan.milestones.flatMap((milestone, m) =>
      milestone.tasks.flatMap((task, t) => {
        const { program, labels } = toStartedTask({ plan, milestone, task });
        return fleet.faults({ ...program, labels, at: `milestones.${m}.tasks.${t}` });
      }),
    );
    for (const [index, runtime] of (file.policy.fallback ?? []).entries()) {
      missing.push(...fleet.faults({ runtime, at: `policy.fallback.${index}` }));
    }
    const versions = await judgeVersions(agentsOf(plan), fleet);
    missing.push(...versions.faults);
    if (missing.length > 0) return { kind: 'refused', faults: missing };
    const { length } = JSON.stringify(plan);
    if (length <= maxPlanCharacters) {
      for (const { path, message } of versions.warnings) deps.warn(message, { mission, path });
      return { kind: 'plan', plan, warnings: versions.warnings };
    }
    const message = `the plan has ${length} characters with its scripts; ${maxPlanCharacters} are the most: split the mission`;
    return { kind: 'refused', faults: [{ path: 'milestones', message }] };
  }

  async function admitChanges(changes: readonly PlanChange[]): Promise<ChangesAdmission> {
    const faults: Fault[] = [];
    const programs = changes.flatMap(programOfChange);
    const scripts = await readScripts(programs, faults);
    // Whose repository it is, only the mission knows: where no host of its machine fits, its task says so.
    const fleet = await readFleet({ onOneMachine: false });
    for (const program of programs) faults.push(...fleet.faults(program));
    for (const [index, change] of changes.entries()) {
      if (change.change !== 'policy') continue;
      for (const [place, runtime] of (change.fallback ?? []).entries()) {
        faults.push(...fleet.faults({ runtime, at: `changes.${index}.fallback.${place}` }));
      }
    }
    if (faults.length > 0) return { kind: 'refused', faults };
    return { kind: 'changes', changes: changes.map((change) => toPlannedChange(change, scripts)) };
  }

  /** What is older than what is known to work is refused; of what is newer than all that was tried, people are told. */
  async function judgeVersions(
    named: ReadonlyMap<AgentRuntime, string>,
    fleet: Fleet,
  ): Promise<{ faults: Fault[]; warnings: Fault[] }> {
    const judged = { faults: new Array<Fault>(), warnings: new Array<Fault>() };
    await Promise.all(
      [...named].map(async ([name, path]) => {
        // Where another host has it too, that one's program counts.
        if (fleet.isElsewhere(name)) return;
        const version = await agents.version({ runtime: name });
        const verdict = judgeVersion(version, runtimes[name].version);
        if (!('says' in verdict)) return;
        const message = `${name} is ${version ?? ''} on this host, ${verdict.says}, see mission fleet verify`;
        judged[verdict.kind === 'older' ? 'faults' : 'warnings'].push({ path, message });
      }),
    );
    return judged;
  }

  /** `onOneMachine`: only hosts of this machine reach the repository. */
  async function readFleet({ onOneMachine }: { onOneMachine: boolean }): Promise<Fleet> {
    const hosts = await deps.hosts();
    const own = hosts.find(({ name }) => name === deps.host);
    return createFleet({ hosts, own, machine: onOneMachine ? (own?.machine ?? '') : undefined });
  }

  async function findRepository(file: MissionFile, faults: Fault[]): Promise<PlannedRepository | undefined> {
    if (file.repository.forge !== 'local') return findOnForge(file.repository, faults);
    const { forge, path, base } = file.repository;
    const refuse = (message: string, at = 'repository.path'): undefined => {
      faults.push({ path: at, message });
    };
    const address = readRepositoryAddress(path, { privateAddresses: config.allowPrivateAddresses });
    if (address.kind === 'refused') return refuse(address.reason);
    if (address.kind === 'url')
      return refuse(`the forge ${forge} works on a path of this machine, not on a URL`);
    const found = await findUnderRoots(address.path);
    if (found.kind === 'fault') return refuse(found.message);
    const asked = ['rev-parse', '--is-bare-repository', '--absolute-git-dir'];
    const { stdout, exitCode } = await git.run({ cwd: found.path, args: asked, accept: [128] });
    const [bare, folder] = stdout.split('\n');
    if (exitCode !== 0) return refuse(`${path} is not a git repository`);
    if (bare !== 'true') {
      return refuse(`${path} has a work tree; make a bare copy of it: git clone --bare ${path} ${path}.git`);
    }
    // A folder within a repository would be a second name for it.
    if (folder !== found.path)
      return refuse(`${path} is not a git repository, but a part of ${folder ?? ''}`);
    if ((await resolveCommit(git, { cwd: found.path, ref: `refs/heads/${base}` })) === undefined) {
      return refuse(`${path} has no branch ${base}`, 'repository.base');
    }
    return { id: repositoryId(forge, found.path), forge, address: found.path, base };
  }

  async function findOnForge(
    of: Extract<Repository, { forge: RemoteForge }>,
    faults: Fault[],
  ): Promise<PlannedRepository | undefined> {
    const { forge, base } = of;
    const found = await findForgeRepository({
      ...remoteForges[forge],
      ...of,
      privateAddresses: config.allowPrivateAddresses,
    });
    if (found.kind === 'refused') {
      faults.push({ path: `repository.${found.at}`, message: found.reason });
      return undefined;
    }
    const { address } = found;
    return { id: repositoryId(forge, address), forge, address, base };
  }

  /** The text of each script by its path; commands have none, but must be known. */
  async function readScripts(
    programs: readonly NamedProgram[],
    faults: Fault[],
  ): Promise<Map<string, string>> {
    const scripts = new Map<string, string>();
    for (const { at, script, command } of programs) {
      if (command !== undefined && !Object.hasOwn(config.commands, command)) {
        const message = `no command is named ${command}: the operator names them under commands: in engine.yaml`;
        faults.push({ path: `${at}.command`, message });
      }
      if (script === undefined) continue;
      const read = await readScript(script);
      if (read.kind === 'text') scripts.set(script, read.text);
      else faults.push({ path: `${at}.script`, message: read.message });
    }
    return scripts;
  }

  async function readScript(
    path: string,
  ): Promise<{ kind: 'text'; text: string } | { kind: 'fault'; message: string }> {
    const found = await findUnderRoots(path);
    if (found.kind === 'fault') return found;
    const { size } = await stat(found.path);
    if (size > maxScriptBytes) {
      return { kind: 'fault', message: `${path} has ${size} bytes; ${maxScriptBytes} are the most` };
    }
    const text = await readFile(found.path, 'utf8').catch(() => undefined);
    return text === undefined
      ? { kind: 'fault', message: `${path} can't be read as a file` }
      : { kind: 'text', text };
  }

  /** The real path, so that no link leads out of the folders that the operator has opened. */
  async function findUnderRoots(
    path: string,
  ): Promise<{ kind: 'path'; path: string } | { kind: 'fault'; message: string }> {
    if (!isAbsolute(path)) {
      const message = `${path} is relative: the mission command makes it absolute, the API needs it so`;
      return { kind: 'fault', message };
    }
    const real = await realpath(path).catch(() => undefined);
    const roots = await Promise.all(config.roots.map((root) => realpath(root).catch(() => root)));
    if (real !== undefined && roots.some((root) => `${real}${sep}`.startsWith(join(root, sep)))) {
      return { kind: 'path', path: real };
    }
    // The same words whether it is there or not: what lies outside the roots is nobody's business.
    const allowed = roots.length === 0 ? 'none is configured' : roots.join(', ');
    const message = `there is no ${path} under the operator's roots (${allowed}); see --root of mission up`;
    return { kind: 'fault', message };
  }
}

/** What the hosts that are known can do, together. */
interface Fleet {
  /** Agents of the mission's own host. */
  here: RuntimeName[];
  finds(runtime: RuntimeName, labels: readonly string[]): boolean;
  /** Whether another than the mission's own host has an agent. */
  isElsewhere(runtime: AgentRuntime): boolean;
  faults(program: NamedProgram): Fault[];
}

function createFleet(of: {
  hosts: readonly Host[];
  own: Host | undefined;
  machine: string | undefined;
}): Fleet {
  const { hosts, own, machine } = of;
  const here = own?.runtimes.map(({ name }) => name) ?? [];
  return { here, finds, isElsewhere, faults };

  function finds(runtime: RuntimeName, labels: readonly string[]): boolean {
    return hosts.some((host) => fits(host, { runtime, labels, machine }));
  }

  function isElsewhere(runtime: AgentRuntime): boolean {
    return hosts.some((host) => host !== own && fits(host, { runtime, labels: [], machine }));
  }

  function faults(program: NamedProgram): Fault[] {
    const { at, agent, labels = [] } = program;
    // What an amendment names of the roster's agents alone needs no more words.
    const { runtime = agent === undefined ? 'script' : 'acp' } = program;
    // A mission's own host runs what asks for nothing.
    if (labels.length === 0 && agent === undefined && !isAgent({ runtime })) return [];
    const name = runtimeName({ runtime, agent });
    if (finds(name, labels)) return [];
    const path = at.startsWith('policy') ? at : `${at}.${finds(name, []) ? 'labels' : 'runtime'}`;
    return [{ path, message: misnamed({ runtime, agent }) ?? missing(name, labels) }];
  }

  function misnamed({ runtime, agent }: Pick<NamedProgram, 'runtime' | 'agent'>): string | undefined {
    if (runtime === 'acp' && agent === undefined) {
      const agents = known().filter((name) => name.startsWith('acp:'));
      return `the runtime acp needs agent: ${thereIs(agents.map((name) => name.slice('acp:'.length)))}`;
    }
    if (runtime === 'acp' || agent === undefined) return undefined;
    return `agent goes with the runtime acp, and not with ${runtime ?? ''}`;
  }

  function missing(runtime: RuntimeName, labels: readonly string[]): string {
    if (!isAgent({ runtime }) || (labels.length > 0 && finds(runtime, []))) {
      const what = isAgent({ runtime }) ? ` and ${runtime}` : '';
      return `no host ${machine === undefined ? '' : 'of this machine '}has the labels ${labels.join(', ')}${what}: see labels in engine.yaml, and mission host`;
    }
    const where =
      hosts.length === 1 ? 'this host' : machine === undefined ? 'any host' : 'any host of this machine';
    const remedy = runtime.startsWith('acp:')
      ? 'name it under acp: in the roster, and install its program'
      : 'install it, see mission fleet verify';
    return `${runtime} is not on ${where} (${thereIs(known())}): ${remedy}`;
  }

  function known(): RuntimeName[] {
    const names = new Set(hosts.flatMap(({ runtimes }) => runtimes.map(({ name }) => name)));
    return [...names].filter((name) => finds(name, []));
  }
}

function thereIs(agents: readonly string[]): string {
  return agents.length === 0 ? 'no other agent is' : `there is ${agents.join(', ')}`;
}

/** Each agent of a plan, and the first place where it is named. */
function agentsOf(plan: Plan): Map<AgentRuntime, string> {
  const named = new Map<AgentRuntime, string>();
  function name(runtime: string, path: string): void {
    const agent = AgentRuntime.safeParse(runtime).data;
    if (agent !== undefined && !named.has(agent)) named.set(agent, path);
  }
  for (const [m, milestone] of plan.milestones.entries()) {
    for (const [t, task] of milestone.tasks.entries()) {
      const { runtime } = toStartedTask({ plan, milestone, task }).program;
      name(runtime, `milestones.${m}.tasks.${t}.runtime`);
    }
  }
  for (const [index, runtime] of (plan.policy.fallback ?? []).entries()) {
    name(runtime, `policy.fallback.${index}`);
  }
  return named;
}

/** A program as a file or an amendment names it, and where. */
interface NamedProgram {
  at: string;
  runtime?: StartedTask['program']['runtime'] | undefined;
  agent?: string | undefined;
  labels?: readonly string[] | undefined;
  script?: string | undefined;
  command?: string | undefined;
}

function programsOf(file: MissionFile): NamedProgram[] {
  return file.milestones.flatMap((milestone, m) =>
    milestone.tasks.map((task, t) => ({ ...task, at: `milestones.${m}.tasks.${t}` })),
  );
}

function programOfChange(change: PlanChange, index: number): NamedProgram[] {
  if (change.change === 'add') return [{ ...change.task, at: `changes.${index}.task` }];
  if (change.change === 'edit') return [{ ...change.set, at: `changes.${index}.set` }];
  return [];
}

/** One id for each canonical forge and path. */
function repositoryId(forge: string, path: string): string {
  return `r${createHash('sha256').update(`${forge} ${path}`).digest('hex').slice(0, 12)}`;
}
