import type { AgentReport, SessionOutcome, SessionSummary } from '../../schema/contracts/session.ts';
import { ModelFault, type Usage } from '../../schema/contracts/agent.ts';
import type { RunSessionInput } from '../../workflows/ports.ts';
import type { Told } from './agent-log.ts';
import type { Runtime } from './runtimes/runtime.ts';

/** Its end says what went wrong; the whole of it stands in the session's folder. */
const maxComplaint = 2_000;

/**
 * What an agent's session came to, by its end and by what it told. Exit codes say little: one program ends with 0
 * after its model refused it, and all of them do so after doing nothing.
 */
export function reportAgent(of: {
  session: Pick<SessionSummary, 'end' | 'exitCode' | 'reason'>;
  told: Told;
  /** What stands on standard error, for a program that ended without telling why, and what it may mean. */
  stderr: string;
  complaints: Runtime['complaints'];
  /** The conversation that this session was to go on with. */
  resumed: string | undefined;
  /** At which use it was ended. */
  limits?: RunSessionInput['limits'];
}): AgentReport {
  const { told, resumed } = of;
  const { outcome, message } = judge(of);
  const hasWorked = told.tools > 0 || told.text !== '';
  // One that was taken up in vain is not tried again; a closed quota says nothing of it.
  const inVain = resumed !== undefined && !hasWorked && outcome !== 'rate-limited' && outcome !== 'auth';
  const conversation = inVain ? undefined : (told.conversation ?? resumed);
  return {
    outcome,
    message,
    model: told.model ?? null,
    conversation: conversation ?? null,
    usage: told.usage,
    retryAt: told.error ? retryAt(told.error, told.windows) : null,
    ...(told.windows.length === 0 ? {} : { windows: [...told.windows] }),
  };
}

/**
 * A closed quota opens when the last of the windows that are used up does: some programs tell that to the second there,
 * and in their message to the minute, in local time, or not at all.
 */
function retryAt(error: NonNullable<Told['error']>, windows: Told['windows']): number | null {
  if (error.fault !== 'rate-limited') return error.retryAt;
  const usedUp = windows.filter(({ usedPercent }) => (usedPercent ?? 0) >= 100);
  const ends = usedUp.flatMap(({ resetsAt }) => resetsAt ?? []);
  return ends.length === 0 ? error.retryAt : Math.max(...ends);
}

function judge(of: {
  session: Pick<SessionSummary, 'end' | 'exitCode' | 'reason'>;
  told: Told;
  stderr: string;
  complaints: Runtime['complaints'];
  limits?: RunSessionInput['limits'];
}): { outcome: SessionOutcome; message: string } {
  const { told, session, stderr } = of;
  if (session.end === 'lost' || session.end === 'stalled') {
    return { outcome: session.end, message: told.error?.message ?? `the session was ${session.end}` };
  }
  if (session.end === 'disk') return { outcome: 'disk', message: session.reason ?? '' };
  if (session.end === 'stopped' && isUsedUp(told.usage, of.limits)) {
    return { outcome: 'over-budget', message: told.text };
  }
  const said = stderr.slice(-maxComplaint);
  // Before its events: one of them tells an error of its model when it was the conversation that was gone.
  const complaint = told.started ? undefined : findComplaint(of);
  if (complaint !== undefined) return { outcome: complaint, message: said };
  if (told.error) return { outcome: told.error.fault, message: told.error.message };
  if (session.end === 'unstartable') return { outcome: 'model-error', message: said };
  if (session.end !== 'exited' || session.exitCode === null) {
    return { outcome: 'killed', message: `the session was ended: ${session.end}` };
  }
  if (session.exitCode !== 0) {
    return { outcome: 'model-error', message: said === '' ? `exit code ${session.exitCode}` : said };
  }
  return { outcome: told.tools === 0 ? 'no-change' : 'done', message: told.text };
}

/** Whether a session has used all that it was given. */
export function isUsedUp(usage: Usage, limits: RunSessionInput['limits'] = {}): boolean {
  const { tokens = Infinity, costUsd = Infinity } = limits;
  return usage.inputTokens + usage.outputTokens >= tokens || (usage.costUsd ?? 0) >= costUsd;
}

/** What a program means that has ended without having begun. */
function findComplaint(of: {
  stderr: string;
  complaints: Runtime['complaints'];
}): Extract<SessionOutcome, 'lost' | ModelFault> | undefined {
  const { stderr, complaints } = of;
  if (complaints['conversation-gone']?.test(stderr) === true) return 'lost';
  return ModelFault.options.find((fault) => complaints[fault]?.test(stderr) === true);
}
