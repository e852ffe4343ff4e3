import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { exists } from '../../activities/files.ts';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import { actionsBeside } from '../support/actions-runner.ts';
import { useDatabase } from '../support/databases.ts';
import { keepAlive } from '../support/engine-process.ts';
import { startGiteaMissions } from '../support/gitea-missions.ts';
import { useGitea } from '../support/gitea.ts';
import { useCodexAndClaude, type CodexHome } from '../support/stub-codex.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const database = useDatabase('PGlite');
const gitea = useGitea();

/** Two tasks of two rounds each, and two deaths of the engine; twice that on a loaded machine. */
const missionMs = 300_000;

const misspelt = {
  verdict: 'request-changes',
  summary: 'it greets nobody',
  findings: [
    { severity: 'blocker', category: 'bug', file: 'hello.txt', line: 2, message: 'there is no wrold' },
  ],
};

/** Acts of an agent without a model, for its first session and its second; see `stub-codex.mjs`. */
function goal(of: { author: string[]; claude: string[]; codex: string[] }): string {
  const told = (when: string, acts: string[]) => acts.map((act, i) => `${when} ${i + 1}: ${act}`);
  return [...told('AT', of.author), ...told('CLAUDE', of.claude), ...told('CODEX', of.codex)].join('\n');
}

const save = 'git add --all && git commit --quiet --message Work';

const PlacedComments = z.array(
  z.object({
    path: z.string(),
    position: z.int(),
    body: z.string(),
    user: z.object({ login: z.string() }),
    resolver: z.object({ login: z.string() }).nullable(),
  }),
);

function placed({ path, position, user, resolver, body }: z.infer<typeof PlacedComments>[number]): string {
  const [told = ''] = body.split('\n');
  return `${path}:${position} by ${user.login}, resolved by ${resolver?.login ?? 'nobody'}: ${told}`;
}

const Combined = z.object({
  statuses: z.array(z.object({ context: z.string(), status: z.string() })).nullable(),
});

it(
  'a mission of agents is merged on a real Gitea by its rules: tested by its Actions, approved by the accounts of two engines, and over two deaths of the engine',
  async () => {
    const { codex, claude } = await useCodexAndClaude();
    const reviewers = {
      claude: await gitea().makeAccount('claude'),
      codex: await gitea().makeAccount('codex'),
    };
    const points = await temporaryFolder();
    await writeFile(join(points, 'at the answer to POST merge'), '');
    const at = await startGiteaMissions({
      gitea: { ...gitea(), reviewers },
      ci: actionsBeside({ gitea: gitea(), atEnd: onTestFinished }),
      queries: database().queries,
      command: builtProgram('crashing-engine', points),
    });
    await at.hear();
    const reborn = keepAlive(at, () => at.hear());
    onTestFinished(() => reborn.end());

    const go = join(at.work, 'go');
    const reading = (name: string) => `note ${join(at.work, name)}, wait ${go}`;
    await at.startMission({
      key: 'words',
      policy: { reviewers: [{ engine: 'claude' }, { engine: 'codex' }], requireCi: true },
      tasks: [
        {
          id: 'HELLO',
          title: 'Greet the world',
          runtime: 'codex',
          goal: goal({
            author: [
              `run printf 'hello\\nwrold\\n' > hello.txt && ${save}`,
              `run sed -i s/wrold/world/ hello.txt && ${save}`,
            ],
            claude: [`${reading('HELLO.claude')}, say ${JSON.stringify(misspelt)}`, 'approve'],
            codex: [`${reading('HELLO.codex')}, approve`, 'approve'],
          }),
        },
        {
          id: 'BYE',
          title: 'Say goodbye',
          runtime: 'claude',
          goal: goal({
            author: [
              `run echo 'grep bye bye.txt || { echo nobody says bye; exit 1; }' > checks/bye.sh && ${save}`,
              `run echo bye > bye.txt && ${save}`,
            ],
            claude: [`${reading('BYE.claude')}, approve`, 'approve'],
            codex: [`${reading('BYE.codex')}, approve`, 'approve'],
          }),
        },
      ],
    });
    for (const name of ['HELLO.claude', 'HELLO.codex', 'BYE.claude', 'BYE.codex']) {
      await until(() => exists(join(at.work, name)));
    }
    // All four read on, and nobody watches them.
    await at.engine.kill();
    await writeFile(go, '');
    const events = await at.follow('words');
    expect(events.at(-1)).toMatchObject({ message: 'completed' });
    expect(await exists(join(points, 'at the answer to POST merge'))).toBe(false);

    // Each session ran once, also those that were read in while the engine was dead.
    const ran = async (of: CodexHome) => (await of.agents()).map(({ session }) => session).sort();
    expect(await ran(claude)).toEqual([
      ...['words.BYE.author.1', 'words.BYE.author.2'],
      ...['words.BYE.review-claude.1', 'words.BYE.review-claude.2'],
      ...['words.HELLO.review-claude.1', 'words.HELLO.review-claude.2'],
    ]);
    expect(await ran(codex)).toEqual([
      ...['words.BYE.review-codex.1', 'words.BYE.review-codex.2'],
      ...['words.HELLO.author.1', 'words.HELLO.author.2'],
      ...['words.HELLO.review-codex.1', 'words.HELLO.review-codex.2'],
    ]);
    const told = (session: string) => readFile(join(at.data, 'sessions', session, 'prompt.md'), 'utf8');
    expect(await told('words.HELLO.author.2')).toContain('hello.txt:2 there is no wrold');
    const ofJob = await told('words.BYE.author.2');
    expect(ofJob).toMatch(/CI failed: CI \/ test \(pu/);
    expect(ofJob).toContain('nobody says bye');

    const { mission, tasks } = await (await at.api()).show('words');
    expect(mission.status).toBe('completed');
    const [hello, bye] = tasks;
    expect(hello).toMatchObject({
      status: 'merged',
      findings: [{ state: 'fixed', file: 'hello.txt', line: 2, engine: 'claude' }],
      failures: [{ message: 'claude asks for changes: it greets nobody' }],
    });
    expect(bye).toMatchObject({ status: 'merged', findings: [] });
    expect(bye?.failures.map(({ message }) => message.replace(/:.*/, ''))).toEqual(['CI failed']);

    const left = await at.lookAtAll();
    expect(left).toMatchObject({ branches: ['main'], milestones: [{ state: 'closed' }], verdict: 'success' });
    expect(left.issues.map(({ state }) => state)).toEqual(['closed', 'closed']);
    // Beside the two merges only the first commit and the pipeline's.
    expect(left.commits).toHaveLength(4);
    expect(left.pullRequests).toHaveLength(2);
    const comments: z.infer<typeof PlacedComments> = [];
    for (const task of tasks) {
      const pullRequest = left.pullRequests.find(({ number }) => number === task.pullRequest);
      if (!pullRequest) throw new Error(`${task.id} has no pull request`);
      const { number, head, files, merged, mergeSha, reviews } = pullRequest;
      expect({ merged, mergeSha, head }).toEqual({
        merged: true,
        mergeSha: task.mergeSha,
        head: task.headSha,
      });
      expect(await at.filesAt(mergeSha ?? '')).toEqual(files);
      expect(task.evidence).toMatchObject({
        merge: { sha: mergeSha },
        base: { sha: mergeSha, verdict: 'passed' },
        issue: { number: task.issue },
      });
      const statusesOf = async (sha: string) =>
        ((await at.look(`/commits/${sha}/status`, Combined)).statuses ?? [])
          .map(({ context, status }) => `${context} ${status}`)
          .sort();
      expect(await statusesOf(head)).toEqual([
        'CI / test (pull_request) success',
        'CI / test (push) success',
      ]);
      expect(await statusesOf(mergeSha ?? '')).toEqual(['CI / test (push) success']);
      // At the merged head the base has what it asks for: an approval of each account, which is not the author's.
      const approvals = reviews.filter(({ counts, state }) => counts && state === 'APPROVED');
      expect(approvals.map(({ by, sha }) => [by, sha]).sort()).toEqual([
        ['claude', head],
        ['codex', head],
      ]);
      // No account says anything twice of one head.
      const said = reviews.map(({ by, sha }) => `${by} ${sha}`);
      expect(new Set(said).size).toBe(said.length);
      expect(new Set(reviews.map(({ by }) => by))).toEqual(new Set(['claude', 'codex']));
      const found = await Promise.all(
        reviews.map(({ id }) => at.look(`/pulls/${number}/reviews/${id}/comments`, PlacedComments)),
      );
      comments.push(...found.flat());
    }
    expect(comments.map(placed)).toEqual([
      'hello.txt:2 by claude, resolved by claude: **blocker** (bug): there is no wrold',
    ]);
    // Two heads that were read of each; the lane has moved the one that came second, and both approve that move.
    const heads = left.pullRequests.flatMap(({ reviews }) => [...new Set(reviews.map(({ sha }) => sha))]);
    expect(heads).toHaveLength(5);
    const ofHello = left.pullRequests.find(({ number }) => number === hello?.pullRequest);
    expect(ofHello?.reviews.filter(({ state }) => state === 'REQUEST_CHANGES')).toMatchObject([
      { by: 'claude', counts: false },
    ]);
  },
  missionMs,
);
