import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { readAmendment } from './files.ts';

describe('an amendment from a file', () => {
  it('means the paths of its scripts from where it lies', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'changes.yaml');
    const task = { id: 'T-2', title: 'Two', goal: 'Do it.', runtime: 'script', script: './t-2.sh' };
    const changes = [
      { change: 'add', milestone: 'm1', task },
      { change: 'edit', task: 'T-1', set: { script: 'scripts/t-1.sh' } },
      { change: 'defer', task: 'T-3' },
    ];
    await writeFile(path, stringify({ reason: 'more', changes }));
    expect((await readAmendment(path)).changes).toMatchObject([
      { task: { script: join(folder, 't-2.sh') } },
      { set: { script: join(folder, 'scripts/t-1.sh') } },
      { task: 'T-3' },
    ]);
  });

  it.each([
    { name: 'is no YAML', text: 'reason: [', says: /changes\.yaml is neither YAML nor JSON: .*$/ },
    { name: 'is empty', text: '', says: /changes\.yaml: the file: .*$/ },
    { name: 'has a fault', text: 'reason: r\nchanges: [{change: defer}]', says: /: changes\.0\.task: .*$/ },
  ])('that $name is told in one line', async ({ text, says }) => {
    const path = join(await temporaryFolder(), 'changes.yaml');
    await writeFile(path, text);
    await expect(readAmendment(path)).rejects.toThrow(says);
  });

  it('that is not there is told in one line', async () => {
    await expect(readAmendment('/nowhere/changes.yaml')).rejects.toThrow(
      '/nowhere/changes.yaml can not be read (ENOENT): check the path',
    );
  });
});
