import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Engine } from '../activities/review/engines.ts';
import { agentChoiceFields, SessionRuntime } from '../schema/contracts/agent.ts';
import { Name } from '../schema/contracts/names.ts';
import { NotificationKind } from '../schema/contracts/notify.ts';
import { isPrivateHost } from '../schema/contracts/repository-address.ts';

const family = z.string().min(1);

/** How strong it is, by the operator's own scale: higher is stronger; see `reviewerTier` of a mission's policy. */
const tier = z.int().min(1).max(100).optional();

const ProgramEngine = z.strictObject({ family, tier, argv: z.array(z.string()).min(1) });

const AgentEngine = z.strictObject({ family, tier, ...agentChoiceFields, runtime: SessionRuntime });

/** Judged as what it is meant to be, so that a refusal names the key. */
const WrittenEngine = z.looseObject({}).transform((written, context): Engine => {
  const parsed = ('runtime' in written ? AgentEngine : ProgramEngine).safeParse(written);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

const Settings = z.strictObject({
  /** Folders that local repositories and scripts may lie in. Relative to the file. */
  roots: z.array(z.string().min(1)).default([]),
  /** Whether repositories on private networks may be named. */
  allowPrivateAddresses: z.boolean().default(false),
  /** Programs that the runtime `command` may run, each as its argument vector. */
  commands: z.record(Name, z.array(z.string()).min(1)).default({}),
  /**
   * Sessions, checks and reviews that may run on this machine at the same time, of all missions together. The default
   * is two for each processor: agents mostly wait for their models.
   */
  slots: z
    .int()
    .min(1)
    .max(1_000)
    .default(() => Math.max(4, availableParallelism() * 2)),
  /** What a task may ask of this machine by name: `gpu`, say. */
  labels: z.array(Name).max(50).default([]),
  /** Reviewers beside the built-in ones: programs, and coding agents. */
  engines: z.record(Name, WrittenEngine).default({}),
  /** How long and how much of what has ended is kept; see `activities/sweep/rules.ts`. */
  keep: z
    .strictObject({
      /** Output of sessions, checks and CI: long enough to ask what an agent did last month. */
      days: z.int().min(1).max(3_650).default(30),
      /** What is left of these then: prompt, result and environment's names. A year, for an audit. */
      auditDays: z.int().min(1).max(36_500).default(365),
      /** All of it together; above this the output of the oldest goes first. A session may have 64 MiB. */
      gigabytes: z.number().min(0).max(100_000).default(20),
      /** Clones of tasks that were ended from outside: somebody may notice, and reset the task within a day. */
      cloneHours: z.number().min(0).max(87_600).default(24),
    })
    .prefault({}),
  /** What sessions may take of the disk that the data directory is on; see `activities/sessions/room.ts`. */
  disk: z
    .strictObject({
      /** Below it no session begins. The engine does not start with less, and sweeps below twice as much. */
      freeGigabytes: z.number().min(0).max(100_000).default(1),
      /** Clone and home of one task; above it its session is ended. Dependencies and builds seldom take half of it. */
      sessionGigabytes: z.number().positive().max(100_000).default(20),
    })
    .prefault({}),
  /**
   * Calls of the API in a minute, for each token, and for each address that has no valid one. Ten a second: a fleet's
   * tools that ask for every task do not feel it, and a loop gone wild leaves the engine to the others.
   */
  requestsPerMinute: z.int().min(1).max(1_000_000).default(600),
  /** Who is told what waits for a person, and what has ended. The same in every process that records missions. */
  notify: z
    .array(
      z.strictObject({
        /** https, or http to a private address. */
        url: z.string().min(1).max(2_000),
        /** What signs each call: a file that you alone can read. Relative to this one. */
        secretFile: z.string().min(1).max(1_000),
        /** Without it: all of them. */
        events: z
          .array(NotificationKind.exclude(['test']))
          .min(1)
          .optional(),
      }),
    )
    .max(10)
    .default([]),
});

/** What the operator allows, in `<data>/engine.yaml`. Missions can name these things, never define them. */
export const EngineConfig = Settings.superRefine(({ notify, allowPrivateAddresses }, context) => {
  for (const [index, { url }] of notify.entries()) {
    const message = faultOfListener(url, allowPrivateAddresses);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['notify', index, 'url'], message });
  }
});
export type EngineConfig = z.infer<typeof EngineConfig>;

function faultOfListener(text: string, privateAddresses: boolean): string | undefined {
  if (!URL.canParse(text)) return 'this is no address';
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return 'it has credentials in it: the signature says who calls';
  const isPrivate = isPrivateHost(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && isPrivate)) return 'take https';
  if (!isPrivate || privateAddresses) return undefined;
  return 'this is a private address: set allowPrivateAddresses';
}

/** Reads `engine.yaml`, where there is one, and adds the roots that the command line names. */
export async function readEngineConfig(of: {
  data: string;
  roots: readonly string[];
}): Promise<EngineConfig> {
  const path = join(of.data, 'engine.yaml');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const parsed = EngineConfig.safeParse(readYaml(path, text) ?? {});
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const fromFile = config.roots.map((root) => resolve(dirname(path), root));
  const notify = config.notify.map((one) => ({
    ...one,
    secretFile: resolve(dirname(path), one.secretFile),
  }));
  return { ...config, notify, roots: [...fromFile, ...of.roots.map((root) => resolve(root))] };
}

function readYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : 'it is no YAML'}`);
  }
}
