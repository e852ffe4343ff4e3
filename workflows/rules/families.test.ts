import { describe, expect, it } from 'vitest';
import { Policy } from '../../schema/contracts/mission-file.ts';
import type { Families, Plan, Program } from '../../schema/contracts/plan.ts';
import type { AgentChoice, AgentRuntime } from '../../schema/contracts/agent.ts';
import { repository, task } from '../../test/support/plans.ts';
import { familyFaults, familyOf } from './families.ts';

describe('the family of what writes', () => {
  it.each<{ program: Program; told?: Families['told']; family: string }>([
    { program: { runtime: 'claude' }, family: 'anthropic' },
    { program: { runtime: 'codex' }, family: 'openai' },
    { program: { runtime: 'codex', model: 'gpt-5.5' }, family: 'openai' },
    { program: { runtime: 'pi', model: 'anthropic/claude-opus-4' }, family: 'anthropic' },
    { program: { runtime: 'pi', model: 'openrouter/anthropic/claude-opus-4' }, family: 'anthropic' },
    { program: { runtime: 'opencode', model: 'openai-codex/gpt-5.5' }, family: 'openai' },
    { program: { runtime: 'pi', model: 'azure/o3' }, family: 'openai' },
    { program: { runtime: 'pi', model: 'google/gemini-3-pro' }, family: 'google' },
    { program: { runtime: 'pi', model: 'openrouter/qwen/qwen4-coder' }, family: 'qwen' },
    { program: { runtime: 'pi', model: 'local-model' }, family: 'pi' },
    { program: { runtime: 'pi', model: 'local-model' }, told: { 'pi local-model': 'qwen' }, family: 'qwen' },
    { program: { runtime: 'pi' }, family: 'pi' },
    { program: { runtime: 'pi' }, told: { pi: 'anthropic' }, family: 'anthropic' },
    { program: { runtime: 'pi', model: 'openai/gpt-5' }, told: { pi: 'anthropic' }, family: 'openai' },
    { program: { runtime: 'acp', agent: 'gemini' }, family: 'acp:gemini' },
    { program: { runtime: 'acp', agent: 'gemini' }, told: { 'acp:gemini': 'google' }, family: 'google' },
    { program: { runtime: 'script', text: 'true' }, family: 'script' },
    { program: { runtime: 'command', command: 'x' }, family: 'command' },
  ])('$program with $told is $family', ({ program, told = {}, family }) => {
    expect(familyOf(program, told)).toBe(family);
  });
});

function plan(of: {
  program: Program;
  fallback?: AgentRuntime[];
  stronger?: AgentChoice;
  families?: Families;
}): Plan {
  const { program, fallback, stronger, families } = of;
  const policy = Policy.parse({ fallback, stronger });
  const milestones = [{ id: 'm1', title: 'All', tasks: [task('A'), task('B', { program })] }];
  return { mission: 'm', title: 'M', repository, policy, milestones, ...(families ? { families } : {}) };
}

const both: Families = { reviewers: ['anthropic', 'openai'], told: {} };

describe('a change is not read by those alone who write it', () => {
  it.each<{ name: string; of: Parameters<typeof plan>[0] }>([
    { name: 'one of two families', of: { program: { runtime: 'codex' }, families: both } },
    { name: 'a third family', of: { program: { runtime: 'pi' }, families: both } },
    {
      name: 'two families where a third reads',
      of: {
        program: { runtime: 'codex' },
        fallback: ['claude'],
        families: { ...both, reviewers: ['anthropic', 'openai', 'diff'] },
      },
    },
    {
      name: 'an older plan, whose families nobody has told',
      of: { program: { runtime: 'codex' }, fallback: ['claude'] },
    },
  ])('is satisfied when it is written by $name', ({ of }) => {
    expect(familyFaults(plan(of))).toEqual([]);
  });

  it('is broken by a fallback of the other family: the refusal names task, families and remedy', () => {
    const of = { program: { runtime: 'codex' }, fallback: ['claude'], families: both } as const;
    expect(familyFaults(plan({ ...of, fallback: ['claude'] }))).toEqual([
      {
        milestone: 0,
        task: 1,
        message:
          'B may be written by openai and anthropic, and so are all who read it (anthropic, openai): ' +
          'add a reviewer of another family, or take agents out of `fallback` or `stronger`',
      },
    ]);
  });

  it('is broken by who goes on after it was sent back, and by who stands in for that', () => {
    const families = { ...both, told: { pi: 'anthropic' } };
    const says = 'may be written by openai and anthropic';
    const codex = { runtime: 'codex' } as const;
    const [first] = familyFaults(plan({ program: codex, stronger: { runtime: 'claude' }, families }));
    expect(first?.message).toContain(says);
    // It stands in without the model that it began with.
    const program = { runtime: 'pi', model: 'openai/o3' } as const;
    const [second] = familyFaults(plan({ program, stronger: codex, fallback: ['pi'], families }));
    expect(second?.message).toContain(says);
  });

  it('is kept by a stronger model of the same maker', () => {
    const of = { program: { runtime: 'codex' }, families: both } as const;
    expect(familyFaults(plan({ ...of, stronger: { model: 'gpt-6' } }))).toEqual([]);
  });

  it('is broken by who decides disputes, where that is of a family that writes', () => {
    const of = { program: { runtime: 'codex' } } as const;
    expect(familyFaults(plan({ ...of, families: { ...both, disputes: 'google' } }))).toEqual([]);
    expect(familyFaults(plan({ ...of, families: { ...both, disputes: 'openai' } }))).toEqual([
      {
        milestone: 0,
        task: 1,
        message:
          'B may be written by openai, and what its author disputes is decided by openai too: ' +
          'name an engine of another family under policy.disputes',
      },
    ]);
  });

  it('is broken where nobody else reads', () => {
    const families = { reviewers: ['anthropic'], told: { pi: 'anthropic' } };
    const [fault] = familyFaults(plan({ program: { runtime: 'pi' }, families }));
    expect(fault?.message).toMatch(/^B may be .*: add a reviewer of another family$/);
  });
});
