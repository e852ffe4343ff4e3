import type { AgentRuntime } from '../../../schema/contracts/agent.ts';
import type { Runtime } from './runtime.ts';

export const runtimes: Readonly<Partial<Record<AgentRuntime, Runtime>>> = {};
