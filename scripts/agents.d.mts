import type { AgentRuntime } from '../schema/contracts/agent.ts';

export const agents: Record<AgentRuntime, { package: string; version: string; node?: string }>;
export function agentFolders(name: AgentRuntime): string[];
export function installAgent(name: string, say?: (line: string) => void): Promise<void>;
