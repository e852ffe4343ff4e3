import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { builtFolder, packageRoot } from '../../schema/package-root.ts';
import { workerTracing } from '../../workers/tracing.ts';

const folder = join(packageRoot(), 'test/histories');
const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
const workflowBundle = { codePath: join(builtFolder(), 'workflow-bundle.js') };

const History = z.looseObject({
  events: z.array(
    z.looseObject({
      workflowExecutionStartedEventAttributes: z.looseObject({ workflowId: z.string() }).optional(),
    }),
  ),
});

/** Under its own id: workflows make the ids of their requests from it. */
async function replay(history: z.infer<typeof History>): Promise<void> {
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  const { sinks } = workerTracing();
  await Worker.runReplayHistory({ workflowBundle, ...(sinks ? { sinks } : {}) }, history, workflowId);
}

async function readHistory(name: string): Promise<z.infer<typeof History>> {
  return History.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
}

describe('recorded histories', () => {
  it('are there for each workflow', () => {
    for (const type of ['missionWorkflow', 'taskWorkflow', 'mergeLaneWorkflow', 'hostWorkflow']) {
      expect(files.filter((name) => name.includes(type))).not.toEqual([]);
    }
  });

  it.each(files)('%s replays on the workflows of today', async (name) => {
    await replay(await readHistory(name));
  });

  it('would not replay if a step had changed: the check can fail', async () => {
    const name = files.find((file) => file.includes('taskWorkflow')) ?? '';
    const history = await readHistory(name);
    const altered = History.parse(
      JSON.parse(JSON.stringify(history).replaceAll('"runSession"', '"somethingElse"')),
    );
    await expect(replay(altered)).rejects.toThrow(/[Nn]ondeterminism/);
  });
});
