/** How each agent program is told to ask our model: the settings of a person who has set it up so. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RuntimeSettings } from '../../activities/sessions/runtimes/runtime.ts';
import { AgentRuntime } from '../../schema/contracts/agent.ts';

export interface AgentSetUp {
  model: string;
  /** Files of that person's home. */
  files: (url: string) => Record<string, string>;
  settings: (url: string) => RuntimeSettings;
  /** It knows of a conversation before the model has answered for the first time. */
  keepsUnanswered: boolean;
  /** It tries again by itself when the model fails, and tells so. */
  tellsRetries: boolean;
  /** When the model has failed for good. */
  exitCodeOnError: 0 | 1;
  /** What has it sum up its conversation after each answer of the scripted model, and go on with that. */
  compacting?: (own: Record<string, string>) => Record<string, string>;
}

/** The agents that were asked for on the command line: by their own programs, or by the Agent Client Protocol. */
export function wanted(driver: 'headless' | 'acp'): AgentRuntime[] {
  const names = (process.env['MISSION_CONFORMANCE'] ?? '').split(/[ ,]+/).filter((name) => name !== '');
  const ofIt = names.filter((name) => name.startsWith('acp:') === (driver === 'acp'));
  return ofIt.map((name) => AgentRuntime.parse(name.replace(/^acp:/, '')));
}

const nothing: RuntimeSettings = { args: [], env: {} };

export const setUps: Record<AgentRuntime, AgentSetUp> = {
  codex: {
    model: 'scripted-model',
    files: (url) => ({
      '.codex/config.toml': [
        'model_provider = "scripted"',
        '[model_providers.scripted]',
        'name = "scripted"',
        `base_url = "${url}/v1"`,
        'wire_api = "responses"',
        // Five rounds of five requests take half a minute.
        'request_max_retries = 0',
        'stream_max_retries = 2',
        '',
      ].join('\n'),
    }),
    settings: () => nothing,
    keepsUnanswered: true,
    tellsRetries: true,
    exitCodeOnError: 1,
    compacting: (own) => {
      const config = '.codex/config.toml';
      return { [config]: `model_auto_compact_token_limit = 1000\n${own[config] ?? ''}` };
    },
  },
  pi: {
    model: 'scripted/scripted-model',
    files: (url) => ({
      '.pi/agent/models.json': JSON.stringify({
        providers: {
          scripted: {
            baseUrl: `${url}/v1`,
            api: 'openai-completions',
            apiKey: 'none',
            models: [{ id: 'scripted-model' }],
          },
        },
      }),
      '.pi/agent/settings.json': JSON.stringify({ retry: { maxRetries: 2, baseDelayMs: 100 } }),
    }),
    settings: () => ({ args: [], env: { PI_OFFLINE: '1' } }),
    keepsUnanswered: false,
    tellsRetries: true,
    exitCodeOnError: 0,
    compacting: () => ({
      '.pi/agent/settings.json': JSON.stringify({
        // Its context has 128,000 tokens where nobody says otherwise.
        compaction: { reserveTokens: 127_000, keepRecentTokens: 1 },
      }),
    }),
  },
  opencode: {
    model: 'scripted/scripted-model',
    files: (url) => ({
      '.config/opencode/opencode.json': JSON.stringify({
        provider: {
          scripted: {
            npm: '@ai-sdk/openai-compatible',
            name: 'scripted',
            options: { baseURL: `${url}/v1`, apiKey: 'none' },
            models: { 'scripted-model': { name: 'scripted-model' } },
          },
        },
      }),
    }),
    settings: () => ({ args: [], env: { OPENCODE_DISABLE_MODELS_FETCH: '1' } }),
    keepsUnanswered: true,
    tellsRetries: false,
    exitCodeOnError: 1,
  },
  claude: {
    model: 'claude-scripted',
    files: () => ({}),
    settings: (url) => ({
      args: [],
      env: {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_API_KEY: 'none',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        // It would try ten times, for three minutes.
        CLAUDE_CODE_MAX_RETRIES: '2',
      },
    }),
    keepsUnanswered: true,
    tellsRetries: true,
    exitCodeOnError: 1,
  },
};

export async function writeSetUp(of: {
  setUp: AgentSetUp;
  home: string;
  url: string;
  files?: ((own: Record<string, string>) => Record<string, string>) | undefined;
}): Promise<void> {
  const own = of.setUp.files(of.url);
  for (const [name, text] of Object.entries({ ...own, ...of.files?.(own) })) {
    const path = join(of.home, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
