/** The wiring: every activity with what it needs. */
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { createCiActivities } from '../activities/ci/ci-activities.ts';
import { createCiWaits } from '../activities/ci/ci-waits.ts';
import type { Ci, Cis } from '../activities/ci/ci.ts';
import { createLocalCi } from '../activities/ci/local/local-ci.ts';
import { createLooks } from '../activities/ci/looks.ts';
import { createPollBudget } from '../activities/ci/poll-budget.ts';
import { createStatusCi } from '../activities/ci/status-ci.ts';
import { besideWoodpecker } from '../activities/ci/woodpecker/woodpecker.ts';
import { KeyedLock } from '../activities/keyed-lock.ts';
import type { DataPaths } from '../activities/data-paths.ts';
import { createEffects } from '../activities/effects.ts';
import { createCredentials, type StoredCredentials } from '../activities/forge/credentials.ts';
import { createMilestoneActivities } from '../activities/forge/milestone-activities.ts';
import { createForgeActivities } from '../activities/forge/forge-activities.ts';
import type { Forge, Forges } from '../activities/forge/forge.ts';
import { ForgeNewsHub } from '../activities/forge/forge-news.ts';
import { createGitSettings } from '../activities/forge/git-settings.ts';
import { appTokenOf, createApps, type Apps } from '../activities/forge/github/apps.ts';
import { createLocalForge } from '../activities/forge/local/local-forge.ts';
import { LocalStore } from '../activities/forge/local/local-store.ts';
import { createRemoteForges, type RemoteForges } from '../activities/forge/remote-forges.ts';
import { createRestForge } from '../activities/forge/rest/rest-forge.ts';
import { createDeliveryActivities } from '../activities/git/delivery-activities.ts';
import { createGit } from '../activities/git/git.ts';
import { createWorkspace } from '../activities/git/workspace.ts';
import { createMergeActivities } from '../activities/merge/merge-activities.ts';
import { createRequestMerge } from '../activities/merge/request-merge.ts';
import type { InUse } from '../activities/in-use.ts';
import { createOpenTerminal } from '../activities/fleet/session-terminals.ts';
import type { Programs } from '../activities/processes/programs.ts';
import { createSpawner, type Spawner } from '../activities/processes/spawning.ts';
import { createProcesses } from '../activities/processes/supervise.ts';
import { createHostRecords } from '../activities/record/host-records.ts';
import { createRecordActivities } from '../activities/record/record-activities.ts';
import { builtInEngines, type Engines } from '../activities/review/engines.ts';
import { createDisputeActivities } from '../activities/review/dispute-activities.ts';
import { createReadings } from '../activities/review/readings.ts';
import { createReviewActivities } from '../activities/review/review-activities.ts';
import { createAgents, type Agents } from '../activities/sessions/agents.ts';
import { runtimes } from '../activities/sessions/runtimes/runtimes.ts';
import { createTellQuestion } from '../activities/sessions/acp/questions.ts';
import { createRoom } from '../activities/sessions/room.ts';
import { createSessionRuns, type SessionRuns } from '../activities/sessions/session-runs.ts';
import { createPlaceActivities } from '../activities/sessions/place-activities.ts';
import { createScrub, rosterSecrets, type Scrub } from '../activities/scrub.ts';
import { createSessionActivities, type Commands } from '../activities/sessions/session-activities.ts';
import { createAskTemporal } from '../activities/sweep/ask-temporal.ts';
import { createMirrors } from '../activities/sweep/mirrors.ts';
import type { Keep } from '../activities/sweep/rules.ts';
import { createSweepActivities } from '../activities/sweep/sweep-host.ts';
import { NotificationKind } from '../schema/contracts/notify.ts';
import type { PlannedRepository } from '../schema/contracts/plan.ts';
import type { Database, Queries } from '../schema/db/database.ts';
import type { Roster } from '../schema/contracts/roster.ts';
import { builtFolder } from '../schema/package-root.ts';
import type {
  CiActivities,
  ForgeActivities,
  HostActivities,
  HostRecords,
  MergeActivities,
  MilestoneActivities,
  PlaceActivities,
  RecordActivities,
  SweepActivities,
} from '../workflows/ports.ts';
import type { Closers } from './closers.ts';
import type { EngineConfig } from './engine-config.ts';
import type { Log } from './log.ts';

export type ControlActivities = CiActivities &
  ForgeActivities &
  MergeActivities &
  MilestoneActivities &
  PlaceActivities &
  RecordActivities;

export function knownEngines(config: EngineConfig): Engines {
  return new Map([...builtInEngines(builtFolder()), ...Object.entries(config.engines)]);
}

export function knownCommands(config: EngineConfig): Commands {
  return new Map(Object.entries(config.commands));
}

export function knownAgents(roster: Roster): Agents {
  return createAgents({ runtimes, roster, acpClient: join(builtFolder(), 'acp-client.js') });
}

/** What a process knows of forges that are asked over HTTP. */
export interface KnownForges {
  credentials: StoredCredentials;
  apps: Apps;
  remote: RemoteForges;
}

/** Once in a process: an account has one pace, one cache of answers and one token at a time. */
export function knownForges(paths: Pick<DataPaths, 'forgeTokens'>): KnownForges {
  const credentials = createCredentials({ path: paths.forgeTokens });
  const apps = createApps();
  return { credentials, apps, remote: createRemoteForges({ credentials, apps }) };
}

/**
 * Knows the secrets of this process, those that the operator gives to agents, and the tokens for forges. One that is
 * renewed later counts from the next start.
 */
export async function knownScrub(of: {
  roster: Roster;
  credentials: Pick<StoredCredentials, 'secrets'>;
}): Promise<Scrub> {
  const tokens = await of.credentials.secrets();
  return createScrub(process.env, [...rosterSecrets(of.roster), ...tokens]);
}

function keepOf({ keep }: EngineConfig): Keep {
  const hour = 3_600_000;
  return {
    cloneMs: keep.cloneHours * hour,
    outputMs: keep.days * 24 * hour,
    auditMs: keep.auditDays * 24 * hour,
    bytes: keep.gigabytes * 1024 ** 3,
  };
}

export function openSpawner(closers: Closers): Spawner {
  const spawner = createSpawner({ program: join(builtFolder(), 'spawner.js') });
  closers.add(() => spawner.close());
  return spawner;
}

/** What wakes those who wait for a forge: a webhook may have come to any process that shares the database. */
export async function startForgeNews(of: { database: Database; closers: Closers }): Promise<ForgeNewsHub> {
  const hub = new ForgeNewsHub();
  await hub.start(of.database);
  of.closers.add(() => hub.stop());
  return hub;
}

/** What a task does where its clone is. It needs neither the database nor the forge's API. */
export type CloneActivities = Omit<HostActivities, 'review' | 'judgeDisputes'>;

interface CloneDeps {
  paths: DataPaths;
  config: EngineConfig;
  agents: Agents;
  roster: Roster;
  log: Pick<Log, 'warn'>;
  programs: Programs;
  client: Client;
  scrub: Scrub;
  knownForges: KnownForges;
}

/** With `leaseFile` what they run ends when that lease runs out. */
export function createCloneActivities(deps: CloneDeps & { leaseFile: string }): CloneActivities {
  const tools = createTools(deps);
  return cloneActivities(deps, tools, sessionRuns(deps, tools));
}

type Tools = ReturnType<typeof createTools>;

function createTools(
  of: Pick<CloneDeps, 'paths' | 'config' | 'roster' | 'log' | 'programs' | 'knownForges'> & {
    leaseFile?: string;
  },
) {
  const { paths, config, roster, log, programs, leaseFile } = of;
  const { credentials, apps } = of.knownForges;
  const remoteSettings = createGitSettings({ credentials, appToken: appTokenOf(apps) });
  const git = createGit({ configFile: paths.gitConfig, programs, remoteSettings });
  return {
    git,
    workspace: createWorkspace({ git, paths }),
    processes: createProcesses({
      runner: join(builtFolder(), 'runner.js'),
      openTerminal: createOpenTerminal({ roster, data: paths.root, programs }),
      programs,
      warn: (message) => log.warn(message),
      leaseFile,
    }),
    room: createRoom({ root: paths.root, ...config.disk }),
    taskTurns: new KeyedLock(),
  };
}

/** What authors and reviewers have in common. */
function sessionRuns({ client, paths, agents, scrub }: CloneDeps, { processes, room }: Tools): SessionRuns {
  const tellQuestion = createTellQuestion({ client });
  return createSessionRuns({ paths, processes, agents, tellQuestion, scrub, room });
}

function cloneActivities(deps: CloneDeps, tools: Tools, runs: SessionRuns): CloneActivities {
  const { paths, config } = deps;
  return {
    ...createSessionActivities({ ...tools, runs, paths, commands: knownCommands(config) }),
    ...createDeliveryActivities({ ...tools, paths }),
  };
}

/** What any of the listeners wants to be told. */
function toldOutside({ notify }: Pick<EngineConfig, 'notify'>): ReadonlySet<NotificationKind> {
  return new Set(notify.flatMap(({ events }) => events ?? NotificationKind.options));
}

export function createActivities(deps: {
  client: Client;
  queries: Queries;
  paths: DataPaths;
  config: EngineConfig;
  agents: Agents;
  roster: Roster;
  log: Pick<Log, 'warn'>;
  tenant: string;
  programs: Programs;
  scrub: Scrub;
  inUse: InUse;
  knownForges: KnownForges;
  forgeNews: ForgeNewsHub;
}): { control: ControlActivities & HostRecords; host: HostActivities; sweep: SweepActivities } {
  const { client, queries, paths, config, tenant, scrub, inUse } = deps;
  const tools = createTools(deps);
  const { git, workspace, processes, room } = tools;
  const runs = sessionRuns(deps, tools);
  const store = new LocalStore({ queries, tenant });
  const effects = createEffects({ queries });
  const { credentials, remote } = deps.knownForges;
  const shared = { git, workspace, effects, tenant };
  const forgeDrivers: Record<PlannedRepository['forge'], Forge> = {
    local: createLocalForge({ git, store, effects, tenant }),
    gitea: createRestForge({ ...remote.gitea, ...shared }),
    github: createRestForge({ ...remote.github, ...shared }),
  };
  const forges: Forges = ({ forge }) => forgeDrivers[forge];
  const budget = createPollBudget();
  const looks = createLooks({ budget });
  const looking = { forges: looks.shareForges(forges), workspace: looks.shareWorkspace(workspace) };
  const statuses = besideWoodpecker({ credentials, statuses: looking.forges, looks });
  const statusCi = createStatusCi({ ...looking, forges: statuses, git, scrub });
  const ciDrivers: Record<PlannedRepository['forge'], Ci> = {
    local: createLocalCi({ git, workspace, store, paths, processes, room, scrub, inUse }),
    gitea: statusCi,
    github: statusCi,
  };
  const waits = createCiWaits({ news: deps.forgeNews, budget });
  const cis: Cis = ({ forge }) => ciDrivers[forge];
  const readings = createReadings({ git, workspace, paths, runs, engines: knownEngines(config) });
  const forgeActivities = createForgeActivities({ forges, cis });
  return {
    control: {
      ...createRecordActivities({ queries, outside: toldOutside(config) }),
      ...createHostRecords({ queries }),
      ...forgeActivities,
      ...createMilestoneActivities({ forges, workspace }),
      ...createCiActivities({ cis, workspace: looking.workspace, looks, waits }),
      ...createMergeActivities({ git, forges, workspace }),
      ...createRequestMerge({ client }),
      ...createPlaceActivities({ queries, client, roster: deps.roster }),
    },
    host: {
      ...cloneActivities(deps, tools, runs),
      ...createReviewActivities({ git, forges, workspace, readings, scrub }),
      ...createDisputeActivities({ readings, scrub }),
    },
    sweep: createSweepActivities({
      ...{ tenant, queries, paths, git, processes, inUse },
      mirrors: createMirrors({ git, workspace, paths }),
      forge: forgeActivities,
      keep: keepOf(config),
      askTemporal: createAskTemporal({ client }),
      upSince: Date.now(),
    }),
  };
}
