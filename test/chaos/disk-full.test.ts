import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exists } from '../../activities/files.ts';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import { startKillableEngine } from '../support/engine-process.ts';
import { mayMount, mountSmallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

describe.skipIf(!mayMount())('a full disk (needs user namespaces)', () => {
  it('under a session costs the session at most: when there is room again, the mission goes on', async () => {
    const disk = await mountSmallDisk(1_400);
    const at = await startKillableEngine({
      place: { data: join(disk.outside, 'data'), dataForEngine: join(disk.inside, 'data') },
      settings: { 'engine.yaml': JSON.stringify({ disk: { freeGigabytes: 0.2 } }) },
      command: [...disk.enter, ...builtProgram('mission', 'up')],
    });
    const launched = join(at.work, 'launched');
    const go = join(at.work, 'go');
    const script = `echo "$MISSION_SESSION" >> '${launched}'
until [ -e '${go}' ]; do sleep 0.1; done
echo done > file.txt
git add --all
git commit --quiet --message 'Work'
`;
    await at.startMission({ key: 'full', scripts: { A: script } });
    await until(() => exists(launched));
    await disk.fill();
    await writeFile(go, '');
    // The log lies on the full disk too; the page that it has begun takes a few lines more.
    const log = join(at.data, 'engine.log');
    await until(async () => (await readFile(log, 'utf8')).includes('Activity failed'));
    expect(await launches()).toHaveLength(1);
    await disk.makeRoom();

    const events = await at.follow('full');
    expect(events.at(-1)).toMatchObject({ message: 'completed' });
    expect(await at.repository.history()).toHaveLength(2);
    const { tasks } = await (await at.api()).show('full');
    const authors = tasks.flatMap((task) => task.sessions).filter(({ role }) => role === 'author');
    expect((await launches()).sort()).toEqual(authors.map(({ id }) => id).sort());
    expect(tasks.map(({ status }) => status)).toEqual(['merged']);

    async function launches(): Promise<string[]> {
      return (await readFile(launched, 'utf8')).trim().split('\n');
    }
  }, 400_000);
});
