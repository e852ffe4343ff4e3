import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { noBuildbot, startBuildbot, whyNoBuildbot } from '../support/buildbot.ts';
import { useDatabase } from '../support/databases.ts';
import { startGiteaMissions } from '../support/gitea-missions.ts';
import { useGitea } from '../support/gitea.ts';
import { runMission } from '../support/mission-command.ts';

const database = useDatabase('PGlite');
const gitea = useGitea();
beforeEach((context) => context.skip(noBuildbot, whyNoBuildbot));

/** Three tasks with a conflict and a remediation, each with some builds of Buildbot: two minutes on two busy cores. */
const missionMs = 360_000;

/** Changes the same line as the other: whoever comes second finds a conflict, and keeps both. Neither starts alone. */
function greets(of: { id: string; other: string; started: string; words: string }): string {
  const { id, other, started, words } = of;
  return `set -e
touch '${started}.${id}'
until test -e '${started}.${other}'; do sleep 0.1; done
if test "$MISSION_LAUNCH" = 1; then
  echo '${words}' > greeting.txt
  git commit --quiet --all --message '${words}'
else
  cp "$MISSION_PROMPT_FILE" '${started}.${id}.conflict'
  git merge --quiet origin/main || git show origin/main:greeting.txt > greeting.txt
  echo '${words}' >> greeting.txt
  git commit --quiet --all --message 'Both greetings'
fi
`;
}

/** Its first check is red wherever it runs. */
function checks(of: { seen: string }): string {
  return `set -e
if test "$MISSION_LAUNCH" = 1; then
  echo 'echo not greeted; exit 1' > checks/more.sh
else
  cp "$MISSION_PROMPT_FILE" '${of.seen}'
  echo 'test -s greeting.txt' > checks/more.sh
fi
git add --all
git commit --quiet --message 'One more check'
`;
}

it(
  'a mission on a real Gitea is merged by its rules: with a conflict, a red pipeline and reviews by an account',
  async () => {
    const buildbot = await startBuildbot({ gitea: gitea(), atEnd: onTestFinished });
    const at = await startGiteaMissions({ gitea: gitea(), ci: buildbot, queries: database().queries });
    const { address } = at.repository.planned;
    const hook = await runMission(['webhook', 'add', '--data', at.data, '--repository', address]);
    expect(hook.stderr).toBe('');
    expect(hook.stdout).toContain('is made');

    const started = join(at.work, 'started');
    const prompt = join(at.work, 'prompt');
    await at.startMission({
      key: 'greetings',
      scripts: {
        A: greets({ id: 'A', other: 'B', started, words: 'good morning' }),
        B: greets({ id: 'B', other: 'A', started, words: 'good evening' }),
        C: checks({ seen: prompt }),
      },
      policy: { requireCi: true },
      milestone: { verify: ['sh ci.sh'], release: { tag: 'v1.0.0' } },
    });
    const events = await at.follow('greetings');
    expect(events.at(-1)).toMatchObject({ message: 'completed' });

    const { tasks } = await (await at.api()).show('greetings');
    expect(tasks.map(({ id, status }) => `${id} ${status}`)).toEqual(['A merged', 'B merged', 'C merged']);
    const launches = (id: string) =>
      tasks.find((task) => task.id === id)?.sessions.filter(({ role }) => role === 'author').length;
    // One of the two was sent back with the conflict.
    expect([launches('A'), launches('B')].sort()).toEqual([1, 2]);
    const second = launches('A') === 2 ? 'A' : 'B';
    expect(await readFile(`${started}.${second}.conflict`, 'utf8')).toContain('greeting.txt');
    // Buildbot's word on the first head is what the next session was told.
    expect(launches('C')).toBe(2);
    expect(await readFile(prompt, 'utf8')).toContain('bb/test');

    const left = await at.lookAtAll();
    expect(left.issues.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
    expect(left.branches).toEqual(['main']);
    expect(left.verdict).toBe('success');
    expect(left.milestones).toEqual([{ title: 'All (greetings/m1)', state: 'closed' }]);
    expect(left.tags).toEqual([{ name: 'v1.0.0', sha: left.commits[0]?.sha }]);
    expect(left.releases).toEqual(['v1.0.0']);

    expect(left.pullRequests.map(({ title, merged }) => `${title} ${merged}`).sort()).toEqual([
      'A: Task A true',
      'B: Task B true',
      'C: Task C true',
    ]);
    // Beside them only the first commit and the pipeline's.
    expect(left.commits).toHaveLength(left.pullRequests.length + 2);
    for (const { head, files, mergeSha, reviews } of left.pullRequests) {
      expect(left.commits.map(({ sha }) => sha)).toContain(mergeSha);
      expect(await at.filesAt(mergeSha ?? '')).toEqual(files);
      const approvals = reviews.filter(({ by, sha }) => by === 'reviewer' && sha === head);
      expect(approvals).toMatchObject([{ state: 'APPROVED', counts: true }]);
      // The other engine has no account: its reviews are the engine's comments.
      expect(reviews.filter(({ by }) => by === 'author').every(({ state }) => state === 'COMMENT')).toBe(
        true,
      );
    }
  },
  missionMs,
);
