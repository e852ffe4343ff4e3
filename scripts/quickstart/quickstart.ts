/** One command that shows everything: an engine, a repository, a mission on it, merged and verified. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readAddress } from '../../workers/data-directory.ts';
import { createApi, findApi, type Api, type MissionWithTasks } from '../cli/api-client.ts';
import { followMission } from '../cli/follow.ts';
import { exitCodes, failWith, print } from '../cli/output.ts';
import { timelineLine } from '../cli/timeline.ts';
import { findServer } from '../toolchain.mjs';
import { Coordinator } from './coordinator.ts';
import { CrashPlan } from './crash.ts';
import { EngineProcess } from './engine-process.ts';
import { makeExample, type Example } from './example.ts';
import {
  countInDataDirectory,
  countInGit,
  countInHistory,
  countLaunches,
  faults,
  type Evidence,
} from './proof.ts';
import { isAllMerged, makeReport } from './report.ts';

interface Options {
  json?: boolean;
  keep?: boolean;
  crash?: boolean;
  data?: string;
}

type Say = (line: string) => void;

const program = new Command('quickstart')
  .description('Start an engine, make a small repository, and run a mission of five tasks on it')
  .option('--json', 'print one JSON object as the last line of standard output, and nothing else there')
  .option('--keep', 'leave the engine running')
  .option(
    '--crash',
    'kill the engine in a live session and again between pull request and merge, and prove by counting that nothing was lost or done twice',
  )
  .option('--data <dir>', 'the engine’s data directory; without it a temporary one, removed at the end')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run quickstart\n  npm run quickstart -- --crash\n  npm run quickstart -- --keep --data ./quickstart-data',
  );

try {
  await quickstart(program.parse().opts<Options>());
} catch (error) {
  failWith(error);
}

async function quickstart(options: Options): Promise<void> {
  const say: Say = (line) => (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const began = Date.now();
  // Found before anything is made, and said aloud; the engine then has it in the cache.
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given) say(`Temporal server: TEMPORAL_ADDRESS is ${given}`);
  else await findServer('cli', say);
  const temporary = options.data === undefined && !options.keep;
  const folder = await dataFolder(options);
  const key = `greetings-${began.toString(36)}`;
  const work = join(folder, 'quickstart', key);
  await mkdir(work, { recursive: true });
  const engine = new EngineProcess({ data: folder, roots: [work] });
  process.once('SIGINT', () => void engine.stop().finally(() => process.exit(130)));

  say('starting the engine (the first time it makes its database) …');
  const { url, temporal, temporalUi } = await engine.start();
  try {
    say(`API docs     ${url}/docs`);
    say(`Temporal UI  ${temporalUi ?? `of ${temporal}`}`);
    const example = await makeExample({ folder: work, key, coordinator: key, slow: options.crash ?? false });
    const { found, crashes } = await runMission({ folder, key, example, engine, options, say });
    const proven = !crashes || (await prove({ folder, key, example, found, engine, crashes, options, say }));
    const report = makeReport(found, { wallMs: Date.now() - began, temporalUi });
    const merged = isAllMerged(report);
    say(`${merged ? '' : 'NOT '}all tasks are merged and verified`);
    if (options.keep) await sayHowToStop(folder, say);
    if (options.json) print(JSON.stringify(report));
    process.exitCode = merged && proven ? exitCodes.ok : exitCodes.failed;
  } finally {
    if (!options.keep) await engine.stop();
  }
  if (!temporary) return;
  if (process.exitCode === exitCodes.ok) await rm(folder, { recursive: true, force: true });
  else say(`the data directory is kept: ${folder}`);
}

async function dataFolder(options: Options): Promise<string> {
  if (options.data === undefined) return mkdtemp(join(tmpdir(), 'mission-quickstart-'));
  await mkdir(resolve(options.data), { recursive: true });
  return resolve(options.data);
}

async function runMission(of: {
  folder: string;
  key: string;
  example: Example;
  engine: EngineProcess;
  options: Options;
  say: Say;
}): Promise<{ found: MissionWithTasks; crashes: CrashPlan | undefined }> {
  const { folder, key, example, engine, options, say } = of;
  const admin = await findApi(folder);
  const token = await admin.createToken({
    name: key,
    scopes: ['missions:read', 'missions:write', 'merge:approve'],
  });
  // An engine that was killed comes back on another port.
  const api = async (): Promise<Api> =>
    createApi({ url: (await readAddress(folder))?.url ?? admin.url, token });
  await (await api()).create(JSON.stringify(example.missionFile), 'application/json');
  say(`mission      ${key}`);

  const goAheads = new Coordinator({ api, mission: key });
  const { launches, repository } = example;
  const crashes = options.crash ? new CrashPlan({ engine, launches, repository, say }) : undefined;
  let startedAt: number | undefined;
  await followMission({
    findApi: api,
    id: key,
    onEvent: (event) => {
      startedAt ??= event.at;
      say(timelineLine(event, startedAt));
      goAheads.hear(event);
      crashes?.hear(event);
    },
  });
  await Promise.all([goAheads.done(), crashes?.done()]);
  return { found: await (await api()).show(key), crashes };
}

async function prove(of: {
  folder: string;
  key: string;
  example: Example;
  found: MissionWithTasks;
  engine: EngineProcess;
  crashes: CrashPlan;
  options: Options;
  say: Say;
}): Promise<boolean> {
  const { folder, example, found, engine, crashes, say } = of;
  const evidence: Evidence = { mission: of.key, tasks: found.tasks, ...example };
  const address = await readAddress(folder);
  if (!address) throw new Error('the engine has no address: it is not up');
  const counts = [
    { what: 'crashes', found: crashes.crashes.length, expected: 2 },
    ...(await countInGit(evidence)),
    ...(await countLaunches(evidence)),
    ...(await countInHistory({ ...evidence, address, repositoryId: found.mission.repository.id })),
  ];
  await engine.stop();
  counts.push(...(await countInDataDirectory(folder, evidence)));
  if (of.options.keep) await engine.start();
  for (const crash of crashes.crashes) say(`crash: ${crash.point}, task ${crash.task}`);
  for (const count of counts) {
    const verdict = count.found === count.expected ? 'ok' : `WRONG, expected ${count.expected}`;
    say(`count: ${count.what}: ${count.found} ${verdict}`);
  }
  const wrong = faults(counts).length;
  say(
    wrong === 0
      ? `proof: ${counts.length} counts, nothing lost, nothing done twice`
      : `proof: ${wrong} counts are WRONG`,
  );
  return wrong === 0;
}

async function sayHowToStop(folder: string, say: Say): Promise<void> {
  const address = await readAddress(folder);
  if (!address) return;
  say(`the engine stays up at ${address.url}, its data in ${folder}; stop it with: kill -INT ${address.pid}`);
}
