/** What Woodpecker's API answers, as far as it is used; from its OpenAPI description, of 1.0 to 3.x. */
import { z } from 'zod';

export const WoodpeckerRepository = z.object({ id: z.int() });
export type WoodpeckerRepository = z.infer<typeof WoodpeckerRepository>;

/** Text in place of Woodpecker's enums: a state of tomorrow must not make the whole answer unreadable. */
export const WoodpeckerPipeline = z.object({
  number: z.int(),
  event: z.string(),
  status: z.string(),
  commit: z.string(),
  branch: z.string(),
  message: z.string(),
});
export type WoodpeckerPipeline = z.infer<typeof WoodpeckerPipeline>;

/** Null stands for none, here and below: the server is written in Go. */
export const WoodpeckerPipelines = z
  .array(WoodpeckerPipeline)
  .nullable()
  .transform((pipelines) => pipelines ?? []);

export const WoodpeckerStep = z.object({
  id: z.int(),
  name: z.string(),
  state: z.string(),
  error: z.string().optional(),
  exit_code: z.int(),
});
export type WoodpeckerStep = z.infer<typeof WoodpeckerStep>;

export const WoodpeckerWorkflow = z.object({
  pid: z.int(),
  name: z.string(),
  state: z.string(),
  error: z.string().optional(),
  children: z.array(WoodpeckerStep).nullish(),
});
export type WoodpeckerWorkflow = z.infer<typeof WoodpeckerWorkflow>;

/** One pipeline alone comes with its workflows; a list of pipelines comes without. */
export const WoodpeckerWorkflows = z.object({
  status: z.string(),
  errors: z.array(z.object({ message: z.string(), is_warning: z.boolean() })).nullish(),
  workflows: z.array(WoodpeckerWorkflow).nullish(),
});
export type WoodpeckerWorkflows = z.infer<typeof WoodpeckerWorkflows>;

/** The lines of a step, base64 each. 0 is what it wrote to its output, 1 to its error output. */
export const WoodpeckerLog = z
  .array(z.object({ line: z.int(), data: z.string().nullish(), type: z.int() }))
  .nullable();
export type WoodpeckerLog = z.infer<typeof WoodpeckerLog>;
