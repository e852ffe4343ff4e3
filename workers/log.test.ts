import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLog, type LogOptions } from './log.ts';

const Line = z.looseObject({ time: z.iso.datetime(), level: z.string(), msg: z.string() });

function listen(options: Omit<LogOptions, 'to'> = {}) {
  const written: string[] = [];
  const log = createLog({
    environment: {},
    format: 'json',
    ...options,
    to: { write: (text) => void written.push(text) },
  });
  return {
    log,
    text: () => written.join(''),
    lines: () => written.map((line) => Line.parse(JSON.parse(line))),
  };
}

describe('the log', () => {
  it('is lines of JSON', () => {
    const { log, lines } = listen();
    log.info('the engine is up', { tenant: 'default', mission: 'm1' });
    expect(lines()).toMatchObject([
      { level: 'info', msg: 'the engine is up', tenant: 'default', mission: 'm1' },
    ]);
  });

  it('has the level that MISSION_LOG_LEVEL names', () => {
    const { log, lines } = listen({ environment: { MISSION_LOG_LEVEL: 'WARN' } });
    log.info('unheard');
    log.warn('heard');
    expect(lines().map((line) => line.msg)).toEqual(['heard']);
    expect(() => listen({ environment: { MISSION_LOG_LEVEL: 'loud' } })).toThrow(
      'MISSION_LOG_LEVEL is loud: it can be trace, debug',
    );
  });

  it('can be read by people', () => {
    const { log, text } = listen({ format: 'pretty' });
    log.warn('mind the gap', { mission: 'm1' });
    expect(text()).toContain('WARN');
    expect(text()).toContain('mind the gap');
    expect(text()).not.toContain('{"');
  });

  it('tells type, message, stack and cause of an error, and nothing else that it carries', () => {
    const { log, lines, text } = listen();
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', env: { X: 'hush' } });
    log.error('the API has failed', new TypeError('no answer', { cause }), { requestId: 'r1' });
    expect(lines()).toMatchObject([
      {
        level: 'error',
        requestId: 'r1',
        error: {
          type: 'TypeError',
          message: 'no answer',
          cause: { type: 'Error', message: 'refused', code: 'ECONNREFUSED' },
        },
      },
    ]);
    expect(text()).toContain('log.test.ts');
    expect(text()).not.toContain('hush');
  });

  it('takes what Temporal says, with the mission and task of the workflow', () => {
    const { log, lines } = listen();
    log.temporal.warn('Activity failed', {
      sdkComponent: 'worker',
      workflowId: 'i1/mission-greetings/T-001',
      activityType: 'runSession',
      session: 'greetings.T-001.author.1',
      taskToken: 'AAAA',
      error: new Error('boom'),
    });
    log.temporal.info('Worker state changed', { sdkComponent: 'worker' });
    log.temporal.warn('No workflows registered, not polling for workflow tasks');
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      level: 'warn',
      component: 'temporal-worker',
      workflowId: 'i1/mission-greetings/T-001',
      mission: 'greetings',
      task: 'T-001',
      session: 'greetings.T-001.author.1',
      activityType: 'runSession',
      error: { type: 'Error', message: 'boom' },
    });
    expect(lines()[0]).not.toHaveProperty('taskToken');
  });
});

describe('secrets', () => {
  const secrets = ['s3cret-password', 'ey.temporal.api.key', `mission_${'k'.repeat(43)}`];
  const [password, apiKey, token] = secrets;
  const url = `postgres://app:${password}@db:5432/missions`;
  const environment = { DATABASE_URL: url, TEMPORAL_API_KEY: apiKey };

  it.each(['json', 'pretty'] as const)('are not in the log, wherever they are put (%s)', (format) => {
    const { log, text } = listen({ environment, format });
    log.info(`connecting to ${url}`, { databaseUrl: url, nested: { headers: { authorization: apiKey } } });
    log.warn(`the server said no to Bearer ${token}`, { token, deep: { a: { b: [`${token}`, { url }] } } });
    log.error('failed', new Error(`connect ${url}`, { cause: new Error(`key ${apiKey}`) }));
    log.error('failed', `text: ${url}`);
    log.temporal.error(`core: ${apiKey}`, { sdkComponent: 'core', address: url, error: new Error(url) });
    expect(text()).toContain('connecting to');
    for (const secret of secrets) expect(text()).not.toContain(secret);
  });

  it('nor are the parameters of a failed query', () => {
    const { log, text, lines } = listen();
    log.error('failed', new Error('Failed query: insert into missions values ($1)\nparams: hush,\nnow'));
    expect(text()).not.toContain('hush');
    expect(lines()[0]).toMatchObject({
      error: { message: 'Failed query: insert into missions values ($1)\nparams: [redacted]' },
    });
    expect(text()).toContain('log.test.ts');
  });
});
