import { describe, expect, it } from 'vitest';
import { builtInEngines, reviewersFault, type Engines } from './engines.ts';

const engines: Engines = new Map([
  ...builtInEngines('/opt/programs'),
  ['diff-strict', { family: 'diff', argv: ['strict'] }],
  ['oracle', { family: 'oracle', argv: ['oracle'] }],
]);

function faultOf(...names: string[]): string | undefined {
  return reviewersFault(
    names.map((engine) => ({ engine })),
    engines,
  );
}

describe('the reviewers of a mission', () => {
  it.each([
    { names: ['diff-check', 'test-check'] },
    { names: ['test-check', 'diff-check'] },
    { names: ['diff-check', 'oracle'] },
    { names: ['diff-check', 'test-check', 'oracle'] },
    // A third of a family that is there already does no harm.
    { names: ['diff-check', 'diff-strict', 'oracle'] },
  ])('may be $names', ({ names }) => {
    expect(faultOf(...names)).toBeUndefined();
  });

  const twoFamilies = 'a review needs two engines of different families';
  it.each([
    { name: 'nobody', names: [], fault: twoFamilies },
    { name: 'one alone', names: ['diff-check'], fault: twoFamilies },
    { name: 'two of one family', names: ['diff-check', 'diff-strict'], fault: twoFamilies },
    { name: 'the same one twice', names: ['diff-check', 'diff-check'], fault: twoFamilies },
    {
      name: 'the same one twice beside another',
      names: ['diff-check', 'test-check', 'diff-check'],
      fault: 'an engine is named twice among the reviewers',
    },
  ])('can not be $name', ({ names, fault }) => {
    expect(faultOf(...names)).toBe(fault);
  });

  it('can not be one that nobody knows; the refusal says who there is, and where to add it', () => {
    expect(faultOf('diff-check', 'codex')).toBe(
      'no engine is named codex; this installation has diff-check, test-check, diff-strict, oracle. ' +
        'Add it under engines: in engine.yaml',
    );
  });
});

describe('the engines that come along', () => {
  it('are of two families, so that they make a review', () => {
    const reviewers = [{ engine: 'diff-check' }, { engine: 'test-check' }];
    expect(reviewersFault(reviewers, builtInEngines('/opt/programs'))).toBeUndefined();
  });

  it.each(['diff-check', 'test-check'])('run %s with this very node', (name) => {
    expect(builtInEngines('/opt/programs').get(name)?.argv).toEqual([
      process.execPath,
      `/opt/programs/${name}.js`,
    ]);
  });
});
