import { join } from 'node:path';
import { runtimeName, type ChosenAgent, type RuntimeName } from '../../schema/contracts/agent.ts';
import type { Reviewer } from '../../schema/contracts/mission-file.ts';
import type { Families, ReviewAgent } from '../../schema/contracts/plan.ts';
import { familyOfModel } from '../../workflows/rules/families.ts';

interface AnyEngine {
  /** Whose model it is. Engines of one family think alike. */
  family: string;
  /** How strong it is, by the operator's own scale: higher is stronger. */
  tier?: number | undefined;
}

/** A program that reads a change and prints its verdict. */
export interface ProgramEngine extends AnyEngine {
  argv: readonly string[];
}

/** A coding agent; its last message is its verdict. */
export interface AgentEngine extends AnyEngine, ChosenAgent {}

/** A reviewer. */
export type Engine = ProgramEngine | AgentEngine;

export type Engines = ReadonlyMap<string, Engine>;

export function isProgram(engine: Engine): engine is ProgramEngine {
  return 'argv' in engine;
}

/**
 * Two deterministic reviewers that come with the engine, and the agents that have models of their makers only: the
 * model of another may be anybody's. `programs` is the folder that the two are built into.
 */
export function builtInEngines(programs: string): Engines {
  return new Map<string, Engine>([
    ['diff-check', { family: 'diff', argv: [process.execPath, join(programs, 'diff-check.js')] }],
    ['test-check', { family: 'test', argv: [process.execPath, join(programs, 'test-check.js')] }],
    ['claude', { family: 'anthropic', runtime: 'claude' }],
    ['codex', { family: 'openai', runtime: 'codex' }],
  ]);
}

/** Those that always read a change; the others are called where it asks for them. */
export function standingReviewers<R extends Pick<Reviewer, 'role'>>(reviewers: readonly R[]): R[] {
  return reviewers.filter(({ role }) => role === undefined);
}

/** What the reviewers' families are, and what the engines tell of the models of agents that write. */
export function familiesOf(of: {
  reviewers: readonly Pick<Reviewer, 'engine' | 'role'>[];
  engines: Engines;
  /** The model of each agent where a mission names none, as the operator has set it. */
  models: readonly { agent: RuntimeName; model: string | undefined }[];
  /** See the policy. */
  disputes?: string | undefined;
}): Families {
  const told: Families['told'] = {};
  for (const { agent, model } of of.models) {
    const family = model === undefined ? undefined : familyOfModel(model);
    if (family !== undefined) told[agent] = family;
  }
  for (const engine of of.engines.values()) {
    if (isProgram(engine)) continue;
    const name = runtimeName(engine);
    told[engine.model === undefined ? name : `${name} ${engine.model}`] = engine.family;
  }
  const standing = standingReviewers(of.reviewers).flatMap(
    ({ engine }) => of.engines.get(engine)?.family ?? [],
  );
  const decides = of.engines.get(of.disputes ?? '')?.family;
  return {
    reviewers: [...new Set(standing)],
    told,
    ...(decides === undefined ? {} : { disputes: decides }),
  };
}

/** Those of the reviewers that are agents. */
export function reviewAgentsOf(of: {
  reviewers: readonly Pick<Reviewer, 'engine'>[];
  engines: Engines;
}): ReviewAgent[] {
  return of.reviewers.flatMap(({ engine: name }) => {
    const engine = of.engines.get(name);
    if (!engine || isProgram(engine)) return [];
    const { runtime, agent, model, effort } = engine;
    return [{ engine: name, program: { runtime, agent, model, effort } }];
  });
}

interface Choice {
  reviewers: readonly Pick<Reviewer, 'engine' | 'role'>[];
  engines: Engines;
  /** Whether the host of the mission's reviews has an agent. */
  has: (agent: RuntimeName) => boolean;
  /** The least tier of each; see the policy. */
  tier?: number | undefined;
}

/** What is wrong with a mission's choice of reviewers; undefined when it is a dual-engine review. */
export function reviewersFault(of: Choice): string | undefined {
  const { reviewers, engines } = of;
  for (const findFault of [unknownFault, unfitFault]) {
    const [fault] = reviewers.flatMap(({ engine }) => findFault(engine, of) ?? []);
    if (fault !== undefined) return fault;
  }
  const families = new Set(standingReviewers(reviewers).map(({ engine }) => engines.get(engine)?.family));
  if (families.size < 2) return 'a review needs two engines of different families';
  if (new Set(reviewers.map(({ engine }) => engine)).size < reviewers.length) {
    return 'an engine is named twice among the reviewers';
  }
  return undefined;
}

/** What is wrong with the engine that decides disputes, where there is one. */
export function disputesFault(of: Choice & { disputes: string | undefined }): string | undefined {
  const { disputes, reviewers } = of;
  if (disputes === undefined) return undefined;
  if (reviewers.some(({ engine }) => engine === disputes)) {
    return `the engine ${disputes} is a reviewer, and would decide on its own findings: name another engine`;
  }
  return unknownFault(disputes, of) ?? unfitFault(disputes, of);
}

function unknownFault(name: string, { engines, has }: Choice): string | undefined {
  if (engines.has(name)) return undefined;
  const known = [...engines].filter(([, engine]) => isHere(engine, has)).map(([one]) => one);
  return `no engine is named ${name}; this installation has ${known.join(', ')}. Add it under engines: in engine.yaml`;
}

function unfitFault(name: string, { engines, has, tier }: Choice): string | undefined {
  const engine = engines.get(name);
  if (!engine) return undefined;
  if (!isProgram(engine) && !has(runtimeName(engine))) {
    return `the engine ${name} is ${runtimeName(engine)}, which is not on this host: install it, or name another engine`;
  }
  if (tier === undefined || (engine.tier !== undefined && engine.tier >= tier)) return undefined;
  const its = engine.tier === undefined ? 'has no tier' : `is of tier ${engine.tier}`;
  return `the engine ${name} ${its}, and reviewerTier asks for ${tier}: name a stronger one, or set its tier under engines: in engine.yaml`;
}

function isHere(engine: Engine, has: (agent: RuntimeName) => boolean): boolean {
  return isProgram(engine) || has(runtimeName(engine));
}
