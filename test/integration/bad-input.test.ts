import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { audit, idempotencyKeys, missions, tasks, tokens } from '../../schema/db/tables.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { startApi, type Call, type TestApi } from '../support/api.ts';
import { startTestEngine } from '../support/workers.ts';

interface BadCase {
  name: string;
  call: Call;
  path?: string;
  status: number;
  /** Words of the answer that tell the place or the remedy. */
  says: string;
}

const yaml = 'application/yaml';
const twoMebibytes = 'x'.repeat(2 * 1024 * 1024);

/** A few lines that would become thousands of millions of values. */
const billionLaughs = [
  'a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]',
  ...Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`),
].join('\n');

/** Bodies of `POST /v1/missions`, but for those that say otherwise. */
function badCases(api: TestApi): BadCase[] {
  const good = api.missionFile({ key: 'bad' });
  const json = (more: object): Call => ({ body: JSON.stringify({ ...good, ...more }) });
  const withTask = (...more: object[]): Call => {
    const base = { title: 'T', goal: 'G', runtime: 'command', command: 'work' };
    return json({
      milestones: [{ id: 'm1', title: 'M', tasks: more.map((one, n) => ({ id: `T${n}`, ...base, ...one })) }],
    });
  };
  const at = (path: string, base = 'main'): Call => json({ repository: { forge: 'local', path, base } });
  const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'));
  return [
    { name: 'an unknown field', call: json({ surprise: 1 }), status: 400, says: 'surprise' },
    {
      name: 'an unknown field far inside',
      call: withTask({ modell: 'x' }),
      status: 400,
      says: 'milestones.0.tasks.0',
    },
    { name: 'a number for a text', call: json({ title: 7 }), status: 400, says: 'title' },
    { name: 'a text for a list', call: json({ milestones: 'all' }), status: 400, says: 'milestones' },
    { name: 'a list', call: { body: '[]' }, status: 400, says: 'expected object' },
    { name: 'nothing', call: { body: '' }, status: 400, says: 'no JSON' },
    { name: 'null', call: { body: 'null' }, status: 400, says: 'expected object' },
    {
      name: 'tasks that wait on each other',
      call: withTask({ dependsOn: ['T1'] }, { dependsOn: ['T0'] }),
      status: 400,
      says: 'T0 → T1 → T0',
    },
    {
      name: 'one id twice',
      call: withTask({ id: 'A' }, { id: 'A' }),
      status: 400,
      says: 'task id A is used twice',
    },
    {
      name: 'an unknown dependency',
      call: withTask({ dependsOn: ['Z'] }),
      status: 400,
      says: 'no task has the id Z',
    },
    { name: 'no repository there', call: at(`${api.root}/none.git`), status: 422, says: 'there is no' },
    { name: 'a folder that is no repository', call: at(api.root), status: 422, says: 'not a git repository' },
    { name: 'no base branch', call: at(api.repository, 'nope'), status: 422, says: 'has no branch nope' },
    { name: 'a way out of the roots', call: at(`${api.root}/../../etc`), status: 422, says: 'roots' },
    {
      name: 'a base that is an option',
      call: at(api.repository, '--upload-pack=x'),
      status: 400,
      says: 'repository.base',
    },
    ...['../x', 'a;b', 'a\nb', '-rf', 'a/b', 'a b', '$(id)', ''].flatMap((id): BadCase[] => [
      {
        name: `a task named ${JSON.stringify(id)}`,
        call: withTask({ id }),
        status: 400,
        says: 'a name has up to',
      },
      { name: `a key ${JSON.stringify(id)}`, call: json({ key: id }), status: 400, says: 'a key has up to' },
    ]),
    { name: 'aliases that explode', call: { body: billionLaughs, type: yaml }, status: 400, says: 'alias' },
    { name: 'a tag', call: { body: 'title: !!js/function x', type: yaml }, status: 400, says: 'tag' },
    {
      name: 'a tag that is known',
      call: { body: 'a: !!binary aGk=', type: yaml },
      status: 400,
      says: 'line 1',
    },
    { name: 'a merge key', call: { body: 'a: &a {b: 1}\nc: {<<: *a}', type: yaml }, status: 400, says: '' },
    { name: 'a key twice', call: { body: 'title: a\ntitle: b', type: yaml }, status: 400, says: 'unique' },
    { name: 'two documents', call: { body: 'a: 1\n---\nb: 2', type: yaml }, status: 400, says: 'document' },
    { name: 'YAML nested deeply', call: { body: '['.repeat(50_000), type: yaml }, status: 400, says: '' },
    { name: 'a body that is too large', call: { body: twoMebibytes }, status: 413, says: '1048576' },
    {
      name: 'a stream that is too large',
      call: { body: new Blob([twoMebibytes]).stream() },
      status: 413,
      says: '1048576',
    },
    {
      name: 'a token’s body that is too large',
      path: '/v1/tokens',
      call: { body: twoMebibytes },
      status: 413,
      says: '1048576',
    },
    {
      name: 'another content type',
      call: { ...json({}), type: 'text/plain' },
      status: 415,
      says: 'application/json',
    },
    {
      name: 'YAML where only JSON is taken',
      path: '/v1/tokens',
      call: { body: 'name: x', type: yaml },
      status: 415,
      says: 'application/json',
    },
    {
      name: 'no content type',
      call: { body: bytes('{}'), type: '' },
      status: 415,
      says: 'Content-Type',
    },
    {
      name: 'JSON nested deeply',
      call: { body: '{"title":'.repeat(90_000) },
      status: 400,
      says: 'JSON',
    },
    {
      name: 'whole JSON nested deeply',
      call: { body: `${'['.repeat(90_000)}${']'.repeat(90_000)}` },
      status: 400,
      says: 'nested',
    },
    { name: 'no UTF-8', call: { body: bytes('{"title":"\xff\xfe"}') }, status: 400, says: 'UTF-8' },
    { name: 'a NUL', call: json({ title: 'a\0b' }), status: 400, says: 'title: text can not hold a NUL' },
    { name: 'half of a pair', call: { body: '{"title":"\\ud800"}' }, status: 400, says: 'title: ' },
    {
      name: 'a key __proto__',
      call: { body: '{"__proto__":{"admin":true}}' },
      status: 400,
      says: '__proto__',
    },
    {
      name: 'a key __proto__ far inside, in YAML',
      call: { body: 'policy: {__proto__: {parallel: 5}}', type: yaml },
      status: 400,
      says: 'policy: the key __proto__',
    },
    { name: 'half of JSON', call: { body: '{"title":' }, status: 400, says: 'no JSON' },
    {
      name: 'a token with a wrong scope',
      path: '/v1/tokens',
      call: { body: '{"name":"x","scopes":["root"]}' },
      status: 400,
      says: 'scopes.0',
    },
    {
      name: 'a token that expires on no day',
      path: '/v1/tokens',
      call: { body: '{"name":"x","scopes":["admin"],"expiresAt":"2026-02-30T00:00:00Z"}' },
      status: 400,
      says: 'expiresAt',
    },
    {
      name: 'a mission with a path for its id',
      path: '/v1/missions/..%2f..%2fetc/cancel',
      call: { body: '{}' },
      status: 400,
      says: 'id: a key has up to',
    },
  ];
}

const Answer = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string().min(1),
});

it('refuses bad input with its place and a remedy, and keeps nothing of it', async () => {
  const engine = await startTestEngine(new FakeWorld());
  onTestFinished(() => engine.stop());
  const api = await startApi(engine);
  const cases = badCases(api);
  for (const [n, { name, path = '/v1/missions', call, status, says }] of cases.entries()) {
    const answer = await api.send(path, { method: 'POST', ...call, key: `the ${n}th` });
    expect({ name, status: answer.status, type: answer.type, body: answer.body }).toMatchObject({
      status,
      type: 'application/problem+json',
    });
    const { detail } = Answer.parse(answer.body);
    expect(detail, name).toContain(says);
  }
  const kept = await Promise.all(
    [missions, tasks, idempotencyKeys].map((table) => api.queries.select().from(table)),
  );
  expect(kept).toEqual([[], [], []]);
  expect((await api.queries.select().from(tokens)).map(({ name }) => name)).toEqual(['admin']);
  // Of what was too large, not even its hash was worth keeping.
  const tooLarge = cases.filter(({ status }) => status === 413).length;
  expect(await api.queries.select().from(audit)).toHaveLength(cases.length - tooLarge);
});
