import type { AgentRuntime } from '../../../schema/contracts/agent.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { opencode } from './opencode.ts';
import { pi } from './pi.ts';
import type { Runtime } from './runtime.ts';

export const runtimes: Readonly<Record<AgentRuntime, Runtime>> = { codex, pi, opencode, claude };
