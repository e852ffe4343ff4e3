import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { freePort } from '../../workers/temporal-server.ts';
import type { GiteaServer } from '../../scripts/gitea-server.ts';
import type { RestWorld } from './forge-worlds.ts';
import type { CiBeside } from './gitea-missions.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';
import { until } from './until.ts';

const program = inject('buildbot');

/** Whether tests with Buildbot are skipped here. */
export const noBuildbot = program === undefined && process.env['REQUIRE_ALL'] !== '1';
export const whyNoBuildbot = 'no Buildbot can be had here: it needs Python with venv, and pip’s registry';

/** The context that it reports. */
const context = 'bb/test';

/** A real Buildbot that runs `ci.sh` of whatever is pushed. It reports as Gitea's admin, who may do so everywhere. */
export async function startBuildbot(of: { gitea: GiteaServer; atEnd?: AtEnd }): Promise<CiBeside> {
  if (program === undefined) throw new Error(whyNoBuildbot);
  const { gitea, atEnd } = of;
  const root = await temporaryFolder(atEnd);
  const secret = randomBytes(16).toString('hex');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: root, LANG: 'C.UTF-8' };
  const made = spawnSync(program, ['create-master', '--quiet', '.'], { cwd: root, env, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`buildbot create-master: ${made.stderr}${made.stdout}`);
  await writeFile(
    join(root, 'master.cfg'),
    settings({ gitea: gitea.url, token: gitea.admin.token, secret, port }),
  );
  const out = openSync(join(root, 'out.log'), 'a');
  const args = ['--nodaemon', '--no_save', '--pidfile=', '--python', 'buildbot.tac'];
  const server = spawn(join(dirname(program), 'twistd'), args, {
    ...{ cwd: root, env },
    stdio: ['ignore', out, out],
  });
  const ended = once(server, 'exit');
  atEnd?.(stop);
  await until(async () => server.exitCode !== null || (await answers()));
  if (server.exitCode !== null) {
    throw new Error(`Buildbot has ended: ${await readFile(join(root, 'twistd.log'), 'utf8')}`);
  }
  return { contexts: [context], watch };

  function answers(): Promise<boolean> {
    return fetch(`${url}/api/v2/builds`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async function stop(): Promise<void> {
    server.kill('SIGTERM');
    await ended;
  }

  async function watch({ path }: RestWorld): Promise<void> {
    const config = { url: `${url}/change_hook/gitea`, content_type: 'json', secret };
    const body = { type: 'gitea', config, events: ['push'], active: true };
    await gitea.call({ as: gitea.admin, method: 'POST', path: `${path}/hooks`, body });
  }
}

function settings(of: { gitea: string; token: string; secret: string; port: number }): string {
  const { gitea, token, secret, port } = of;
  return `
from buildbot.plugins import *

# Two, so that two branches are built side by side.
workers = ['one', 'two']
factory = util.BuildFactory([
    steps.Git(
        repourl=util.Interpolate('${gitea}/%(prop:owner)s/%(prop:repository_name)s'),
        mode='full', method='clobber', haltOnFailure=True),
    steps.ShellCommand(name='ci.sh', command=['sh', 'ci.sh']),
])
c = BuildmasterConfig = {
    'buildbotNetUsageData': None,
    'buildbotURL': 'http://127.0.0.1:${port}/',
    'db_url': 'sqlite:///state.sqlite',
    # Each commit is built for itself, as the engine waits for each.
    'collapseRequests': False,
    'protocols': {'null': {}},
    'workers': [worker.LocalWorker(name) for name in workers],
    # Tags come as branches do; a build of one would have its commit pending again.
    'schedulers': [schedulers.AnyBranchScheduler(
        name='pushes', builderNames=['test'],
        change_filter=util.ChangeFilter(branch_re='^(main|mission/.*)$'))],
    'builders': [util.BuilderConfig(name='test', workernames=workers, factory=factory)],
    'services': [reporters.GiteaStatusPush(baseURL='${gitea}', token='${token}', context='${context}')],
    'www': {
        'port': 'tcp:${port}:interface=127.0.0.1',
        'change_hook_dialects': {'gitea': {'secret': '${secret}', 'onlyIncludePushCommit': True}},
    },
}
`;
}
