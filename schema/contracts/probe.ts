import { z } from 'zod';

/** `warning`: the engine works, but somebody should look. */
export const ProbeState = z.enum(['ok', 'warning', 'failed']);
export type ProbeState = z.infer<typeof ProbeState>;

/** What a probe has found. The message says where and what to do; it never holds a credential. */
export const Probed = z.object({ name: z.string(), state: ProbeState, message: z.string() });
export type Probed = z.infer<typeof Probed>;

/** What `/readyz` answers. It asks for no token, so it tells states and no addresses. */
export const Readiness = z.object({
  ready: z.boolean(),
  checks: z.record(z.string(), ProbeState),
  temporalUi: z.string().nullable(),
});
export type Readiness = z.infer<typeof Readiness>;
