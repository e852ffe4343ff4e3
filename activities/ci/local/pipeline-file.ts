import { parse } from 'yaml';
import { z } from 'zod';

export const pipelinePath = '.mission/ci.yaml';

/** The steps of the local CI, as they stand in a repository's `.mission/ci.yaml`. */
export const PipelineFile = z.strictObject({
  version: z.literal(1),
  steps: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}$/),
        run: z.string().min(1).max(4_000),
        timeoutSeconds: z.int().min(1).max(14_400).default(900),
      }),
    )
    .min(1)
    .max(20),
  /** Files (`README.md`) and folders (`docs/`): a change of nothing else is `skipped`. */
  ignorePaths: z.array(z.string().min(1)).max(100).default([]),
});
export type PipelineFile = z.infer<typeof PipelineFile>;

export type ParsedPipeline = { kind: 'pipeline'; file: PipelineFile } | { kind: 'invalid'; message: string };

export function parsePipeline(text: string): ParsedPipeline {
  try {
    // Few aliases are of use in so small a file; a limit stops those that explode.
    const parsed = PipelineFile.safeParse(parse(text, { maxAliasCount: 20 }));
    if (parsed.success) return { kind: 'pipeline', file: parsed.data };
    return { kind: 'invalid', message: `${pipelinePath}: ${z.prettifyError(parsed.error)}` };
  } catch (error) {
    return {
      kind: 'invalid',
      message: `${pipelinePath}: ${error instanceof Error ? error.message : 'unreadable'}`,
    };
  }
}

/** Whether the pipeline's own rules leave out a change of these files. A change of no file is never left out. */
export function isIgnored(files: readonly string[], ignorePaths: readonly string[]): boolean {
  return files.length > 0 && files.every((file) => ignorePaths.some((path) => covers(path, file)));
}

function covers(path: string, file: string): boolean {
  return path.endsWith('/') ? file.startsWith(path) : file === path;
}
