import { z } from 'zod';

/** Names a mission for ever: the same key is the same mission. */
export const MissionKey = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a key has up to 63 lower-case letters, digits and dashes');
export type MissionKey = z.infer<typeof MissionKey>;

/** Names a milestone, task, engine, command or coordinator. Safe in a path, a branch and a workflow id. */
export const Name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'a name has up to 63 letters, digits, dashes and underscores');
export type Name = z.infer<typeof Name>;

/** A full commit id. Abbreviations are refused, since a forge may resolve them to something else. */
export const Sha = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'a full commit id is needed');
export type Sha = z.infer<typeof Sha>;

/** Through which of the engine's own doors a person came. */
export const GoAheadSurface = z.enum(['api', 'cli']);
export type GoAheadSurface = z.infer<typeof GoAheadSurface>;

/** What the command `mission` calls itself to the API. It is kept beside what was told, and proves nothing. */
export const cliUserAgent = 'mission-cli';

export function surfaceOf(userAgent: string | undefined): GoAheadSurface {
  return userAgent === cliUserAgent ? 'cli' : 'api';
}

/** The rules of `git check-ref-format --branch`, narrowed to what every forge accepts. */
export const BranchName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_./-]*$/, 'a branch name has letters, digits and . _ / -')
  .refine(
    (name) => name !== 'HEAD' && !/\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/.test(name),
    'git does not accept this as the name of a branch',
  );
export type BranchName = z.infer<typeof BranchName>;

/** One tenant, until there are tokens of others. */
export const firstTenant = 'default';

/** Every id begins with the installation's, so that two installations can share one Temporal server. */
export function missionWorkflowId(of: { installation: string; mission: string }): string {
  return `${of.installation}/mission-${of.mission}`;
}

export function taskWorkflowId(of: { installation: string; mission: string; task: string }): string {
  return `${missionWorkflowId(of)}/${of.task}`;
}

/** What a workflow's id says: the reverse of the two above, and nothing for a lane. */
export function missionOfWorkflow(workflowId: string): { mission?: string; task?: string } {
  const [, mission, task] = /^[^/]+\/mission-([^/]+)(?:\/([^/]+))?$/.exec(workflowId) ?? [];
  return { ...(mission === undefined ? {} : { mission }), ...(task === undefined ? {} : { task }) };
}

export function laneWorkflowId(of: { installation: string; repositoryId: string; base: string }): string {
  return `${of.installation}/lane/${of.repositoryId}/${encodeURIComponent(of.base)}`;
}

/** Of the workflow that looks after a host. */
export function hostWorkflowId(of: { installation: string; host: string }): string {
  return `${of.installation}/host/${of.host}`;
}

/** The sweep of a host: of its schedule, and the beginning of the ids of the workflows that it starts. */
export function sweepId(of: { installation: string; host: string }): string {
  return `${of.installation}/sweep/${of.host}`;
}

/** The queue of workflows and of effects on forge, CI and database. */
export function controlQueue(installation: string): string {
  return `control:${installation}`;
}

/** The queue that stays with one machine, where its sessions, clones and local repositories are. */
export function hostQueue(of: { installation: string; host: string }): string {
  return `host:${of.installation}:${of.host}`;
}

/** What waits for one of a machine's slots: sessions, checks and reviews. */
export function slotsQueue(of: { installation: string; host: string }): string {
  return `slots:${of.installation}:${of.host}`;
}

/** The branch that a task's commits are pushed to. */
export function taskBranch(of: { mission: string; task: string }): string {
  return `mission/${of.mission}/${of.task}`;
}

/**
 * One launch of one agent. `launch` is the workflow's own counter, never Temporal's attempt number: a retried
 * activity must find the session that an earlier attempt started.
 */
export function sessionId(of: { mission: string; task: string; role: string; launch: number }): string {
  return `${of.mission}.${of.task}.${of.role}.${of.launch}`;
}

/** The role of who reads a change for an engine. */
export function reviewRole(engine: string): string {
  return `review-${engine}`;
}

/** Whose launch a session is. Missions and tasks have no dots in their names. */
export function roleOfSession(id: string): string {
  return id.split('.')[2] ?? '';
}

export function isReviewSession(id: string): boolean {
  return roleOfSession(id).startsWith(reviewRole(''));
}
