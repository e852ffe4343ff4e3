/** What a mission must bring to be let in. Everything that can be known before it starts is checked here. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import type { RemoteForge, RemoteForges } from '../activities/forge/remote-forges.ts';
import { findForgeRepository } from '../activities/forge/rest/find-repository.ts';
import { resolveCommit, type Git } from '../activities/git/git.ts';
import {
  disputesFault,
  familiesOf,
  isProgram,
  reviewAgentsOf,
  reviewersFault,
  type Engines,
} from '../activities/review/engines.ts';
import { judgeVersion } from '../activities/processes/program-version.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import { runtimes } from '../activities/sessions/runtimes/runtimes.ts';
import { agentRuntimes, runtimeName, type RuntimeName } from '../schema/contracts/agent.ts';
import type { Admission, AskedChanges, ChangesAdmission, Door, Fault } from '../schema/contracts/door.ts';
import type { Host } from '../schema/contracts/host.ts';
import type { MissionFile, Repository } from '../schema/contracts/mission-file.ts';
import {
  maxPlanCharacters,
  toPlan,
  toPlannedChange,
  type PlannedRepository,
} from '../schema/contracts/plan.ts';
import { readRepositoryAddress } from '../schema/contracts/repository-address.ts';
import { modelOf, type Roster } from '../schema/contracts/roster.ts';
import { familyFaults } from '../workflows/rules/families.ts';
import type { EngineConfig } from './engine-config.ts';
import {
  agentsOf,
  agentsOfChanges,
  createFleet,
  fallbackOf,
  strongerOf,
  firstPlaces,
  isOfAnAgent,
  programOfChange,
  programsOf,
  type Fleet,
  type NamedProgram,
} from './named-programs.ts';

const maxScriptBytes = 64 * 1024;

export function createDoor(deps: {
  git: Git;
  config: EngineConfig;
  engines: Engines;
  /** The host that missions which come in here belong to. */
  host: string;
  /** All hosts that are known, that one among them; `withAgentsOfNow`: its agents are looked for anew. */
  hosts: (of: { withAgentsOfNow: boolean }) => Promise<Host[]>;
  /** Those of that host. */
  agents: Pick<Agents, 'version' | 'known'>;
  roster: Roster;
  remoteForges: RemoteForges;
  /** Tells the operator of what is let in all the same. */
  warn: (message: string, fields: { mission: string; path: string }) => void;
}): Door {
  const { git, config, engines, agents, remoteForges } = deps;
  return { admitMission, admitChanges };

  async function admitMission(file: MissionFile): Promise<Admission> {
    const faults: Fault[] = [];
    const programs = programsOf(file);
    const { reviewers: named, reviewerTier: tier, fallback, stronger, disputes } = file.policy;
    const readers = [...named, ...(disputes === undefined ? [] : [{ engine: disputes }])];
    const read = readers.flatMap(({ engine }) => engines.get(engine) ?? []);
    const fleet = await readFleet({
      host: deps.host,
      onOneMachine: file.repository.forge === 'local',
      withAgentsOfNow:
        programs.some(isOfAnAgent) ||
        fallback !== undefined ||
        stronger !== undefined ||
        !read.every((engine) => isProgram(engine)),
    });
    const has = (agent: RuntimeName): boolean => fleet.here.includes(agent);
    const chosen = { reviewers: named, engines, has, tier };
    const reviewers = reviewersFault(chosen);
    if (reviewers !== undefined) faults.push({ path: 'policy.reviewers', message: reviewers });
    const decides = disputesFault({ ...chosen, disputes });
    if (decides !== undefined) faults.push({ path: 'policy.disputes', message: decides });
    const repository = await findRepository(file, faults);
    const scripts = await readScripts(programs, faults);
    if (faults.length > 0 || !repository) return { kind: 'refused', faults };

    const mission = file.key ?? `m-${randomBytes(4).toString('hex')}`;
    const [first] = agentRuntimes.filter((runtime) => fleet.here.includes(runtime));
    const [elsewhere] = agentRuntimes.filter((runtime) => fleet.finds(runtime, []));
    const defaultRuntime = first ?? elsewhere;
    const plan = toPlan({
      mission,
      file,
      repository,
      scripts,
      ...(defaultRuntime ? { defaultRuntime } : {}),
      families: familiesOf({ reviewers: named, engines, models: knownModels(), disputes }),
      reviewAgents: reviewAgentsOf({ reviewers: readers, engines }),
    });
    const agents = [...agentsOf(plan), ...fallbackOf(plan.policy, 'policy'), ...strongerOf(plan.policy)];
    const versions = await judgeVersions(agents, fleet);
    const missing = [...agents.flatMap((agent) => fleet.faults(agent)), ...versions.faults];
    for (const { milestone, task, message } of familyFaults(plan)) {
      missing.push({ path: `milestones.${milestone}.tasks.${task}`, message });
    }
    if (missing.length > 0) return { kind: 'refused', faults: missing };
    const { length } = JSON.stringify(plan);
    if (length <= maxPlanCharacters) {
      return { kind: 'plan', plan, warnings: told(mission, versions.warnings) };
    }
    const message = `the plan has ${length} characters with its scripts; ${maxPlanCharacters} are the most: split the mission`;
    return { kind: 'refused', faults: [{ path: 'milestones', message }] };
  }

  function knownModels(): Parameters<typeof familiesOf>[0]['models'] {
    return agents.known.map((named) => ({ agent: runtimeName(named), model: modelOf(deps.roster, named) }));
  }

  async function admitChanges({ mission, changes }: AskedChanges): Promise<ChangesAdmission> {
    const faults: Fault[] = [];
    const scripts = await readScripts(changes.flatMap(programOfChange), faults);
    if (faults.length > 0) return { kind: 'refused', faults };
    const planned = changes.map((change) => toPlannedChange(change, scripts));

    const { plan, host } = mission;
    const onOneMachine = plan.repository.forge === 'local';
    const fleet = await readFleet({ host, onOneMachine, withAgentsOfNow: true });
    const agents = agentsOfChanges(mission, planned);
    const versions = await judgeVersions(agents, fleet);
    const missing = [...agents.flatMap((agent) => fleet.faults(agent)), ...versions.faults];
    if (missing.length > 0) return { kind: 'refused', faults: missing };
    return { kind: 'changes', changes: planned, warnings: told(plan.mission, versions.warnings) };
  }

  function told(mission: string, warnings: Fault[]): Fault[] {
    for (const { path, message } of warnings) deps.warn(message, { mission, path });
    return warnings;
  }

  /** What is older than what is known to work is refused; of what is newer than all that was tried, people are told. */
  async function judgeVersions(
    programs: readonly NamedProgram[],
    fleet: Fleet,
  ): Promise<{ faults: Fault[]; warnings: Fault[] }> {
    const judged = { faults: new Array<Fault>(), warnings: new Array<Fault>() };
    await Promise.all(
      [...firstPlaces(programs)].map(async ([name, path]) => {
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

  /** `host`: the mission's own. `onOneMachine`: only hosts of its machine reach the repository. */
  async function readFleet(of: {
    host: string;
    onOneMachine: boolean;
    withAgentsOfNow: boolean;
  }): Promise<Fleet> {
    const hosts = await deps.hosts(of);
    const own = hosts.find(({ name }) => name === of.host);
    return createFleet({ hosts, own, machine: of.onOneMachine ? (own?.machine ?? '') : undefined });
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

/** One id for each canonical forge and path. */
function repositoryId(forge: string, path: string): string {
  return `r${createHash('sha256').update(`${forge} ${path}`).digest('hex').slice(0, 12)}`;
}
