import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary.ts';
import { until } from './until.ts';

/** Nobody's account: a manager of its own disturbs none that runs on this machine. */
const nobody = 65_534;

const program = '/lib/systemd/systemd';
const cgroups = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'];

/** Why no systemd of a test's own can run here; undefined where it can. */
export function noUserSystemd(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const has = (...argv: [string, ...string[]]): boolean =>
    execaSync(argv[0], argv.slice(1), { reject: false }).exitCode === 0;
  if (!has('test', '-x', program)) return 'needs systemd';
  if (!cgroups.every((path) => has('test', '-w', join(path, 'cgroup.procs')))) return 'needs hybrid cgroups';
  if (has('test', '-d', '/run/systemd/system')) return 'would stand beside the systemd of this machine';
  return has('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/run/systemd')
    ? undefined
    : 'needs a mount namespace';
}

/** A systemd of a user's own, as `systemctl --user` speaks to it, in mount namespace and control groups of its own. */
export async function startUserSystemd(): Promise<{
  home: string;
  /** Runs a command as that user, and answers what it printed. */
  run: (...argv: [string, ...string[]]) => Promise<string>;
}> {
  const home = await temporaryFolder();
  await chmod(home, 0o700);
  await chown(home, nobody, nobody);
  const name = `test-${process.pid}-${Date.now()}`;
  const groups = cgroups.map((path) => join(path, name));
  const script = join(home, 'manager.sh');
  const enter = groups.map((path) => `echo $$ > ${path}/cgroup.procs`);
  const asUser = ['setpriv', '--reuid', `${nobody}`, '--regid', `${nobody}`, '--clear-groups'] as const;
  for (const path of groups) {
    await mkdir(path);
    await execa('chown', ['-R', `${nobody}:${nobody}`, path]);
  }
  // It asks whether the machine was booted with systemd, by this folder.
  const booted = ['mount -t tmpfs tmpfs /run/systemd', 'mkdir /run/systemd/system'];
  await writeFile(
    script,
    ['set -e', ...booted, ...enter, `exec ${asUser.join(' ')} ${program} --user`].join('\n'),
  );
  const env = { HOME: home, XDG_RUNTIME_DIR: home, PATH: '/usr/bin:/bin', USER: 'nobody' };
  const manager = spawn('unshare', ['--mount', 'sh', script], { env, stdio: 'ignore' });
  onTestFinished(async () => {
    await run('systemctl', '--user', 'exit').catch(() => undefined);
    manager.kill('SIGKILL');
    for (const path of groups) {
      await until(async () => {
        // Each time anew: what is ended may have started something since it was listed.
        const all = `for p in $(find ${path} -name cgroup.procs -exec cat {} +); do kill -9 $p; done`;
        await execa('sh', ['-c', all], { reject: false });
        const removed = await execa('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'], {
          reject: false,
        });
        return removed.stderr === '';
      });
    }
  });
  const state = () => run('systemctl', '--user', 'is-system-running').catch(() => '');
  await until(async () => (await state()) === 'running');
  return { home, run };

  async function run(...argv: [string, ...string[]]): Promise<string> {
    const entered = ['--mount', `--target=${manager.pid ?? 0}`, ...asUser, ...argv];
    return (await execa('nsenter', entered, { env, extendEnv: false })).stdout;
  }
}
