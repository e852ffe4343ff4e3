import { describe, expect, it } from 'vitest';
import { judge, judgeOwner, judgePipeline, oldestOf, ownerOfRef, type Owner, type Thing } from './rules.ts';

const hour = 3_600_000;
const day = 24 * hour;
const keep = { cloneMs: day, outputMs: 30 * day, auditMs: 365 * day, bytes: 1_000 };
const now = 1_000 * day;

describe('whose something is', () => {
  it.each([
    ['open', { state: 'open' }, 'open', 'open'],
    ['open after a reset, whatever was told', { state: 'open' }, 'ended', 'open'],
    ['open, and the read model is lost', { state: 'open' }, 'none', 'open'],
    ['terminated, which nobody was told', { state: 'closed', at: 5 }, 'open', 'ended'],
    ['ended', { state: 'closed', at: 5 }, 'ended', 'ended'],
    ['forgotten by Temporal', { state: 'none' }, 'ended', 'ended'],
    ['perhaps on another Temporal server', { state: 'none' }, 'open', 'doubtful'],
    ['known to nobody', { state: 'none' }, 'none', 'unknown'],
  ] as const)('%s', (_, temporal, told, kind) => {
    expect(judgeOwner({ temporal, told }).kind).toBe(kind);
  });
});

describe('what becomes of a thing', () => {
  const open: Owner = { kind: 'open' };
  const doubtful: Owner = { kind: 'doubtful' };
  const unknown: Owner = { kind: 'unknown' };
  const ended = (age: number): Owner => ({ kind: 'ended', at: now - age });
  const forgotten: Owner = { kind: 'ended', at: null };
  const clone = (age: number): Thing => ({ kind: 'clone', touchedAt: now - age });
  const run = (age: number, of: Partial<Extract<Thing, { kind: 'run' }>> = {}): Thing => ({
    kind: 'run',
    touchedAt: now - age,
    ...{ isAlive: false, isEmptied: false, isTooMuch: false },
    ...of,
  });
  const everything = { isAlive: true, isTooMuch: true };

  it.each([
    ['a clone of an open task', clone(999 * day), open, 'keep'],
    ['a clone that is in doubt', clone(999 * day), doubtful, 'keep'],
    ['a clone of a task that ended just now', clone(999 * day), ended(hour), 'keep'],
    ['a clone that was touched just now', clone(hour), ended(99 * day), 'keep'],
    ['a clone of a task that ended a day ago', clone(999 * day), ended(day), 'remove'],
    ['a clone whose end is forgotten', clone(day), forgotten, 'remove'],
    ['a clone of nobody, a week old', clone(7 * day), unknown, 'keep'],
    ['a clone of nobody, a month old', clone(30 * day), unknown, 'remove'],
    ['a run of an open task, whatever it takes', run(999 * day, everything), open, 'keep'],
    ['a run that is in doubt, whatever it takes', run(999 * day, everything), doubtful, 'keep'],
    ['a living run of an ended task', run(hour, { isAlive: true }), ended(0), 'end'],
    ['a living run of nobody', run(hour, { isAlive: true }), unknown, 'end'],
    ['a young run', run(29 * day), ended(29 * day), 'keep'],
    ['a young run where there is too much', run(hour, { isTooMuch: true }), ended(hour), 'empty'],
    ['an old run', run(30 * day), ended(30 * day), 'empty'],
    ['an old run of a task that ended lately', run(300 * day), ended(day), 'keep'],
    ['an old run that is empty', run(300 * day, { isEmptied: true, isTooMuch: true }), forgotten, 'keep'],
    ['a very old run', run(365 * day, { isEmptied: true }), forgotten, 'remove'],
  ] as const)('%s', (_, thing, owner, verdict) => {
    expect(judge({ thing, owner, keep, now })).toBe(verdict);
  });
});

describe('what becomes of a run of CI', () => {
  const at = { isInUse: false, upMs: 99 * hour, adoptMs: hour, keep, now };
  const pipeline = { touchedAt: now - hour, isAlive: false, isTooMuch: false };

  it.each([
    ['in use', { ...pipeline, isAlive: true }, { isInUse: true }, 'keep'],
    ['alive, and the engine has just come up', { ...pipeline, isAlive: true }, { upMs: 1 }, 'keep'],
    ['alive, and nobody has come for it', { ...pipeline, isAlive: true }, {}, 'end'],
    ['young', pipeline, {}, 'keep'],
    ['young, and there is too much', { ...pipeline, isTooMuch: true }, {}, 'remove'],
    ['old', { ...pipeline, touchedAt: now - 30 * day }, {}, 'remove'],
    ['old and in use', { ...pipeline, touchedAt: now - 30 * day }, { isInUse: true }, 'keep'],
  ] as const)('%s', (_, found, more, verdict) => {
    expect(judgePipeline({ ...at, pipeline: found, ...more })).toBe(verdict);
  });
});

it('takes the oldest until enough is freed, and nothing where there is no excess', () => {
  const [old, older, young] = [2, 1, 3].map((touchedAt) => ({ touchedAt, bytes: 10 }));
  const all = [old, older, young].flatMap((one) => one ?? []);
  expect([...oldestOf(all, 11)]).toEqual([older, old]);
  expect([...oldestOf(all, 10)]).toEqual([older]);
  expect([...oldestOf(all, 0)]).toEqual([]);
  expect(oldestOf(all, 999).size).toBe(3);
});

it.each([
  ['refs/sessions/key.T-1.author.2.before', { mission: 'key', task: 'T-1' }],
  ['refs/strays/key.T-1.author.2.3/feature/x', { mission: 'key', task: 'T-1' }],
  ['refs/forge/mission/key/T-1', { mission: 'key', task: 'T-1' }],
  ['refs/strays/forge.3/x', 'repository'],
  [`refs/commits/${'a'.repeat(40)}`, 'repository'],
  ['refs/forge/main', undefined],
  ['refs/forge/mission/key/T-1/more', undefined],
  ['refs/heads/main', undefined],
])('knows whose %s is', (ref, owner) => {
  expect(ownerOfRef(ref)).toEqual(owner);
});
