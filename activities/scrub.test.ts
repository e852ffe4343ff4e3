import { describe, expect, it } from 'vitest';
import { createScrub, scrubDeep, scrubError } from './scrub.ts';

const token = `mission_${'Ab3-_'.repeat(8)}xyz`;

describe('what is scrubbed from text', () => {
  const scrub = createScrub({});

  it.each([
    ['a URL', 'at postgres://app:s3cret@db:5432/x now', 'at postgres://[redacted]@db:5432/x now'],
    ['a URL with no user', 'redis://:s3cret@db', 'redis://[redacted]@db'],
    ['a user alone', 'https://ghp_0123@github.com/a/b', 'https://[redacted]@github.com/a/b'],
    [
      'a password that should have been encoded',
      'postgres://app:s/3@c#r?@db/x',
      'postgres://[redacted]@db/x',
    ],
    ['a password with a quote, as JSON has it', String.raw`"pg://a:s\"3\\@db"`, '"pg://[redacted]@db"'],
    ['a bearer token', `authorization: Bearer ${'x'.repeat(20)}`, 'authorization: Bearer [redacted]'],
    ['a header', '{"Authorization":"Basic YTpi"}', '{"Authorization":"Basic [redacted]"}'],
    ['a token of the engine', `the token ${token}, wherever`, 'the token [redacted], wherever'],
    ['libpq parameters', 'host=db password=s3cret user=app', 'host=db password=[redacted] user=app'],
    ['a key of a model', `Error: sk-ant-${'a1_'.repeat(9)} is not valid`, 'Error: [redacted] is not valid'],
    ['a token of GitHub', `gh auth: ghp_${'a1'.repeat(18)}.`, 'gh auth: [redacted].'],
    ['a token of GitLab', `PRIVATE: glpat-${'a1'.repeat(10)}`, 'PRIVATE: [redacted]'],
    ['a token of Slack', 'xoxb-123456789012-abcdef', '[redacted]'],
    ['a key of AWS', 'id AKIAIOSFODNN7EXAMPLE here', 'id [redacted] here'],
    ['a token of npm', `npm_${'a1'.repeat(18)}`, '[redacted]'],
    ['a JWT', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def-ghijk', '[redacted]'],
    [
      'a private key, as JSON has it',
      String.raw`{"key":"-----BEGIN RSA PRIVATE KEY-----
abc
-----END RSA PRIVATE KEY-----"}`,
      '{"key":"[redacted]"}',
    ],
    ['a query', 'https://x.y/z?a=1&access_token=s3cret&b=2', 'https://x.y/z?a=1&access_token=[redacted]&b=2'],
  ])('%s', (_, text, clean) => {
    expect(scrub(text)).toBe(clean);
  });

  it.each([
    'at run (file:///srv/node_modules/@temporalio/worker/lib/worker.js:10:3)',
    'http://127.0.0.1:7077/v1/missions, told to ops@example.com',
    '{"msg":"http://127.0.0.1:7077","by":"lead@home"}',
    'risk-based-testing-of-the-whole-thing, npm_config_update_notifier',
    'basic authentication is off; the bearer of news is mission_key',
  ])('and not: %s', (text) => {
    expect(scrub(text)).toBe(text);
  });
});

describe('the secrets of the environment', () => {
  const scrub = createScrub({
    DATABASE_URL: 'postgres://app:p%40ssw0rd!@db/x',
    TEMPORAL_API_KEY: 'ey.temporal.key',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=acme-corporation,x-auth=collector-key',
    MISSION_TOKEN: 'a "quoted" one',
    SHORT_TOKEN: 'the',
    HOME: '/home/somebody',
  });

  it('are known by value, in whatever form they come', () => {
    const text = `the key ey.temporal.key, the password p@ssw0rd!, collector-key, ${JSON.stringify('a "quoted" one')}`;
    expect(scrub(text)).toBe('the key [redacted], the password [redacted], [redacted], "[redacted]"');
  });

  it('leave other values and short ones alone', () => {
    expect(scrub('the home is /home/somebody')).toBe('the home is /home/somebody');
  });
});

describe('the values that an operator gives to agents', () => {
  const scrub = createScrub({}, ['sesame-open', 'short']);

  it('are known whatever their names, in values however deep, but not in what workflows go by', () => {
    const told = {
      id: 'sesame-open.A',
      said: ['it is sesame-open', { at: 1, message: 'sesame-open!' }],
      none: null,
    };
    expect(scrubDeep(told, scrub)).toEqual({
      id: 'sesame-open.A',
      said: ['it is [redacted]', { at: 1, message: '[redacted]!' }],
      none: null,
    });
    const placed = { kind: 'placed', program: { runtime: 'script', text: 'token=$(sesame-open)' } };
    expect(scrubDeep(placed, scrub)).toEqual(placed);
    expect(scrub('short and sweet')).toBe('short and sweet');
  });

  it('are taken out of an error, its stack, and what caused it', () => {
    const error = new Error('no sesame-open', { cause: new Error('for want of sesame-open') });
    scrubError(error, scrub);
    const { message, stack, cause } = error;
    expect([message, stack, String(cause)].join()).not.toContain('sesame');
    expect(message).toBe('no [redacted]');
  });
});
