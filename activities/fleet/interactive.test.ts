import { describe, expect, it } from 'vitest';
import { RosterAgent, Roster } from '../../schema/contracts/roster.ts';
import { interactiveLaunch, modelFor } from './interactive.ts';

describe('an agent in a terminal', () => {
  it.each([
    { runtime: 'codex', hint: 'gpt-5.6', model: 'gpt-5.6' },
    { runtime: 'codex', hint: 'the big one', model: 'standard' },
    { runtime: 'codex', hint: '--yolo', model: 'standard' },
    { runtime: 'codex', hint: undefined, model: 'standard' },
    { runtime: 'claude', hint: 'opus', model: 'opus' },
    { runtime: 'opencode', hint: 'opus', model: 'standard' },
    { runtime: 'opencode', hint: 'anthropic/opus', model: 'anthropic/opus' },
  ])('of $runtime with the hint $hint has the model $model', ({ runtime, hint, model }) => {
    const agent = RosterAgent.parse({ name: 'a', runtime, class: 'canary', modelHint: hint });
    expect(modelFor(agent, 'standard')).toBe(model);
  });

  it('gets what the roster says, and of the engine’s environment only what any program gets', () => {
    const roster = Roster.parse({
      version: 1,
      defaults: { workingDirectory: '/work' },
      runtimes: { codex: { args: ['--search'], env: { KEY: 'v', PATH: '/own' } } },
      agents: [{ name: 'a', runtime: 'codex', class: 'canary' }],
    });
    const agent = RosterAgent.parse(roster.agents[0]);
    const environment = { LANG: 'C.UTF-8', MISSION_TOKEN: 'secret', PATH: '/bin' };
    const of = { program: '/own/codex', path: '/own:/bin', home: '/home/me', tag: '/data/fleet/a' };
    expect(interactiveLaunch({ roster, agent, environment, ...of })).toEqual({
      cwd: '/work',
      argv: ['/own/codex', '--dangerously-bypass-approvals-and-sandbox', '--search'],
      env: {
        LANG: 'C.UTF-8',
        HOME: '/home/me',
        KEY: 'v',
        PATH: '/own:/bin',
        MISSION_AGENT: 'a',
        MISSION_RUN: '/data/fleet/a',
      },
    });
  });
});
