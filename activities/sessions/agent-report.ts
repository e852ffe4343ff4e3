import type { AgentReport, SessionOutcome, SessionSummary } from '../../schema/contracts/session.ts';
import type { Told } from './agent-log.ts';

/**
 * What an agent's session came to, by its end and by what it told. Exit codes say little: one program ends with 0
 * after its model refused it, and all of them do so after doing nothing.
 */
export function reportAgent(of: {
  session: Pick<SessionSummary, 'end' | 'exitCode'>;
  told: Told;
  /** What stands on standard error, for a program that ended without telling why. */
  stderr: string;
  /** The conversation that this session was to go on with. */
  resumed: string | undefined;
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
    conversation: conversation ?? null,
    usage: told.usage,
    retryAt: told.error?.retryAt ?? null,
  };
}

function judge(of: { session: Pick<SessionSummary, 'end' | 'exitCode'>; told: Told; stderr: string }): {
  outcome: SessionOutcome;
  message: string;
} {
  const { told, session } = of;
  if (session.end === 'lost' || session.end === 'stalled') {
    return { outcome: session.end, message: told.error?.message ?? `the session was ${session.end}` };
  }
  if (told.error) return { outcome: told.error.fault, message: told.error.message };
  if (session.end === 'unstartable') return { outcome: 'model-error', message: of.stderr };
  if (session.end !== 'exited' || session.exitCode === null) {
    return { outcome: 'killed', message: `the session was ended: ${session.end}` };
  }
  if (session.exitCode !== 0) {
    return {
      outcome: 'model-error',
      message: of.stderr === '' ? `exit code ${session.exitCode}` : of.stderr,
    };
  }
  return { outcome: told.tools === 0 ? 'no-change' : 'done', message: told.text };
}
