import { DefaultLogger, type Logger } from '@temporalio/worker';

/** What the engine says of itself, on standard error. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, error: unknown): void;
  temporal: Logger;
}

/** What the SDK warns of and we mean: a host worker has activities only. */
const expected = ['No workflows registered, not polling for workflow tasks'];

export function createLog(): Log {
  function write(level: string, message: string): void {
    process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`);
  }
  return {
    info: (message) => write('info', message),
    warn: (message) => write('warn', message),
    error: (message, error) =>
      write(
        'error',
        `${message}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      ),
    temporal: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (expected.includes(message)) return;
      const { workflowId, activityType, error } = { ...meta };
      const details = [workflowId, activityType, error instanceof Error ? error.message : error]
        .filter((part) => part !== undefined)
        .map(String);
      write(level.toLowerCase(), [message, ...details].join(' | '));
    }),
  };
}
