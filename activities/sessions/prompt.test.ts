import { describe, expect, it } from 'vitest';
import type { PlannedTask } from '../../schema/contracts/plan.ts';
import type { Feedback } from '../../workflows/ports.ts';
import { composePrompt } from './prompt.ts';

interface Told {
  task?: Partial<PlannedTask>;
  feedback?: Feedback[];
  guidance?: string[];
}

function prompt(of: Told = {}): string {
  return composePrompt({
    mission: 'greetings',
    task: {
      id: 'T-1',
      title: 'Greet',
      goal: 'Export greet(name).',
      acceptance: [],
      checks: [],
      dependsOn: [],
      program: { runtime: 'script', text: 'true' },
      ...of.task,
    },
    branch: 'mission/greetings/T-1',
    feedback: of.feedback ?? [],
    guidance: of.guidance ?? [],
  });
}

/** The lines of one section, without its heading. */
function section(text: string, title: string): string[] | undefined {
  const found = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  return found?.trimEnd().split('\n').slice(1);
}

function feedback(more: Partial<Feedback> = {}): Feedback {
  return { gate: 'review-and-ci', message: 'CI failed: test', findings: [], excerpt: null, ...more };
}

describe('a prompt', () => {
  it('begins with task, mission and branch, and ends with a line end', () => {
    const text = prompt();
    expect(text.split('\n').slice(0, 3)).toEqual([
      '# T-1: Greet',
      '',
      'Mission greetings. You work in a clone of your own, on the branch mission/greetings/T-1.',
    ]);
    expect(text).toMatch(/[^\n]\n$/);
  });

  it('has only goal and rules when there is nothing else to say', () => {
    const headings = [...prompt().matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(['Goal', 'Rules']);
  });

  it('has everything in the order in which it is read', () => {
    const text = prompt({
      task: { acceptance: ['it greets'], checks: ['npm test'] },
      feedback: [feedback()],
      guidance: ['lead: be brief'],
    });
    const headings = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual([
      'Goal',
      'Acceptance',
      'Checks that must be green in a clean checkout',
      'What earlier attempts came to',
      'Guidance',
      'Rules',
    ]);
  });

  it.each<{ title: string; told: Told; lines: string[] }>([
    { title: 'Goal', told: {}, lines: ['Export greet(name).'] },
    {
      title: 'Goal',
      told: { task: { goal: 'Two\n\nparagraphs' } },
      lines: ['Two', '', 'paragraphs'],
    },
    {
      title: 'Acceptance',
      told: { task: { acceptance: ['it greets', 'in French'] } },
      lines: ['- it greets', '- in French'],
    },
    {
      title: 'Checks that must be green in a clean checkout',
      told: { task: { checks: ['npm test', 'npm run lint'] } },
      lines: ['- `npm test`', '- `npm run lint`'],
    },
    {
      title: 'Guidance',
      told: { guidance: ['lead: be brief'] },
      lines: ['- lead: be brief'],
    },
    {
      title: 'What earlier attempts came to',
      told: { feedback: [feedback(), feedback({ gate: 'implement', message: 'it was lost' })] },
      lines: ['- review-and-ci: CI failed: test', '- implement: it was lost'],
    },
    {
      title: 'What earlier attempts came to',
      told: { feedback: [feedback({ excerpt: '1 failing\n```\n# Not ours\n\n' })] },
      lines: ['- review-and-ci: CI failed: test', '', '      1 failing', '      ```', '      # Not ours'],
    },
    {
      title: 'What earlier attempts came to',
      told: {
        feedback: [
          feedback({
            findings: [
              { severity: 'blocker', category: 'secret', file: 'a.js', line: 3, message: 'a key' },
              { severity: 'blocker', category: 'untested', file: 'b.js', message: 'no test' },
              { severity: 'nit', category: 'style', message: 'too long' },
            ],
          }),
        ],
      },
      lines: [
        '- review-and-ci: CI failed: test',
        '  - blocker [secret] a.js:3 a key',
        '  - blocker [untested] b.js:1 no test',
        '  - nit [style] too long',
      ],
    },
  ])('tells under $title $lines', ({ title, told, lines }) => {
    expect(section(prompt(told), title)).toEqual(lines);
  });

  it.each(['Do not push', 'not an exit code', 'MISSION_OUTCOME_FILE', '"outcome":"no-change-needed"'])(
    'rules: %s',
    (rule) => {
      expect(section(prompt(), 'Rules')?.join('\n')).toContain(rule);
    },
  );
});
