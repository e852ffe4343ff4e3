import { describe, expect, it } from 'vitest';
import {
  builtInEngines,
  disputesFault,
  familiesOf,
  reviewAgentsOf,
  reviewersFault,
  type Engines,
} from './engines.ts';

const engines: Engines = new Map([
  ...builtInEngines('/opt/programs'),
  ['diff-strict', { family: 'diff', argv: ['strict'] }],
  ['oracle', { family: 'oracle', argv: ['oracle'], tier: 2 }],
  ['sage', { family: 'sage', runtime: 'acp', agent: 'sage', tier: 3 }],
]);

interface Asked {
  has?: string[];
  tier?: number;
}

function faultOf(names: string[], { has = [], tier }: Asked = {}): string | undefined {
  return reviewersFault({
    reviewers: names.map((engine) => ({ engine })),
    engines,
    has: (agent) => has.includes(agent),
    tier,
  });
}

describe('the reviewers of a mission', () => {
  it.each<{ names: string[]; asked?: Asked }>([
    { names: ['diff-check', 'test-check'] },
    { names: ['test-check', 'diff-check'] },
    { names: ['diff-check', 'oracle'] },
    { names: ['diff-check', 'test-check', 'oracle'] },
    // A third of a family that is there already does no harm.
    { names: ['diff-check', 'diff-strict', 'oracle'] },
    { names: ['claude', 'codex'], asked: { has: ['claude', 'codex'] } },
    { names: ['oracle', 'sage'], asked: { has: ['acp:sage'], tier: 2 } },
  ])('may be $names', ({ names, asked }) => {
    expect(faultOf(names, asked)).toBeUndefined();
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
    expect(faultOf(names)).toBe(fault);
  });

  it('can not be two of one family with a third that is called now and then', () => {
    const reviewers = [
      { engine: 'diff-check' },
      { engine: 'diff-strict' },
      { engine: 'oracle', role: 'security' as const },
    ];
    expect(reviewersFault({ reviewers, engines, has: () => true })).toBe(twoFamilies);
  });

  it('can not be one that nobody knows; the refusal says who there is, and where to add it', () => {
    expect(faultOf(['diff-check', 'grok'], { has: ['codex'] })).toBe(
      'no engine is named grok; this installation has diff-check, test-check, codex, diff-strict, oracle. ' +
        'Add it under engines: in engine.yaml',
    );
  });

  it('can not be an agent whose program is not here', () => {
    expect(faultOf(['diff-check', 'sage'], { has: ['codex'] })).toBe(
      'the engine sage is acp:sage, which is not on this host: install it, or name another engine',
    );
  });

  it.each([
    { names: ['oracle', 'sage'], fault: 'the engine oracle is of tier 2, and reviewerTier asks for 3' },
    {
      names: ['sage', 'diff-check'],
      fault: 'the engine diff-check has no tier, and reviewerTier asks for 3',
    },
  ])('can not be weaker than the policy asks for: $names', ({ names, fault }) => {
    expect(faultOf(names, { has: ['acp:sage'], tier: 3 })).toBe(
      `${fault}: name a stronger one, or set its tier under engines: in engine.yaml`,
    );
  });
});

describe('the engine that decides disputes', () => {
  const chosen = {
    reviewers: [{ engine: 'diff-check' }, { engine: 'test-check' }],
    engines,
    has: (agent: string) => agent === 'acp:sage',
  };

  it.each([undefined, 'oracle', 'sage'])('may be %s', (disputes) => {
    expect(disputesFault({ ...chosen, disputes, tier: 2 })).toBeUndefined();
  });

  it.each([
    { name: 'one that nobody knows', disputes: 'grok', fault: /^no engine is named grok/ },
    { name: 'one that is not here', disputes: 'codex', fault: /^the engine codex is codex, which is not on/ },
    {
      name: 'one that reads',
      disputes: 'diff-check',
      fault: /^the engine diff-check is a reviewer, and would/,
    },
    { name: 'one that is too weak', disputes: 'oracle', tier: 3, fault: /^the engine oracle is of tier 2/ },
  ])('can not be $name', ({ disputes, tier, fault }) => {
    expect(disputesFault({ ...chosen, disputes, tier })).toMatch(fault);
  });

  it('is of the family that the operator has told', () => {
    const families = familiesOf({ ...chosen, models: [], disputes: 'oracle' });
    expect(families.disputes).toBe('oracle');
    expect(familiesOf({ ...chosen, models: [] })).not.toHaveProperty('disputes');
  });
});

it('those of a mission’s reviewers that are agents are told with what they run', () => {
  const reviewers = ['diff-check', 'sage', 'codex', 'nobody'].map((engine) => ({ engine }));
  expect(reviewAgentsOf({ reviewers, engines })).toEqual([
    { engine: 'sage', program: { runtime: 'acp', agent: 'sage' } },
    { engine: 'codex', program: { runtime: 'codex' } },
  ]);
});

describe('the engines that come along', () => {
  it('are two programs of two families, so that they make a review on any host', () => {
    const reviewers = [{ engine: 'diff-check' }, { engine: 'test-check' }];
    const builtIn = builtInEngines('/opt/programs');
    expect(reviewersFault({ reviewers, engines: builtIn, has: () => false })).toBeUndefined();
  });

  it.each(['diff-check', 'test-check'])('run %s with this very node', (name) => {
    expect(builtInEngines('/opt/programs').get(name)).toMatchObject({
      argv: [process.execPath, `/opt/programs/${name}.js`],
    });
  });

  it('are the agents of their makers', () => {
    expect(builtInEngines('/opt/programs').get('claude')).toEqual({ family: 'anthropic', runtime: 'claude' });
    expect(builtInEngines('/opt/programs').get('codex')).toEqual({ family: 'openai', runtime: 'codex' });
  });
});
