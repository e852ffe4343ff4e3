import { expect, it } from 'vitest';
import { Roster } from '../../schema/contracts/roster.ts';
import { resetAgent } from './messages.ts';

/** A fleet whose terminals keep what is pasted into them. */
function fleetOf(agents: readonly object[]) {
  const roster = Roster.parse({ version: 1, agents });
  const pasted: string[] = [];
  const tmux = {
    paste: (_: string, text: string) => Promise.resolve(void pasted.push(text)),
    screen: () =>
      Promise.resolve({ lines: pasted.join('\n').concat('>').split('\n'), cursor: { x: 0, y: 0 } }),
    pressEnter: () => Promise.resolve(),
  };
  const status = () => Promise.resolve([]);
  const start = () => Promise.resolve('started' as const);
  const stop = () => Promise.resolve('not-running' as const);
  return { fleet: { roster, tmux, status, start, stop }, pasted };
}

it('an orchestrator without a template is told its mode, and other agents are told nothing', async () => {
  const { fleet, pasted } = fleetOf([
    { name: 'lead', runtime: 'codex', class: 'orchestrator' },
    { name: 'coder', runtime: 'codex', class: 'implementer' },
  ]);
  const [lead, coder] = fleet.roster.agents;
  if (!lead || !coder) throw new Error('there are two agents');

  expect(await resetAgent({ fleet, agent: coder, templates: '/none' })).toMatchObject({ kickstarted: false });
  expect(pasted).toEqual(['/clear']);
  expect(await resetAgent({ fleet, agent: lead, templates: '/none' })).toMatchObject({ kickstarted: true });
  const prompt = pasted.at(-1) ?? '';
  const order = ['# lead: orchestrator', '## Gates', '## Who you are', '## Commands', '## Answer', '## Mode'];
  expect(prompt.match(/^#+ .*$/gm)).toEqual(order);
  expect(prompt).toContain(
    'orchestrate: plan missions, start them and answer for them. You edit, commit, push',
  );
});
