/** How an agent is started in a terminal, where it stays and waits for what is written to it. */
import { AgentChoice } from '../../schema/contracts/agent.ts';
import {
  runtimeOf,
  workingDirectoryOf,
  type Roster,
  type RosterAgent,
} from '../../schema/contracts/roster.ts';
import { allowedEnvironment } from '../processes/environment.ts';
import { runTag } from '../processes/spec.ts';
import { runtimes } from '../sessions/runtimes/runtimes.ts';
import type { PaneLaunch } from './launch-script.ts';

/** In the environment of an agent in a terminal, with its name: so it can say from whom a message comes. */
export const agentName = 'MISSION_AGENT';

export function interactiveLaunch(of: {
  roster: Roster;
  agent: RosterAgent;
  /** Where the program lies. */
  program: string;
  path: string;
  home: string;
  /** Tags all processes of the agent. */
  tag: string;
  environment: NodeJS.ProcessEnv;
}): PaneLaunch {
  const { roster, agent, program, path, home, tag, environment } = of;
  const { args, env } = runtimes[agent.runtime].unasked;
  const settings = runtimeOf(roster, agent.runtime);
  const model = modelFor(agent, settings.model);
  return {
    cwd: workingDirectoryOf(roster, agent),
    argv: [program, ...args, ...(model === undefined ? [] : ['--model', model]), ...settings.args],
    env: {
      ...allowedEnvironment(environment),
      HOME: home,
      ...env,
      ...settings.env,
      PATH: path,
      [agentName]: agent.name,
      [runTag]: tag,
    },
  };
}

/** A hint is what people say, such as `the big one`: only what could be a model's name reaches the program. */
export function modelFor(agent: RosterAgent, ofRuntime: string | undefined): string | undefined {
  const { runtime, modelHint } = agent;
  const isName = modelHint !== undefined && AgentChoice.shape.model.safeParse(modelHint).success;
  // Opencode's models are named with their vendor; it refuses to start with less.
  const isWhole = runtime !== 'opencode' || modelHint?.includes('/') === true;
  return isName && isWhole ? modelHint : ofRuntime;
}
