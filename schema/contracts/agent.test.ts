import { describe, expect, it } from 'vitest';
import { AgentChoice, chooseAgent, type ChosenAgent } from './agent.ts';

const mission: ChosenAgent = { runtime: 'codex', model: 'gpt-5.5', effort: 'high' };

describe('the agent of a task', () => {
  it.each<{ name: string; inner: AgentChoice[]; chosen: ChosenAgent }>([
    { name: 'is the mission’s when nobody says else', inner: [{}, {}], chosen: mission },
    {
      name: 'has what the innermost says',
      inner: [{ effort: 'low' }, { effort: 'max' }],
      chosen: { ...mission, effort: 'max' },
    },
    { name: 'has its own model', inner: [{ model: 'gpt-6' }], chosen: { ...mission, model: 'gpt-6' } },
    {
      name: 'does not inherit the model of another runtime',
      inner: [{ runtime: 'claude' }, {}],
      chosen: { runtime: 'claude', effort: 'high' },
    },
    {
      name: 'inherits the model with its runtime',
      inner: [{ runtime: 'pi', model: 'kimi' }, { effort: 'low' }],
      chosen: { runtime: 'pi', model: 'kimi', effort: 'low' },
    },
    {
      name: 'keeps a model when its runtime is only named again',
      inner: [{ runtime: 'codex' }],
      chosen: mission,
    },
    {
      name: 'is one of the roster’s, with no model of another',
      inner: [{ runtime: 'acp', agent: 'gemini', model: 'pro' }, { agent: 'qwen' }],
      chosen: { runtime: 'acp', agent: 'qwen', effort: 'high' },
    },
    {
      name: 'is none of the roster’s where another runtime is named',
      inner: [{ runtime: 'acp', agent: 'gemini' }, { runtime: 'pi' }],
      chosen: { runtime: 'pi', effort: 'high' },
    },
  ])('$name', ({ inner, chosen }) => {
    expect(chooseAgent(mission, ...inner)).toEqual(chosen);
  });

  it.each(['--yolo', '', 'a b', 'x\n', `m${'x'.repeat(200)}`])('has no model named %j', (model) => {
    expect(AgentChoice.safeParse({ model }).success).toBe(false);
  });

  it.each(['gpt-5.5', 'openrouter/anthropic/claude:beta', 'anthropic.claude-v2:0', 'o4@2026'])(
    'may have a model named %s',
    (model) => {
      expect(AgentChoice.parse({ model }).model).toBe(model);
    },
  );
});
