/** The roster: the agents that a fleet has, and how their programs are run. Written by the operator, never by a mission. */
import { z } from 'zod';
import { AgentRuntime, type ChosenAgent } from './agent.ts';
import { Name } from './names.ts';
import { Permissions } from './permissions.ts';

/**
 * The classes that fleets use today. A class of the operator's own is read too: fleets have roles that the engine gives
 * no meaning, and `mission fleet verify` tells of those that look misspelt.
 */
export const agentClasses = [
  'orchestrator',
  'implementer',
  'enhancer',
  'reviewer',
  'security-reviewer',
  'final-reviewer',
  'canary',
] as const;

/** `security_reviewer` and `security-reviewer` are one class. */
export const AgentClass = Name.transform((name) => name.replaceAll('_', '-')).meta({
  description: 'What the agent is there for; a class of your own is allowed',
  examples: [...agentClasses],
});
export type AgentClass = z.infer<typeof AgentClass>;

/** A program can't be given a text with a NUL, and Node's error would show the text. */
const Text = z
  .string()
  .max(10_000)
  .refine((text) => !text.includes('\0'), 'a text for a program has no NUL in it');

/** Goes to an agent's terminal as one line. */
const Line = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\r\n]*$/, 'must be one line');

const Path = Text.min(1).regex(
  /^(?!~[^/])/,
  'is the home of somebody else: only ~ and ~/… are understood, so write the whole path',
);

const Model = Line;

const namesOfTmux = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/, 'must be up to 63 letters, digits, dashes and underscores');

export const RosterTmux = z.strictObject({
  /** Of the fleet alone: on the default server it would reach into a person's own sessions. */
  socketName: namesOfTmux
    .refine((name) => name !== 'default', 'must not be the default server’s: people work on it')
    .default('mosaic-factory')
    .describe('The name of the tmux socket; never the default one'),
  holderSession: namesOfTmux
    .default('_holder')
    .describe('The session that keeps the tmux server up while no agent runs'),
});
export type RosterTmux = z.infer<typeof RosterTmux>;

const EnvironmentName = z
  .string()
  .max(200)
  .regex(
    /^(?!MISSION_)[A-Za-z_][A-Za-z0-9_]*$/,
    'has a name that is none of an environment, or begins with MISSION_, which is the engine’s',
  );

const Arguments = z.array(Text).max(100);

const Environment = z
  .record(EnvironmentName, Text)
  .default({})
  .describe('Environment of every launch. The values are never shown');

const Account = Name.optional().describe(
  'Whose login this machine has. Without it: an account of the name of the runtime, or of the agent',
);

/** How an agent is run by the Agent Client Protocol. */
const acpFields = {
  mode: Line.optional().describe('The mode that is chosen of those the agent offers, by its id'),
  permissions: Permissions.optional().describe('What is answered for you when the agent asks leave'),
};

/** How a runtime is run, whichever agent it is for. */
export const RosterRuntime = z.strictObject({
  driver: z
    .enum(['headless', 'acp'])
    .optional()
    .describe(
      'How missions speak with it: by its own output (headless, the default), or by the Agent Client Protocol',
    ),
  adapter: Arguments.min(1)
    .optional()
    .describe('With the driver acp: the command of the program that speaks the protocol for it'),
  ...acpFields,
  resetCommand: Line.optional().describe('What is typed to make the program forget its conversation'),
  args: Arguments.default([]).describe('Arguments that are added to every launch'),
  env: Environment,
  model: Model.optional().describe('The model, where neither mission nor agent names one'),
  account: Account,
});
export type RosterRuntime = z.infer<typeof RosterRuntime>;

/** Any other agent that speaks the Agent Client Protocol. */
export const RosterAcpAgent = z.strictObject({
  command: Arguments.min(1).describe('The program and its arguments; it speaks the protocol on its stdio'),
  env: Environment,
  model: Model.optional().describe('The model, where the mission names none'),
  account: Account,
  ...acpFields,
});
export type RosterAcpAgent = z.infer<typeof RosterAcpAgent>;

export const RosterAgent = z.strictObject({
  name: Name.describe('Names the agent, and its session in tmux'),
  runtime: AgentRuntime.describe('The program'),
  class: AgentClass,
  workingDirectory: Path.optional().describe('Without it: that of defaults'),
  modelHint: Model.optional().describe(
    'The model as people call it; the runtime’s own name of it works best',
  ),
  persistentPersona: z
    .union([z.boolean(), z.literal('semi')], { error: 'must be true, false or semi' })
    .default(false)
    .describe(
      'Whether the agent stays who it is from task to task. semi: its instructions stay over a reset, its conversation goes',
    ),
  resetBetweenTasks: z
    .boolean()
    .default(false)
    .describe('Whether the reset command is typed before each task'),
  kickstartTemplate: Name.optional().describe('The template of the first prompt'),
});
export type RosterAgent = z.infer<typeof RosterAgent>;

/** What an account allows at once, over all hosts that have its login. */
export const RosterAccount = z.strictObject({
  name: Name.describe('The account, as runtimes name it'),
  sessions: z
    .int()
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      'Sessions at once, those of agents that the engine has not launched too. Without it: any number',
    ),
  models: z
    .record(Model, z.int().min(1).max(1_000))
    .optional()
    .describe('Sessions at once with a model, as missions or the roster name it'),
});
export type RosterAccount = z.infer<typeof RosterAccount>;

export const RosterDefaults = z.strictObject({
  /** Not the home itself: agents change what they find. */
  workingDirectory: Path.default('~/src').describe('Where agents work. Relative paths begin at the file'),
});
export type RosterDefaults = z.infer<typeof RosterDefaults>;

/** A roster as people write it, in YAML or JSON. Unknown keys are errors. */
export const Roster = z
  .strictObject({
    version: z.literal(1).describe('The version of this form'),
    transport: z
      .enum(['tmux', 'process'])
      .default('tmux')
      .describe('What agents run in: sessions of tmux, or processes without a terminal'),
    tmux: RosterTmux.prefault({}),
    defaults: RosterDefaults.prefault({}),
    runtimes: z.partialRecord(AgentRuntime, RosterRuntime).default({}).describe('How each runtime is run'),
    accounts: z
      .array(RosterAccount)
      .max(100)
      .optional()
      .describe('How many sessions the accounts of models allow at once'),
    acp: z
      .record(Name, RosterAcpAgent)
      .optional()
      .describe('Other agents that speak the Agent Client Protocol, by the names that missions use'),
    agents: z.array(RosterAgent).max(500).default([]).describe('The agents; no two have the same name'),
  })
  .superRefine((roster, context) => {
    const accounts = new Set<string>();
    for (const [index, { name }] of (roster.accounts ?? []).entries()) {
      const message = `must be the account’s own: another account is called ${name} too`;
      if (accounts.has(name))
        context.addIssue({ code: 'custom', path: ['accounts', index, 'name'], message });
      accounts.add(name);
    }
    const seen = new Set<string>();
    for (const [index, { name }] of roster.agents.entries()) {
      const path = ['agents', index, 'name'];
      const fault = seen.has(name)
        ? `must be the agent’s own: another agent is called ${name} too`
        : name === roster.tmux.holderSession
          ? 'must differ from tmux.holderSession: both are sessions of one server'
          : undefined;
      if (fault !== undefined) context.addIssue({ code: 'custom', path, message: fault });
      seen.add(name);
    }
  });
export type Roster = z.infer<typeof Roster>;

/** What each program takes for a reset where the roster does not say. */
const resetCommands: Record<AgentRuntime, string> = {
  claude: '/clear',
  codex: '/clear',
  opencode: '/new',
  pi: '/new',
};

/** How a runtime is run by this roster, also where it says nothing of it. */
export function runtimeOf(roster: Roster, runtime: AgentRuntime): RosterRuntime & { resetCommand: string } {
  const written = roster.runtimes[runtime] ?? { args: [], env: {} };
  return { ...written, resetCommand: written.resetCommand ?? resetCommands[runtime] };
}

/** An agent of the roster's by its name; undefined where there is none. */
export function acpAgentOf({ acp = {} }: Roster, name: string): RosterAcpAgent | undefined {
  return Object.hasOwn(acp, name) ? acp[name] : undefined;
}

/** The model of a session: the mission's, or the operator's. */
export function modelOf(roster: Roster, { runtime, agent = '', model }: ChosenAgent): string | undefined {
  const settings = runtime === 'acp' ? acpAgentOf(roster, agent) : runtimeOf(roster, runtime);
  return model ?? settings?.model;
}

export function workingDirectoryOf(roster: Roster, agent: RosterAgent): string {
  return agent.workingDirectory ?? roster.defaults.workingDirectory;
}

/** The runtimes that a roster names, for an agent or to say how they are run. */
export function runtimesOf(roster: Roster): AgentRuntime[] {
  return AgentRuntime.options.filter(
    (runtime) =>
      roster.runtimes[runtime] !== undefined || roster.agents.some((agent) => agent.runtime === runtime),
  );
}

/** The roster as it may be shown: of the environment only the names. */
export function withoutSecrets(roster: Roster): Roster {
  const { runtimes, acp } = roster;
  return {
    ...roster,
    runtimes: withoutValues(runtimes),
    ...(acp === undefined ? {} : { acp: withoutValues(acp) }),
  };
}

function withoutValues<Settings extends { env: Record<string, string> }>(
  all: Partial<Record<string, Settings>>,
): Record<string, Settings> {
  const shown = Object.entries(all).flatMap(([name, settings]) => {
    if (settings === undefined) return [];
    const env = Object.fromEntries(Object.keys(settings.env).map((key) => [key, '[hidden]']));
    return [[name, { ...settings, env }] as const];
  });
  return Object.fromEntries(shown);
}
