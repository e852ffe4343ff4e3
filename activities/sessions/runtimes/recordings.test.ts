import { describe, expect, it } from 'vitest';
import { agentRuntimes, type AgentRuntime, type Usage } from '../../../schema/contracts/agent.ts';
import {
  brief,
  read,
  recorded,
  recordedScenarios,
  recordedVersions,
  usedIn,
} from '../../../test/support/recordings.ts';

/** One answer of the scripted model. */
const answer = { inputTokens: 1_200, cachedTokens: 100, outputTokens: 34 };
const twoAnswers = timesAnswer(2);
const none = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 };

const codexWork = 'started, tool command_execution, text, usage, final';
const piWork = 'started, usage, tool bash, usage, text, final';
const opencodeWork = 'started, tool bash, usage, text, usage, final';
const claudeWork = 'started, usage, tool Bash, usage, text, usage, final';

function timesAnswer(count: number): typeof answer {
  const { inputTokens, cachedTokens, outputTokens } = answer;
  return {
    inputTokens: count * inputTokens,
    cachedTokens: count * cachedTokens,
    outputTokens: count * outputTokens,
  };
}

interface Row {
  runtime: AgentRuntime;
  /** Where versions differ. An older opencode tries a failing model for more than three minutes, without a word. */
  version?: string;
  scenario: string;
  told: string;
  used: Omit<Usage, 'costUsd'>;
}

const rows: Row[] = [
  { runtime: 'codex', scenario: 'work', told: codexWork, used: twoAnswers },
  // Of a conversation that it goes on with it tells the totals.
  { runtime: 'codex', scenario: 'resume', told: codexWork, used: timesAnswer(4) },
  { runtime: 'codex', scenario: 'windows', told: codexWork, used: twoAnswers },
  { runtime: 'codex', scenario: 'no-work', told: 'started, text, usage, final', used: answer },
  {
    runtime: 'codex',
    scenario: 'retried',
    told: 'started, retry, tool command_execution, text, usage, final',
    used: twoAnswers,
  },
  { runtime: 'codex', scenario: '401', told: 'started, retry, retry, error auth', used: none },
  {
    runtime: 'codex',
    scenario: '429',
    told: 'started, retry, retry, error rate-limited',
    used: none,
  },
  {
    runtime: 'codex',
    scenario: '500',
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  {
    runtime: 'codex',
    scenario: 'cut',
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  { runtime: 'codex', scenario: '400', told: 'started, error model-error', used: none },
  { runtime: 'codex', scenario: 'usage-limit', told: 'started, error rate-limited', used: none },
  {
    runtime: 'codex',
    scenario: 'windows-used-up',
    told: 'started, error rate-limited',
    used: none,
  },
  {
    runtime: 'codex',
    scenario: 'compacted',
    told: 'started, tool command_execution, tool command_execution, text, usage, final',
    used: timesAnswer(5),
  },
  {
    runtime: 'pi',
    version: '0.85.1',
    scenario: 'compacted',
    // Not before the end of its work.
    told: 'started, usage, tool bash, usage, tool bash, usage, text, usage, final',
    used: timesAnswer(4),
  },
  {
    runtime: 'pi',
    version: '0.87.1',
    scenario: 'compacted',
    told: 'started, usage, tool bash, usage, usage, tool bash, usage, usage, text, usage, final',
    used: timesAnswer(6),
  },
  { runtime: 'pi', scenario: 'work', told: piWork, used: twoAnswers },
  { runtime: 'pi', scenario: 'resume', told: piWork, used: twoAnswers },
  { runtime: 'pi', scenario: 'no-work', told: 'started, usage, text, final', used: answer },
  {
    runtime: 'pi',
    scenario: 'retried',
    told: 'started, retry, usage, tool bash, usage, text, final',
    used: twoAnswers,
  },
  { runtime: 'pi', scenario: '401', told: 'started, error auth', used: none },
  { runtime: 'pi', scenario: '400', told: 'started, error model-error', used: none },
  {
    runtime: 'pi',
    scenario: '429',
    told: 'started, retry, retry, error rate-limited',
    used: none,
  },
  {
    runtime: 'pi',
    scenario: '500',
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  {
    runtime: 'pi',
    scenario: 'cut',
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  { runtime: 'pi', version: '0.85.1', scenario: 'windows', told: piWork, used: twoAnswers },
  { runtime: 'opencode', scenario: 'work', told: opencodeWork, used: twoAnswers },
  { runtime: 'opencode', scenario: 'resume', told: opencodeWork, used: twoAnswers },
  {
    runtime: 'opencode',
    scenario: 'no-work',
    told: 'started, text, usage, final',
    used: answer,
  },
  { runtime: 'opencode', scenario: 'retried', told: opencodeWork, used: twoAnswers },
  { runtime: 'opencode', scenario: '401', told: 'started, error auth', used: none },
  {
    runtime: 'opencode',
    version: '1.18.33',
    scenario: '429',
    told: 'started, error rate-limited',
    used: none,
  },
  {
    runtime: 'opencode',
    version: '1.18.33',
    scenario: '500',
    told: 'started, error model-error',
    used: none,
  },
  { runtime: 'opencode', scenario: '400', told: 'started, error model-error', used: none },
  // It runs the command of an answer that was cut off, and again for each time that it asks anew.
  {
    runtime: 'opencode',
    version: '1.18.33',
    scenario: 'cut',
    told: 'started, tool bash, tool bash, tool bash, tool bash, error model-error',
    used: none,
  },
  { runtime: 'claude', scenario: 'work', told: claudeWork, used: twoAnswers },
  { runtime: 'claude', scenario: 'resume', told: claudeWork, used: twoAnswers },
  {
    runtime: 'claude',
    scenario: 'no-work',
    told: 'started, usage, text, usage, final',
    used: answer,
  },
  {
    runtime: 'claude',
    scenario: 'retried',
    told: 'started, retry, usage, tool Bash, usage, text, usage, final',
    used: twoAnswers,
  },
  { runtime: 'claude', scenario: '401', told: 'started, retry, retry, error auth', used: none },
  {
    runtime: 'claude',
    scenario: '429',
    told: 'started, retry, retry, error rate-limited',
    used: none,
  },
  {
    runtime: 'claude',
    scenario: '500',
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  { runtime: 'claude', scenario: '400', told: 'started, error model-error', used: none },
  {
    runtime: 'claude',
    scenario: 'usage-limit',
    told: 'started, windows, error rate-limited',
    used: none,
  },
  {
    runtime: 'claude',
    scenario: 'windows',
    told: 'started, usage, tool Bash, windows, usage, text, usage, final',
    used: twoAnswers,
  },
  {
    runtime: 'claude',
    scenario: 'cut',
    told: 'started, retry, retry, usage, error model-error',
    // Of an answer that was cut off it counts next to no output.
    used: { ...timesAnswer(3), outputTokens: 3 },
  },
  { runtime: 'claude', scenario: 'no-login', told: 'started, error auth', used: none },
];

const recordings = agentRuntimes.flatMap((runtime) =>
  recordedVersions(runtime).map((version) => ({ runtime, version })),
);

it.each(rows.filter((row) => row.version !== undefined))(
  '$runtime $version, whose $scenario is its own, is recorded',
  ({ runtime, version }) => {
    expect(recordedVersions(runtime)).toContain(version);
  },
);

describe.each(recordings)('what $runtime $version prints', ({ runtime, version }) => {
  const own = rows.filter((row) => row.runtime === runtime && (row.version ?? version) === version);

  it('is recorded in these scenarios, and in no others', () => {
    expect(own.map(({ scenario }) => scenario).sort()).toEqual(recordedScenarios(runtime, version));
  });

  it.each(own)('in $scenario is understood', ({ scenario, told, used }) => {
    const events = read(runtime, recorded(runtime, scenario, version));
    expect(events.map(brief).join(', ')).toBe(told);
    expect(usedIn(events)).toMatchObject(used);
  });

  it('says which conversation it is, what it runs, and its last word', () => {
    const events = read(runtime, recorded(runtime, 'work', version));
    const again = read(runtime, recorded(runtime, 'resume', version));
    expect(events[0]?.type).toBe('started');
    expect(again[0]).toEqual(events[0]);
    expect(JSON.stringify(events.find(({ type }) => type === 'tool'))).toContain('git add greeting.txt');
    expect(events.at(-1)).toEqual({ type: 'final', text: 'DONE after 1 tool calls' });
  });
});
