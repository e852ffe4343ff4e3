import { describe, expect, it } from 'vitest';
import { agentRuntimes, type AgentRuntime, type Usage } from '../../../schema/contracts/agent.ts';
import { brief, read, recorded, recordedVersions, usedIn } from '../../../test/support/recordings.ts';

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
  /** As the program ended; no reader is told of it. */
  exitCode: 0 | 1;
  told: string;
  used: Omit<Usage, 'costUsd'>;
}

const rows: Row[] = [
  { runtime: 'codex', scenario: 'work', exitCode: 0, told: codexWork, used: twoAnswers },
  { runtime: 'codex', scenario: 'no-work', exitCode: 0, told: 'started, text, usage, final', used: answer },
  {
    runtime: 'codex',
    scenario: 'retried',
    exitCode: 0,
    told: 'started, retry, tool command_execution, text, usage, final',
    used: twoAnswers,
  },
  { runtime: 'codex', scenario: '401', exitCode: 1, told: 'started, retry, retry, error auth', used: none },
  {
    runtime: 'codex',
    scenario: '429',
    exitCode: 1,
    told: 'started, retry, retry, error rate-limited',
    used: none,
  },
  {
    runtime: 'codex',
    scenario: '500',
    exitCode: 1,
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  {
    runtime: 'codex',
    scenario: 'cut',
    exitCode: 1,
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  { runtime: 'codex', scenario: '400', exitCode: 1, told: 'started, error model-error', used: none },
  { runtime: 'codex', scenario: 'usage-limit', exitCode: 1, told: 'started, error rate-limited', used: none },
  {
    runtime: 'codex',
    scenario: 'windows-used-up',
    exitCode: 1,
    told: 'started, error rate-limited',
    used: none,
  },
  {
    runtime: 'codex',
    scenario: 'compacted',
    exitCode: 0,
    told: 'started, tool command_execution, tool command_execution, text, usage, final',
    used: timesAnswer(5),
  },
  {
    runtime: 'pi',
    version: '0.85.1',
    scenario: 'compacted',
    exitCode: 0,
    // Not before the end of its work.
    told: 'started, usage, tool bash, usage, tool bash, usage, text, usage, final',
    used: timesAnswer(4),
  },
  {
    runtime: 'pi',
    version: '0.87.1',
    scenario: 'compacted',
    exitCode: 0,
    told: 'started, usage, tool bash, usage, usage, tool bash, usage, usage, text, usage, final',
    used: timesAnswer(6),
  },
  { runtime: 'pi', scenario: 'work', exitCode: 0, told: piWork, used: twoAnswers },
  { runtime: 'pi', scenario: 'resume', exitCode: 0, told: piWork, used: twoAnswers },
  { runtime: 'pi', scenario: 'no-work', exitCode: 0, told: 'started, usage, text, final', used: answer },
  {
    runtime: 'pi',
    scenario: 'retried',
    exitCode: 0,
    told: 'started, retry, usage, tool bash, usage, text, final',
    used: twoAnswers,
  },
  { runtime: 'pi', scenario: '401', exitCode: 0, told: 'started, error auth', used: none },
  { runtime: 'pi', scenario: '400', exitCode: 0, told: 'started, error model-error', used: none },
  {
    runtime: 'pi',
    scenario: '429',
    exitCode: 0,
    told: 'started, retry, retry, error rate-limited',
    used: none,
  },
  {
    runtime: 'pi',
    scenario: '500',
    exitCode: 0,
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  {
    runtime: 'pi',
    scenario: 'cut',
    exitCode: 0,
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  { runtime: 'opencode', scenario: 'work', exitCode: 0, told: opencodeWork, used: twoAnswers },
  { runtime: 'opencode', scenario: 'resume', exitCode: 0, told: opencodeWork, used: twoAnswers },
  {
    runtime: 'opencode',
    scenario: 'no-work',
    exitCode: 0,
    told: 'started, text, usage, final',
    used: answer,
  },
  { runtime: 'opencode', scenario: 'retried', exitCode: 0, told: opencodeWork, used: twoAnswers },
  { runtime: 'opencode', scenario: '401', exitCode: 1, told: 'started, error auth', used: none },
  {
    runtime: 'opencode',
    version: '1.18.33',
    scenario: '429',
    exitCode: 1,
    told: 'started, error rate-limited',
    used: none,
  },
  {
    runtime: 'opencode',
    version: '1.18.33',
    scenario: '500',
    exitCode: 1,
    told: 'started, error model-error',
    used: none,
  },
  { runtime: 'opencode', scenario: '400', exitCode: 1, told: 'started, error model-error', used: none },
  // It runs the command of an answer that was cut off, and again for each time that it asks anew.
  {
    runtime: 'opencode',
    version: '1.18.33',
    scenario: 'cut',
    exitCode: 1,
    told: 'started, tool bash, tool bash, tool bash, tool bash, error model-error',
    used: none,
  },
  { runtime: 'claude', scenario: 'work', exitCode: 0, told: claudeWork, used: twoAnswers },
  { runtime: 'claude', scenario: 'resume', exitCode: 0, told: claudeWork, used: twoAnswers },
  {
    runtime: 'claude',
    scenario: 'no-work',
    exitCode: 0,
    told: 'started, usage, text, usage, final',
    used: answer,
  },
  {
    runtime: 'claude',
    scenario: 'retried',
    exitCode: 0,
    told: 'started, retry, usage, tool Bash, usage, text, usage, final',
    used: twoAnswers,
  },
  { runtime: 'claude', scenario: '401', exitCode: 1, told: 'started, retry, retry, error auth', used: none },
  {
    runtime: 'claude',
    scenario: '429',
    exitCode: 1,
    told: 'started, retry, retry, error rate-limited',
    used: none,
  },
  {
    runtime: 'claude',
    scenario: '500',
    exitCode: 1,
    told: 'started, retry, retry, error model-error',
    used: none,
  },
  { runtime: 'claude', scenario: '400', exitCode: 1, told: 'started, error model-error', used: none },
  {
    runtime: 'claude',
    scenario: 'usage-limit',
    exitCode: 1,
    told: 'started, windows, error rate-limited',
    used: none,
  },
  {
    runtime: 'claude',
    scenario: 'windows',
    exitCode: 0,
    told: 'started, usage, tool Bash, windows, usage, text, usage, final',
    used: twoAnswers,
  },
  { runtime: 'claude', scenario: 'no-login', exitCode: 1, told: 'started, error auth', used: none },
];

const recordings = agentRuntimes.flatMap((runtime) =>
  recordedVersions(runtime).map((version) => ({ runtime, version })),
);

describe.each(recordings)('what $runtime $version prints', ({ runtime, version }) => {
  const own = rows.filter((row) => row.runtime === runtime && (row.version ?? version) === version);

  it.each(own)('in $scenario, which ends with $exitCode, is understood', ({ scenario, told, used }) => {
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
