import { z } from 'zod';
import { agentChoiceFields, AgentRuntime } from './agent.ts';
import { Budget } from './budget.ts';
import { CiRules } from './ci.ts';
import { BranchName, MissionKey, Name } from './names.ts';
import { QuestionPolicy } from './question.ts';

const minute = 60;

function isWithin(path: string): boolean {
  return !path.startsWith('/') && !path.split('/').includes('..');
}

const PathWithin = z.string().min(1).max(500).refine(isWithin, 'must be a path within the repository');

/** What a task says of itself, whatever its runtime. */
export const taskFields = {
  title: z.string().trim().min(1).max(200),
  goal: z.string().trim().min(1).max(20_000),
  acceptance: z.array(z.string().min(1).max(2_000)).max(50),
  /** What the work must keep to. */
  constraints: z.array(z.string().min(1).max(2_000)).max(50),
  /** What was thought of and is not to be done, best with its reason. */
  ruledOut: z.array(z.string().min(1).max(2_000)).max(50),
  /** Where to look, as `file:line` with a word on what is there. */
  pointers: z.array(z.string().min(1).max(500)).max(50),
  /** What a change may touch: folders, which end with `/`, and files. Without any, everything. */
  paths: z.array(PathWithin).max(100),
  /** Shell commands that must be green in a clean checkout of the delivered commit. */
  checks: z.array(z.string().trim().min(1).max(2_000)).max(20),
  dependsOn: z.array(Name).max(200),
  /** What the host of the task's sessions must have, all of it; `[]`: nothing. See `labels` in engine.yaml. */
  labels: z.array(Name).max(20),
  /** What the task’s sessions and reviews may use. */
  budget: Budget,
};

const taskCommon = {
  ...taskFields,
  id: Name,
  acceptance: taskFields.acceptance.default([]),
  // No defaults for what came later: the same file sent again after an update is still the same.
  constraints: taskFields.constraints.optional(),
  ruledOut: taskFields.ruledOut.optional(),
  pointers: taskFields.pointers.optional(),
  paths: taskFields.paths.optional(),
  budget: taskFields.budget.optional(),
  labels: taskFields.labels.optional(),
  checks: taskFields.checks.default([]),
  dependsOn: taskFields.dependsOn.default([]),
};

export const MissionFileTask = z.discriminatedUnion('runtime', [
  z.strictObject({
    ...taskCommon,
    runtime: z.literal('script'),
    /** The task's own program, read and frozen when the mission starts. Relative to the mission file. */
    script: z.string().min(1).max(1_000),
  }),
  z.strictObject({
    ...taskCommon,
    runtime: z.literal('command'),
    /** The name of a command that the operator has allowed in `engine.yaml`. */
    command: Name,
  }),
  /** For a coding agent, which may be named further out. */
  z.strictObject({ ...taskCommon, ...agentChoiceFields }),
]);
export type MissionFileTask = z.infer<typeof MissionFileTask>;

/** Tasks of one mission side by side. */
export const Parallel = z.int().min(1).max(100);

/** 1 is the most urgent, 5 the least: the scale of Temporal's own priorities. */
export const Priority = z.int().min(1).max(5);

/** Of a mission that names none: the middle of the scale, and Temporal's own default. */
export const defaultPriority: z.infer<typeof Priority> = 3;

/** Author sessions in a row that are called done and leave the branch's head where it was. */
export const NoProgress = z.int().min(1).max(100);

/** The agents that take over while a quota is closed, in their order. */
export const Fallback = z.array(AgentRuntime).min(1).max(4);

/** Reads changes, by the name of an engine that the operator has. */
export const Reviewer = z
  .strictObject({
    engine: Name,
    /**
     * With a role it comes beside the two, where a change asks for it; then its approval is needed too. `fixes` reads
     * whether what was found before is mended, and is called by heads that come after a finding.
     */
    role: z.enum(['security', 'fixes']).optional(),
    /** Called where a change touches one of these, as git reads a pathspec of the kind `:(glob)`: `src/auth/**`. */
    paths: z.array(PathWithin).max(50).optional(),
    /** Called where the task has one of these labels, which then ask nothing of hosts. */
    labels: z.array(Name).max(20).optional(),
  })
  .refine(
    ({ role, paths, labels }) => role !== undefined || (paths === undefined && labels === undefined),
    'paths and labels go with a role: the reviewers without one read every change',
  );
export type Reviewer = z.infer<typeof Reviewer>;

export const Policy = z.strictObject({
  /** Names of the tokens that may give the merge go-ahead. None: the mission merges solo. */
  coordinators: z.array(Name).max(50).default([]),
  /**
   * A change that touches one of these, globs as of a reviewer's `paths`, needs the go-ahead of two different persons.
   * Without it: one is enough.
   */
  twoPersons: z.array(PathWithin).min(1).max(100).optional(),
  /** Tasks that may run side by side. */
  parallel: Parallel.default(4),
  /** Which mission's steps come first where they wait for the same slots. Without it: 3. */
  priority: Priority.optional(),
  /** Two engines of different families at the least; both approve the same head. */
  reviewers: z
    .array(Reviewer)
    .max(5)
    .default([{ engine: 'diff-check' }, { engine: 'test-check' }]),
  /** The least tier of every reviewer; see `engines` in engine.yaml. Without it: any, also those that have none. */
  reviewerTier: z.int().min(1).max(100).optional(),
  /**
   * The engine that decides first where an author says that a finding is not so: none of the reviewers, and of no family
   * that writes. Without it, and wherever it decides nothing: a person.
   */
  disputes: Name.optional(),
  /**
   * What a finding `should-fix` comes to where its reviewer approves all the same: it is sent back to the author, or
   * noted. Without it: `note`.
   */
  shouldFix: z.enum(['send-back', 'note']).optional(),
  /** How often the same failure is sent back to `implement` before the task parks as blocked. */
  remediations: z.int().min(0).max(10).default(3),
  /** Author sessions that a task may use in all, whatever the failures. */
  sessions: z.int().min(1).max(100).default(10),
  /**
   * How many sessions in a row an agent may call done that leave the branch's head where it was, before a person is
   * asked. Without it: 3.
   */
  noProgress: NoProgress.optional(),
  /** Who takes over, in this order, while the quota of a task's agent is closed. Without it: nobody, it is waited for. */
  fallback: Fallback.optional(),
  /**
   * Who goes on when a task was sent back and its next attempt is sent back too: a stronger model, or another agent. What
   * it does not say is the task's own. Without it: the same.
   */
  stronger: z.strictObject(agentChoiceFields).optional(),
  /** What all tasks of the mission may use together. */
  budget: Budget.optional(),
  sessionTimeoutSeconds: z
    .int()
    .min(1)
    .max(24 * 60 * minute)
    .default(60 * minute),
  /**
   * How long an agent may say nothing before its session is ended as stalled: several hang for good on a model server
   * that does not answer. A tool that runs for long says nothing either. Without it: 20 minutes.
   */
  stallSeconds: z
    .int()
    .min(10)
    .max(24 * 60 * minute)
    .optional(),
  checksTimeoutSeconds: z
    .int()
    .min(1)
    .max(240 * minute)
    .default(15 * minute),
  /**
   * What the merge lane does when the base is red at a merge of this mission: `stop` until somebody has mended it, or
   * `revert` that merge by a pull request of its own, and send the task back. Without it: `stop`.
   */
  redBase: z.enum(['stop', 'revert']).optional(),
  /**
   * Up to so many pull requests that wait in the lane are tested together, and merged one after another when that is
   * green; see docs/adr/0023. Without it: 1.
   */
  batch: z.int().min(1).max(20).optional(),
  /** With true, a repository without CI is a failure of the gate; otherwise `not-configured` is accepted. */
  requireCi: z.boolean().default(false),
  ci: z.strictObject(CiRules.shape).optional(),
  /** How people are reminded, and what is taken where nobody answers. Without it: they are waited for. */
  questions: QuestionPolicy.optional(),
});
export type Policy = z.infer<typeof Policy>;

/** What a tag may be called, once the placeholders are filled in. */
export function fillTag(tag: string, of: { mission: string; milestone: string; next: number }): string {
  return tag
    .replaceAll('{mission}', of.mission)
    .replaceAll('{milestone}', of.milestone)
    .replace('*', String(of.next));
}

export const Release = z.strictObject({
  /**
   * The tag's name. `{mission}` and `{milestone}` stand for their ids, and one `*` for the number after the highest that
   * there is: `v1.4.*`.
   */
  tag: z
    .string()
    .min(1)
    .max(100)
    .refine(
      (tag) => BranchName.safeParse(fillTag(tag, { mission: 'm', milestone: 'm', next: 1 })).success,
      'git does not accept this as the name of a tag; {mission}, {milestone} and one * are filled in',
    ),
  /** Of the release, where the forge has such. Without it: the tag and the milestone's title. */
  title: z.string().trim().min(1).max(200).optional(),
});
export type Release = z.infer<typeof Release>;

export const Milestone = z.strictObject({
  id: Name,
  title: z.string().trim().min(1).max(200),
  ...agentChoiceFields,
  /** Of its tasks that name none themselves. */
  labels: taskFields.labels.optional(),
  /** Shell commands that must be green in a clean checkout of the base, once every task of the milestone is merged. */
  verify: taskFields.checks.optional(),
  /** A tag, and a release where the forge has such, of the base as it was verified. Without it: none. */
  release: Release.optional(),
  tasks: z.array(MissionFileTask).min(1).max(500),
});
export type Milestone = z.infer<typeof Milestone>;

/** Where repositories live. `gitea` stands for Forgejo too. */
export const forges = ['local', 'gitea', 'github'] as const;

export const Repository = z.discriminatedUnion('forge', [
  z.strictObject({
    /** A bare git repository on the engine's machine, with issues and pull requests in our database. */
    forge: z.literal('local'),
    path: z.string().min(1).max(1_000),
    base: BranchName.default('main'),
  }),
  z.strictObject({
    forge: z.literal('gitea'),
    /** The repository's address, as a browser shows it. */
    url: z.string().min(1).max(1_000),
    base: BranchName.default('main'),
  }),
  z.strictObject({
    /** github.com, or an Enterprise server. */
    forge: z.literal('github'),
    /** The repository's address, as a browser shows it. */
    url: z.string().min(1).max(1_000),
    base: BranchName.default('main'),
  }),
]);
export type Repository = z.infer<typeof Repository>;

/** A mission as people write it, in YAML or JSON. Unknown keys are errors. */
export const MissionFile = z
  .strictObject({
    version: z.literal(1),
    key: MissionKey.optional(),
    title: z.string().trim().min(1).max(200),
    repository: Repository,
    ...agentChoiceFields,
    /** Of the tasks that name none, neither they nor their milestones. */
    labels: taskFields.labels.optional(),
    policy: Policy.prefault({}),
    milestones: z.array(Milestone).min(1).max(100),
  })
  .superRefine((file, context) => {
    const { coordinators, twoPersons } = file.policy;
    if (twoPersons !== undefined && coordinators.length === 1) {
      const message = 'two persons must give the go-ahead for what twoPersons names: name two, or none';
      context.addIssue({ code: 'custom', path: ['policy', 'coordinators'], message });
    }
    for (const fault of graphFaults(file.milestones)) {
      context.addIssue({ code: 'custom', path: fault.path, message: fault.message });
    }
  });
export type MissionFile = z.infer<typeof MissionFile>;

interface GraphTask {
  id: string;
  dependsOn: readonly string[];
}
interface GraphMilestone {
  id: string;
  tasks: readonly GraphTask[];
}
interface GraphFault {
  path: (string | number)[];
  message: string;
}

/**
 * What makes a task graph impossible to run: duplicate and unknown ids, a dependency on a later milestone
 * (milestones run one after another), and cycles.
 */
export function graphFaults(milestones: readonly GraphMilestone[]): GraphFault[] {
  const faults: GraphFault[] = [];
  const milestoneOf = new Map<string, number>();
  const milestoneIds = new Set<string>();
  for (const [m, milestone] of milestones.entries()) {
    if (milestoneIds.has(milestone.id)) {
      faults.push({ path: ['milestones', m, 'id'], message: `milestone id ${milestone.id} is used twice` });
    }
    milestoneIds.add(milestone.id);
    for (const [t, task] of milestone.tasks.entries()) {
      const path = ['milestones', m, 'tasks', t, 'id'];
      if (milestoneOf.has(task.id)) faults.push({ path, message: `task id ${task.id} is used twice` });
      milestoneOf.set(task.id, m);
    }
  }
  for (const [m, milestone] of milestones.entries()) {
    for (const [t, task] of milestone.tasks.entries()) {
      for (const [d, dependency] of task.dependsOn.entries()) {
        const path = ['milestones', m, 'tasks', t, 'dependsOn', d];
        const where = milestoneOf.get(dependency);
        if (where === undefined) faults.push({ path, message: `no task has the id ${dependency}` });
        else if (where > m) {
          const later = milestones[where]?.id ?? '';
          faults.push({
            path,
            message: `${dependency} is in ${later}, a later milestone: it would never start`,
          });
        }
      }
    }
  }
  const cycle = findCycle(milestones.flatMap((milestone) => milestone.tasks));
  if (cycle) faults.push({ path: ['milestones'], message: `tasks wait on each other: ${cycle.join(' → ')}` });
  return faults;
}

/** Takes away what can run, round after round; in what is left everybody waits on somebody, in a circle. */
function findCycle(tasks: readonly GraphTask[]): string[] | undefined {
  const stuck = new Map(tasks.map((task) => [task.id, task]));
  for (let before = stuck.size + 1; stuck.size < before;) {
    before = stuck.size;
    for (const task of stuck.values()) {
      if (!task.dependsOn.some((id) => stuck.has(id))) stuck.delete(task.id);
    }
  }
  const [first] = stuck.keys();
  if (first === undefined) return undefined;
  const trail: string[] = [];
  for (let id = first; ;) {
    const seen = trail.indexOf(id);
    trail.push(id);
    if (seen >= 0) return trail.slice(seen);
    id = stuck.get(id)?.dependsOn.find((dependency) => stuck.has(dependency)) ?? id;
  }
}
