import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AgentRuntime } from '../../../schema/contracts/agent.ts';
import { acpFiles } from '../acp/spec.ts';
import { createAcpReader } from './acp.ts';
import type { LineReader } from './runtime.ts';
import { runtimes } from './runtimes.ts';

/**
 * Understands the output of a session by its folder; undefined where it is no agent's. Our client of the Agent Client
 * Protocol writes its own, whichever agent it runs.
 */
export function readerOf(of: { folder: string; runtime: string }): LineReader | undefined {
  if (existsSync(join(of.folder, acpFiles.spec))) return createAcpReader();
  const runtime = AgentRuntime.safeParse(of.runtime);
  return runtime.success ? runtimes[runtime.data].createReader() : undefined;
}
