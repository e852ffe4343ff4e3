import { expect, it } from 'vitest';
import type { Program } from '../../schema/contracts/plan.ts';
import { chooseProgram, type Choice } from './choose-program.ts';

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
