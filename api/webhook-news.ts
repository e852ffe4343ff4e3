import { z } from 'zod';
import { Sha } from '../schema/contracts/names.ts';
import { repositoryTopic, type ForgeNews } from '../schema/contracts/webhook.ts';

/** What is not as expected is as good as not there: at worst everybody of the repository looks. */
const MaybeSha = Sha.optional().catch(undefined);
const Headed = z.object({ head_sha: MaybeSha }).optional().catch(undefined);

/**
 * Of all that forges send, what tells which commit or branch it is about: a status, a push, a pull request, a run of
 * Actions, a check. A pipeline of Woodpecker has its commit in `pipeline`, and calls its repository `repo`.
 */
const Payload = z.object({
  repository: z.object({ full_name: z.string().min(1) }).optional(),
  repo: z.object({ full_name: z.string().min(1) }).optional(),
  sha: MaybeSha,
  after: MaybeSha,
  ref: z.string().optional().catch(undefined),
  pull_request: z
    .object({ head: z.object({ sha: MaybeSha }) })
    .optional()
    .catch(undefined),
  workflow_run: Headed,
  workflow_job: Headed,
  check_run: Headed,
  check_suite: Headed,
  pipeline: z.object({ commit: MaybeSha }).optional().catch(undefined),
});

/** What may change a verdict, or which commit it is asked of. Everything else is not for us. */
const heard: ReadonlySet<string> = new Set([
  ...['status', 'push', 'pull_request', 'pull_request_sync'],
  ...['workflow_run', 'workflow_job', 'check_run', 'check_suite', 'pipeline'],
]);

/** Undefined: nothing that anybody waits for. `event` is what the sender calls it. */
export function readNews(of: { event: string | undefined; payload: unknown }): ForgeNews | undefined {
  if (!heard.has(of.event ?? 'pipeline')) return undefined;
  const parsed = Payload.safeParse(of.payload);
  const name = parsed.data?.repository?.full_name ?? parsed.data?.repo?.full_name;
  if (!parsed.success || name === undefined) return undefined;
  const { ref, ...payload } = parsed.data;
  const runs = [payload.workflow_run, payload.workflow_job, payload.check_run, payload.check_suite];
  const sha = [
    ...[payload.sha, payload.after, payload.pull_request?.head.sha, payload.pipeline?.commit],
    ...runs.map((run) => run?.head_sha),
  ].find((one) => one !== undefined);
  const branch = ref?.startsWith(heads) ? ref.slice(heads.length) : undefined;
  return {
    topic: repositoryTopic(name),
    ...(sha === undefined ? {} : { sha }),
    ...(branch === undefined ? {} : { branch }),
  };
}

const heads = 'refs/heads/';
