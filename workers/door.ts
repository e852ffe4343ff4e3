/** What a mission must bring to be let in. Everything that can be known before it starts is checked here. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { resolveCommit, type Git } from '../activities/git/git.ts';
import { reviewersFault, type Engines } from '../activities/review/engines.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import { AgentRuntime, agentRuntimes } from '../schema/contracts/agent.ts';
import type { PlanChange } from '../schema/contracts/amendment.ts';
import type { Admission, ChangesAdmission, Door, Fault } from '../schema/contracts/door.ts';
import type { MissionFile } from '../schema/contracts/mission-file.ts';
import {
  maxPlanCharacters,
  toPlan,
  toPlannedChange,
  toStartedTask,
  type PlannedRepository,
} from '../schema/contracts/plan.ts';
import { readRepositoryAddress } from '../schema/contracts/repository-address.ts';
import type { EngineConfig } from './engine-config.ts';

const maxScriptBytes = 64 * 1024;

export function createDoor(deps: {
  git: Git;
  config: EngineConfig;
  engines: Engines;
  agents: Pick<Agents, 'find'>;
}): Door {
  const { git, config, engines, agents } = deps;
  return { admitMission, admitChanges };

  async function admitMission(file: MissionFile): Promise<Admission> {
    const faults: Fault[] = [];
    const reviewers = reviewersFault(file.policy.reviewers, engines);
    if (reviewers !== undefined) faults.push({ path: 'policy.reviewers', message: reviewers });
    const repository = await findRepository(file, faults);
    const scripts = await readScripts(programsOf(file), faults);
    if (faults.length > 0 || !repository) return { kind: 'refused', faults };

    const mission = file.key ?? `m-${randomBytes(4).toString('hex')}`;
    const here = await agentsHere();
    const plan = toPlan({
      mission,
      file,
      repository,
      scripts,
      ...(here[0] ? { defaultRuntime: here[0] } : {}),
    });
    const missing = plan.milestones.flatMap((milestone, m) =>
      milestone.tasks.flatMap((task, t) => {
        const { program } = toStartedTask({ plan, milestone, task });
        return agentFaults(program, `milestones.${m}.tasks.${t}.runtime`, here);
      }),
    );
    for (const [index, runtime] of (file.policy.fallback ?? []).entries()) {
      missing.push(...agentFaults({ runtime }, `policy.fallback.${index}`, here));
    }
    if (missing.length > 0) return { kind: 'refused', faults: missing };
    const { length } = JSON.stringify(plan);
    if (length <= maxPlanCharacters) return { kind: 'plan', plan };
    const message = `the plan has ${length} characters with its scripts; ${maxPlanCharacters} are the most: split the mission`;
    return { kind: 'refused', faults: [{ path: 'milestones', message }] };
  }

  async function admitChanges(changes: readonly PlanChange[]): Promise<ChangesAdmission> {
    const faults: Fault[] = [];
    const programs = changes.flatMap(programOfChange);
    const scripts = await readScripts(programs, faults);
    const here = await agentsHere();
    for (const program of programs) faults.push(...agentFaults(program, `${program.at}.runtime`, here));
    if (faults.length > 0) return { kind: 'refused', faults };
    return { kind: 'changes', changes: changes.map((change) => toPlannedChange(change, scripts)) };
  }

  /** The agents that are on this machine, in the order in which one is taken. */
  async function agentsHere(): Promise<AgentRuntime[]> {
    const found = await Promise.all(agentRuntimes.map((name) => agents.find(name)));
    return agentRuntimes.filter((_, index) => found[index] !== undefined);
  }

  async function findRepository(file: MissionFile, faults: Fault[]): Promise<PlannedRepository | undefined> {
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

function agentFaults(
  program: { runtime?: string | undefined },
  at: string,
  here: readonly string[],
): Fault[] {
  const asked = AgentRuntime.safeParse(program.runtime);
  if (!asked.success || here.includes(asked.data)) return [];
  const instead = here.length === 0 ? 'no other agent is' : `there is ${here.join(', ')}`;
  return [
    {
      path: at,
      message: `${asked.data} is not on this host (${instead}): install it, see mission fleet verify`,
    },
  ];
}

/** A program as a file or an amendment names it, and where. */
interface NamedProgram {
  at: string;
  runtime?: string | undefined;
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
