/** What the review gate adds to the time of its engines, and to the history of a task: see docs/benchmarks.md. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { taskWorkflowId } from '../../schema/contracts/names.ts';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import type { EngineAddress } from '../../workers/data-directory.ts';
import { findApi } from '../cli/api-client.ts';
import { followMission } from '../cli/follow.ts';
import type { Measure } from './measures.ts';
import { makeOwnEngine, makeRepository, type OwnEngine } from './own-engine.ts';
import { atMost, part, type Row } from './rows.ts';
import { median } from './statistics.ts';

/** Reviewers that read what they are told, and take a second for it. */
const approves = `cat > /dev/null; sleep 1; echo '{"verdict":"approve","summary":"read","findings":[]}'`;
const engines = {
  one: { family: 'one', argv: ['sh', '-c', approves] },
  two: { family: 'two', argv: ['sh', '-c', approves] },
};

/** What the author of each writes, as commands of a shell. */
const changes = {
  'a line': 'echo line > change.txt',
  '5,000 lines':
    'for file in 1 2 3 4 5 6 7 8 9 10; do seq 500 | sed "s/$/ is a line of a file/" > "$file.txt"; done',
  '2 MB': 'for file in 1 2 3 4 5; do head -c 419430 /dev/zero | tr "\\0" x > "$file.txt"; done',
};

interface Round {
  addedMs: number;
  events: number;
}

export const measureGate: Measure = async ({ quick, say }) => {
  const rounds = quick ? 1 : 5;
  const own = await makeOwnEngine({ config: { engines } });
  try {
    const address = await own.engine.start();
    const rows: Row[] = [];
    for (const [change, command] of Object.entries(changes)) {
      const path = await makeRepository(join(own.folder, change), { 'README.md': '# bench\n' });
      const found: Round[] = [];
      // The first is not counted: it loads what the others find loaded.
      for (let round = 0; round <= rounds; round++) {
        say(`gate: a change of ${change}, round ${round} of ${rounds}`);
        const key = `gate-${Object.keys(changes).indexOf(change)}-${round}`;
        const measured = await runRound({
          own,
          address,
          key,
          path,
          // In a folder of its own: what an earlier round has merged is no change any more.
          command: `mkdir ${key}\ncd ${key}\n${command}`,
        });
        if (round > 0) found.push(measured);
      }
      rows.push(
        atMost(1, {
          name: `a round of two reviewers of a change of ${change}, less the longer one's own time, median`,
          value: median(found.map(({ addedMs }) => addedMs)) / 1_000,
          unit: 's',
        }),
        part({
          name: '  the longest',
          value: Math.max(...found.map(({ addedMs }) => addedMs)) / 1_000,
          unit: 's',
        }),
        atMost(25, {
          name: `  events of it in the task's history, CI's among them, the most`,
          value: Math.max(...found.map(({ events }) => events)),
          unit: 'events',
        }),
      );
    }
    return rows;
  } finally {
    await own.remove();
  }
};

async function runRound(of: {
  own: OwnEngine;
  address: EngineAddress;
  key: string;
  path: string;
  command: string;
}): Promise<Round> {
  const { own, key } = of;
  const script = join(own.folder, `${key}.sh`);
  await writeFile(script, `set -eu\n${of.command}\ngit add --all\ngit commit --quiet --message Change\n`);
  const task = { id: 'T-1', title: 'Change', goal: 'Change it.', runtime: 'script', script };
  const file = {
    version: 1,
    key,
    title: 'A change',
    repository: { forge: 'local', path: of.path },
    policy: { reviewers: Object.keys(engines).map((engine) => ({ engine })) },
    milestones: [{ id: 'm1', title: 'All', tasks: [task] }],
  };
  const api = await findApi(own.data);
  const { id } = await api.create(JSON.stringify(file), 'application/json');
  const story: MissionEvent[] = [];
  await followMission({
    findApi: () => Promise.resolve(api),
    id,
    onEvent: (event) => void story.push(event),
  });
  const { mission, tasks } = await api.show(id);
  if (mission.status !== 'completed') throw new Error(`${id} ended as ${mission.status}`);
  const [reviewed] = tasks;
  const reviews = reviewed?.sessions.filter(({ role }) => role.startsWith('review-')) ?? [];
  if (reviews.length !== 2) throw new Error(`${id} had ${reviews.length} reviews in place of 2`);
  const longest = Math.max(...reviews.map(({ startedAt, endedAt }) => endedAt - startedAt));
  return { addedMs: gateMs(story) - longest, events: await eventsOf(of.address, id) };
}

/** From the gate of the reviewers to the next. */
function gateMs(story: readonly MissionEvent[]): number {
  const gates = story.filter(({ type }) => type === 'gate-entered');
  const index = gates.findIndex(({ message }) => message.startsWith('review-and-ci'));
  const [entered, left] = gates.slice(index);
  if (index < 0 || !entered || !left) throw new Error('no review has taken place');
  return left.at - entered.at;
}

/** From the step that reviewers are asked for in to the one that goes on with what they say. */
async function eventsOf(
  { temporal, namespace, installation }: EngineAddress,
  mission: string,
): Promise<number> {
  const connection = await Connection.connect({ address: temporal });
  try {
    const client = new Client({ connection, namespace });
    const id = taskWorkflowId({ installation, mission, task: 'T-1' });
    const { events } = await client.workflow.getHandle(id).fetchHistory();
    const all = events ?? [];
    const asked = all.flatMap(({ eventId, activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === 'review' ? [String(eventId)] : [],
    );
    const first = all.findIndex(({ eventId }) => String(eventId) === asked[0]);
    const last = all.findLastIndex(({ activityTaskCompletedEventAttributes: completed }) =>
      asked.includes(String(completed?.scheduledEventId)),
    );
    const next = all.findIndex((event, index) => index > last && event.workflowTaskCompletedEventAttributes);
    return next - first + 1;
  } finally {
    await connection.close();
  }
}
