/** What the engine says of itself, on standard error. */
import { Writable } from 'node:stream';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import type { Logger as TemporalLogger, LogLevel as TemporalLevel } from '@temporalio/worker';
import { pino, type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { z } from 'zod';
import { missionOfWorkflow } from '../schema/contracts/names.ts';
import { createScrub } from '../activities/scrub.ts';

export type LogFields = Record<string, unknown>;

export interface Log {
  debug: (message: string, fields?: LogFields) => void;
  info: (message: string, fields?: LogFields) => void;
  warn: (message: string, fields?: LogFields) => void;
  error: (message: string, error: unknown, fields?: LogFields) => void;
  /** For Temporal's SDK and its native core. */
  temporal: TemporalLogger;
}

export const LogLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']);
export type LogLevel = z.infer<typeof LogLevel>;

export const LogFormat = z.enum(['json', 'pretty']);
export type LogFormat = z.infer<typeof LogFormat>;

export interface LogOptions {
  /** Default: `MISSION_LOG_LEVEL`, else `info`. */
  level?: LogLevel | undefined;
  /** Default: `pretty` at a terminal, unless NODE_ENV is `production`; else `json`. */
  format?: LogFormat | undefined;
  /** Default: standard error. */
  to?: DestinationStream;
  environment?: Readonly<Record<string, string | undefined>>;
}

/** What the SDK warns of and we mean: a host worker has activities only. */
const expected = ['No workflows registered, not polling for workflow tasks'];

/** The SDK tells every start and stop of a worker as information; to an operator that is detail. */
const levels = { TRACE: 'trace', DEBUG: 'trace', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;

/** Names under which a secret could be handed to the log by mistake. */
const secretFields = ['authorization', 'cookie', 'token', 'password', 'secret', 'apiKey', 'databaseUrl'];

const standardError = 2;

export function createLog(options: LogOptions = {}): Log {
  const environment = options.environment ?? process.env;
  const scrub = createScrub(environment);
  const logger = pino(
    {
      level: options.level ?? readLevel(environment['MISSION_LOG_LEVEL']),
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: describeError },
      redact: {
        paths: secretFields.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[redacted]',
      },
      hooks: { streamWrite: scrub },
      mixin: activeTrace,
    },
    destination(options, environment),
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, error, fields) => logger.error({ ...fields, error }, message),
    temporal: temporalLogger(logger),
  };
}

function readLevel(text: string | undefined): LogLevel {
  if (text === undefined || text === '') return 'info';
  const level = LogLevel.safeParse(text.toLowerCase());
  if (level.success) return level.data;
  throw new Error(`MISSION_LOG_LEVEL is ${text}: it can be ${LogLevel.options.join(', ')}`);
}

/** Written at once: a process that ends has said everything, and nothing is left open. */
function destination(
  options: LogOptions,
  environment: Readonly<Record<string, string | undefined>>,
): DestinationStream {
  const atTerminal = process.stderr.isTTY && environment['NODE_ENV'] !== 'production';
  const format = options.format ?? (atTerminal ? 'pretty' : 'json');
  if (format === 'json') return options.to ?? toStandardError();
  return pretty({
    destination: writable(options.to ?? toStandardError()),
    sync: true,
    colorize: process.stderr.isTTY,
    // The time of day; the date is on the wall.
    translateTime: 'SYS:HH:MM:ss.l',
  });
}

/** A line that finds no room on a full disk is lost; the engine must not end for that. */
function toStandardError(): ReturnType<typeof pino.destination> {
  const stream = pino.destination({ fd: standardError, sync: true });
  stream.on('error', () => undefined);
  return stream;
}

function writable(to: DestinationStream) {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      to.write(chunk.toString());
      done();
    },
  });
}

/** Only what is listed: errors of libraries carry requests, environments and parameters with them. */
export function describeError(error: unknown, depth = 0): LogFields {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: withoutParameters(error.message),
    ...(error.stack === undefined ? {} : { stack: withoutParameters(error.stack) }),
    ...('code' in error && ['string', 'number'].includes(typeof error.code) ? { code: error.code } : {}),
    ...(error.cause === undefined || depth === maxCauses
      ? {}
      : { cause: describeError(error.cause, depth + 1) }),
  };
}

const maxCauses = 3;

/** A failed query names its parameters: mission files and whatever else was to be kept. */
function withoutParameters(text: string): string {
  return text.replace(/\nparams: [^]*?(?=\n {4}at |$)/, '\nparams: [redacted]');
}

/** Joins a line to its trace, under OpenTelemetry's own names. */
function activeTrace(): LogFields {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

function temporalLogger(logger: Logger): TemporalLogger {
  function log(level: TemporalLevel, message: string, meta: LogFields = {}): void {
    if (!expected.includes(message)) logger[levels[level]](temporalFields(meta), message);
  }
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}

function temporalFields(meta: LogFields): LogFields {
  const { sdkComponent, error, workflowId } = meta;
  const plain = Object.entries(meta).filter(
    ([name, value]) =>
      !['sdkComponent', 'taskToken', 'error'].includes(name) &&
      ['string', 'number', 'boolean'].includes(typeof value),
  );
  return {
    component: `temporal-${typeof sdkComponent === 'string' ? sdkComponent : 'sdk'}`,
    ...(typeof workflowId === 'string' ? missionOfWorkflow(workflowId) : {}),
    ...Object.fromEntries(plain),
    ...(error === undefined ? {} : { error }),
  };
}
