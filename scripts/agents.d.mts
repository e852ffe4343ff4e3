import type { AgentRuntime } from '../schema/contracts/agent.ts';

interface Installed {
  package: string;
  version: string;
  node?: string;
}

export const agents: Record<AgentRuntime, Installed>;
export const adapters: Record<AgentRuntime, Installed | undefined>;
export function agentFolders(name: AgentRuntime): string[];
export function adapterFolders(name: AgentRuntime): string[];
export function installAgent(name: string, say?: (line: string) => void): Promise<void>;
export function installAdapter(name: string, say?: (line: string) => void): Promise<void>;
