import { describe, expect, it } from 'vitest';
import type { Program } from '../../schema/contracts/plan.ts';
import { chooseProgram, programAfter, type Choice } from './choose-program.ts';

const codex: Program = { runtime: 'codex', model: 'gpt-5.5', effort: 'high' };
const pi: Program = { runtime: 'pi', effort: 'high' };
const script: Program = { runtime: 'script', text: 'true' };
const now = 1_000;

it.each<{ name: string; program?: Program; closed: [string, number][]; choice: Choice }>([
  { name: 'the task’s own program', closed: [], choice: { kind: 'open', program: codex } },
  {
    name: 'the next when it is closed, with a model of its own',
    closed: [['codex', 2_000]],
    choice: { kind: 'open', program: pi },
  },
  {
    name: 'the task’s own again when its window has opened',
    closed: [
      ['codex', now],
      ['pi', 2_000],
    ],
    choice: { kind: 'open', program: codex },
  },
  {
    name: 'none while all are closed: the soonest is waited for',
    closed: [
      ['codex', 3_000],
      ['pi', 2_000],
    ],
    choice: { kind: 'closed', runtime: 'pi', until: 2_000 },
  },
  {
    name: 'a script, which no agent stands in for',
    program: script,
    closed: [],
    choice: { kind: 'open', program: script },
  },
])('takes $name', ({ program = codex, closed, choice }) => {
  expect(chooseProgram({ program, fallback: ['codex', 'pi'], closed: new Map(closed), now })).toEqual(choice);
});

describe('what was sent back', () => {
  const program = { runtime: 'codex', model: 'small', effort: 'low' } as const;

  it.each([
    { remediations: 0, model: 'small' },
    // The first remediation is the author's own.
    { remediations: 1, model: 'small' },
    { remediations: 2, model: 'large' },
    { remediations: 7, model: 'large' },
  ])('$remediations times is for $model', ({ remediations, model }) => {
    const stronger = { model: 'large', effort: 'high' } as const;
    expect(programAfter({ program, stronger, remediations })).toMatchObject({ runtime: 'codex', model });
  });

  it('may be for another agent, which does not inherit the model', () => {
    const stronger = { runtime: 'claude' } as const;
    expect(programAfter({ program, stronger, remediations: 2 })).toEqual({
      runtime: 'claude',
      effort: 'low',
    });
  });

  it('stays with its own program where the policy names nobody, or where it is no agent’s', () => {
    expect(programAfter({ program, stronger: undefined, remediations: 9 })).toBe(program);
    const script = { runtime: 'script', text: 'true' } as const;
    expect(programAfter({ program: script, stronger: { model: 'large' }, remediations: 9 })).toBe(script);
  });
});
