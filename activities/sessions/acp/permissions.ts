/** Decides what an agent may do, by the operator's lists. */
import { z } from 'zod';
import { globPattern } from '../../glob.ts';
import { ToolKind, type PermissionRule, type Permissions } from '../../../schema/contracts/permissions.ts';

/** What an agent asks leave for: the tool call as far as it has told of it. */
export const ToolCall = z.object({
  kind: ToolKind.nullish().catch('other'),
  title: z.string().nullish(),
  rawInput: z.unknown().optional(),
});
export type ToolCall = z.infer<typeof ToolCall>;

export type Decision = 'allow' | 'deny' | 'ask';

/** `deny` goes first. What is on neither list is asked of a person. */
export function decide(permissions: Permissions, tool: ToolCall): Decision {
  const command = commandOf(tool);
  const texts = [command, tool.title].filter((text) => text != null);
  if (permissions.deny.some((rule) => fits(rule, tool, texts))) return 'deny';
  // The title is the agent's own word for what it does: it counts where nothing better is told.
  const meant = texts.slice(0, 1);
  return permissions.allow.some((rule) => fits(rule, tool, meant, oneCommand)) ? 'allow' : 'ask';
}

/** The command that a tool call would run, where it tells of one. */
export function commandOf({ rawInput }: ToolCall): string | undefined {
  const input = z.object({ command: z.union([z.string(), z.array(z.string())]) }).safeParse(rawInput);
  if (!input.success) return undefined;
  const { command } = input.data;
  if (typeof command === 'string') return command;
  const [shell = '', flag = '', script] = command;
  const isScript = script !== undefined && command.length === 3 && /sh$/.test(shell) && /^-l?c$/.test(flag);
  return isScript ? script : command.join(' ');
}

/** What a shell would take for the end of a command, or for another within it, is not allowed by a `*`. */
const oneCommand = '[^;&|<>$`\\r\\n]*';

function fits(rule: PermissionRule, tool: ToolCall, texts: readonly string[], star?: string): boolean {
  if (rule.kind !== undefined && rule.kind !== (tool.kind ?? 'other')) return false;
  if (rule.like === undefined) return true;
  const pattern = globPattern(rule.like, star);
  return texts.some((text) => pattern.test(text));
}
