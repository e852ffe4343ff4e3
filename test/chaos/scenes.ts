/** The missions that the engine dies in. */
import { stringify } from 'yaml';
import { createApi, type Api } from '../../scripts/cli/api-client.ts';
import { Coordinator, mayPass } from '../../scripts/quickstart/coordinator.ts';
import { entersGate, type MissionEvent } from '../../schema/contracts/views.ts';
import { startKillableEngine, type KillableEngine } from '../support/engine-process.ts';
import { startListener, type Heard } from '../support/listener.ts';
import type { AtEnd } from '../support/temporary.ts';

/** What an engine is run with. */
export interface Stage {
  command: readonly string[];
  atEnd: AtEnd;
}

/** A mission `m`, its engine, and who is about. */
export interface Scene {
  at: KillableEngine;
  /** Each script notes its session there. */
  start: (launches: string) => Promise<void>;
  persons: Listening[];
  /** What somebody outside was told, in the order of its coming. */
  heard: readonly Heard[];
  isAllTold: () => boolean;
}

/** Says what the mission asks for. */
interface Listening {
  hear(event: MissionEvent): void;
  /** Resolves when all that was heard is answered, rejects when something could not be. */
  done(): Promise<void>;
}

/** Two tasks side by side: the one that does not die with the engine has to come through as well. */
export async function twoTasks(stage: Stage): Promise<Scene> {
  const at = await startKillableEngine(stage);
  const persons = [new Coordinator({ api: at.api, mission: 'm' })];
  return { at, start, persons, heard: [], isAllTold: () => true };

  async function start(launches: string): Promise<void> {
    const script = (task: string): string => `echo "$MISSION_SESSION" >> '${launches}'
echo done > ${task}.txt
git add --all
git commit --quiet --message 'Work'
`;
    const scripts = { A: script('A'), B: script('B') };
    await at.startMission({ key: 'm', scripts, policy: { coordinators: ['test'] } });
  }
}

/** Deletes a test and insists on it, then disputes what is found. In the task that comes of that it mends it. */
const author = `if [ "$MISSION_TASK" != A ]; then
  echo mended > b.txt
elif [ "$MISSION_LAUNCH" -lt 3 ]; then
  rm -f keep.test.js
  echo "$MISSION_LAUNCH" > a.txt
else
  id=$(sed -n 's/^- \\(f-[0-9a-f]*\\) .*/\\1/p' "$MISSION_PROMPT_FILE")
  echo '[{"id":"'"$id"'","answer":"disputed","because":"it greets"}]' > "$MISSION_FINDINGS_FILE"
  exit
fi
git add --all
git commit --quiet --message Work
`;

const finding = {
  severity: 'blocker',
  category: 'bug',
  file: 'a.txt',
  line: 1,
  message: 'it does not greet',
};

/** Objects until its finding was put off. */
const reviewer = `if grep -q 'deferred by' || [ -e b.txt ]; then
  echo '${JSON.stringify({ verdict: 'approve', summary: 'fine', findings: [] })}'
else
  echo '${JSON.stringify({ verdict: 'request-changes', summary: 'not yet', findings: [finding] })}'
fi
`;

/** What they are told of in `decisions`, in the order of the alphabet. */
export const notified = ['asked', 'asked', 'go-ahead-wanted', 'mission-ended'];

/** One task asks all that there is to ask: about a law, a dispute, and for a go-ahead of two. Another comes of that. */
export async function decisions(stage: Stage): Promise<Scene> {
  const listener = await startListener(stage.atEnd);
  const { heard } = listener;
  const notify = [{ url: listener.url, secretFile: 'secret' }];
  const engines = { picky: { family: 'house', argv: ['sh', '-c', reviewer] } };
  const at = await startKillableEngine({
    ...stage,
    files: { 'keep.test.js': "it('greets', () => expect(1).toBe(1));\n" },
    settings: {
      'engine.yaml': stringify({ allowPrivateAddresses: true, notify, engines }),
      secret: 'nobody knows it',
    },
  });
  const persons = [await Person.named('ann', at), await Person.named('bob', at)];
  return { at, start, persons, heard, isAllTold };

  async function start(launches: string): Promise<void> {
    await at.startMission({
      key: 'm',
      scripts: { A: `echo "$MISSION_SESSION" >> '${launches}'\n${author}` },
      policy: { twoPersons: ['a.txt'], reviewers: [{ engine: 'picky' }, { engine: 'diff-check' }] },
    });
  }

  /** What was told and not known to be is due again within a minute. */
  function isAllTold(): boolean {
    const ids = new Set(heard.map(({ notification }) => notification.id));
    return ids.size >= notified.length && heard.length > ids.size;
  }
}

/** What is said to a question, by what it is about. */
const choices: Record<string, string> = { law: 'lift', conflict: 'defer' };

/** How soon an engine that was just killed is asked again. */
const againMs = 300;

/** Somebody who answers whatever the inbox asks. Who hears no answer says it again. */
class Person {
  readonly #api: () => Promise<Api>;
  #work: Promise<void> = Promise.resolve();

  private constructor(api: () => Promise<Api>) {
    this.#api = api;
  }

  static async named(name: string, at: KillableEngine): Promise<Person> {
    const token = await (await at.api()).createToken({ name, scopes: ['admin'] });
    return new Person(async () => createApi({ url: (await at.api()).url, token }));
  }

  hear(event: MissionEvent): void {
    if (event.type !== 'asked' && !entersGate(event, 'go-ahead')) return;
    this.#work = this.#work.then(() => this.#decide());
    // `done` tells; until it is asked nobody else would listen.
    this.#work.catch(() => undefined);
  }

  done(): Promise<void> {
    return this.#work;
  }

  async #decide(): Promise<void> {
    for (;;) {
      try {
        const api = await this.#api();
        const { items } = await api.inbox({ limit: 100, cursor: undefined });
        if (items.length === 0) return;
        for (const { id: item, about, mission: id, task, headSha } of items) {
          const choice = choices[about ?? ''];
          if (choice !== undefined) await api.answerItem({ item, choice, note: undefined });
          else await api.goAhead({ id, task: task ?? '', headSha: headSha ?? '' });
        }
      } catch (error) {
        // Somebody was first, or it was heard before though its answer was lost.
        if (!mayPass(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}
