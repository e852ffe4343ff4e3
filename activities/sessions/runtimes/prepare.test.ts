import { describe, expect, it } from 'vitest';
import { agentRuntimes, type AgentRuntime, type Effort } from '../../../schema/contracts/agent.ts';
import { conversationOf } from './reading.ts';
import type { Launch } from './runtime.ts';
import { runtimes } from './runtimes.ts';

const sessionId = 'greetings.T-1.author.1';
const uuid = conversationOf(sessionId);

function prepare(runtime: AgentRuntime, launch: Partial<Launch> = {}) {
  const settings = { args: [], env: {} };
  return runtimes[runtime].prepare({
    sessionId,
    model: undefined,
    effort: undefined,
    conversation: undefined,
    settings,
    ...launch,
  });
}

describe('the command line of a session', () => {
  it.each([
    { runtime: 'codex', argv: 'codex exec --json --dangerously-bypass-approvals-and-sandbox -' },
    { runtime: 'pi', argv: `pi --print --mode json --session-id ${uuid}` },
    { runtime: 'opencode', argv: `opencode run --format json --auto --title ${sessionId}` },
    {
      runtime: 'claude',
      argv:
        'claude --print --output-format stream-json --verbose --dangerously-skip-permissions ' +
        `--session-id ${uuid}`,
    },
  ] as const)('$runtime', ({ runtime, argv }) => {
    expect(prepare(runtime).argv.join(' ')).toBe(argv);
  });

  it.each([
    { runtime: 'codex', end: 'resume the-conversation -' },
    { runtime: 'pi', end: '--session-id the-conversation' },
    { runtime: 'opencode', end: '--session the-conversation' },
    { runtime: 'claude', end: '--resume the-conversation' },
  ] as const)('$runtime takes a conversation up again', ({ runtime, end }) => {
    const prepared = prepare(runtime, { conversation: 'the-conversation' });
    expect(prepared.argv.join(' ')).toMatch(new RegExp(`${end}$`));
    expect(prepared.conversation).toBe('the-conversation');
  });

  it.each([
    { runtime: 'codex', words: '--model m --config model_reasoning_effort=max' },
    { runtime: 'pi', words: '--model m --thinking max' },
    { runtime: 'opencode', words: '--model m --variant max' },
    { runtime: 'claude', words: '--model m --effort max' },
  ] as const)('$runtime is told its model and how hard to think', ({ runtime, words }) => {
    expect(prepare(runtime, { model: 'm', effort: 'max' }).argv.join(' ')).toContain(words);
  });

  it.each(
    agentRuntimes.flatMap((runtime) =>
      (['low', 'medium', 'high', 'max'] satisfies Effort[]).map((effort) => ({ runtime, effort })),
    ),
  )('$runtime knows the effort $effort', ({ runtime, effort }) => {
    expect(prepare(runtime, { effort }).argv.some((word) => word.endsWith(effort))).toBe(true);
  });

  it.each(agentRuntimes)('%s gets what the operator adds, which wins', (runtime) => {
    const settings = { args: ['--added', 'a b'], env: { IS_SANDBOX: '0', ADDED: 'yes' } };
    const { argv, env } = prepare(runtime, { settings, conversation: 'the-conversation' });
    expect(argv.join('\n')).toContain('--added\na b');
    expect(env).toMatchObject(settings.env);
  });

  it.each([
    { runtime: 'codex', conversation: undefined },
    { runtime: 'pi', conversation: uuid },
    { runtime: 'opencode', conversation: undefined },
    { runtime: 'claude', conversation: uuid },
  ] as const)('$runtime begins the conversation $conversation', ({ runtime, conversation }) => {
    expect(prepare(runtime).conversation).toBe(conversation);
  });
});

describe('the id of a conversation that the engine chooses', () => {
  it('is a UUID, the same for the same session, another for another', () => {
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(conversationOf(sessionId)).toBe(uuid);
    expect(conversationOf('greetings.T-1.author.2')).not.toBe(uuid);
  });
});

describe('settings of the person who runs the engine', () => {
  it.each([
    { runtime: 'codex', env: { CODEX_HOME: '/home/ann/.codex' } },
    { runtime: 'pi', env: { PI_CODING_AGENT_DIR: '/home/ann/.pi/agent' } },
    {
      runtime: 'opencode',
      env: { OPENCODE_CONFIG_DIR: '/home/ann/.config/opencode', XDG_DATA_HOME: '/home/ann/.local/share' },
    },
    { runtime: 'claude', env: { CLAUDE_CONFIG_DIR: '/home/ann/.claude' } },
  ] as const)('$runtime', ({ runtime, env }) => {
    expect(runtimes[runtime].homeEnvironment('/home/ann')).toEqual(env);
  });
});

describe('the version that a program tells', () => {
  it.each([
    { runtime: 'codex', told: 'codex-cli 0.169.0\n', version: '0.169.0' },
    { runtime: 'pi', told: '0.87.1\n', version: '0.87.1' },
    { runtime: 'opencode', told: '1.18.33\n', version: '1.18.33' },
    { runtime: 'claude', told: '2.1.330 (Claude Code)\n', version: '2.1.330' },
    { runtime: 'codex', told: 'command not found', version: undefined },
  ] as const)('$runtime: $told', ({ runtime, told, version }) => {
    expect(runtimes[runtime].version.pattern.exec(told)?.[1]).toBe(version);
  });
});

describe('what a program says that ends before it has started', () => {
  it.each([
    {
      runtime: 'codex',
      said: 'Error: thread/resume: thread/resume failed: no rollout found for thread id 01a1 (code -32600)',
      means: ['conversation-gone'],
    },
    { runtime: 'opencode', said: 'Error: Session not found', means: ['conversation-gone'] },
    {
      runtime: 'claude',
      said: 'No conversation found with session ID: 1111',
      means: ['conversation-gone'],
    },
    { runtime: 'pi', said: 'No API key found for anthropic.', means: ['auth'] },
    {
      runtime: 'pi',
      said: 'Error: Model "nosuch/model" not found. Use --list-models',
      means: ['model-error'],
    },
    // It has begun one: no complaint.
    { runtime: 'pi', said: "Warning: No project session found with id 'x'; creating a new", means: [] },
  ] as const)('$runtime: $said', ({ runtime, said, means }) => {
    const meant = Object.entries(runtimes[runtime].complaints).filter(([, pattern]) => pattern.test(said));
    expect(meant.map(([complaint]) => complaint)).toEqual(means);
  });
});

describe('a conversation of opencode that it has told nothing of', () => {
  const list = [
    { id: 'ses_2', title: 'greetings.T-1.author.2', updated: 1 },
    { id: 'ses_1', title: sessionId },
  ];

  it.each([
    { name: 'is found by its title', answer: JSON.stringify(list), found: 'ses_1' },
    { name: 'is not among others', answer: JSON.stringify(list.slice(0, 1)), found: undefined },
    { name: 'is not where there is none', answer: '', found: undefined },
    { name: 'is not in other words', answer: 'no sessions', found: undefined },
  ])('$name', async ({ answer, found }) => {
    const asked: string[] = [];
    const ask = (args: readonly string[]) => {
      asked.push(args.join(' '));
      return Promise.resolve(answer);
    };
    expect(await runtimes.opencode.findConversation?.({ sessionId, ask })).toBe(found);
    expect(asked).toEqual(['session list --format json']);
  });
});
