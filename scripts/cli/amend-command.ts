import type { Command } from 'commander';
import type { Amendment, PlanChange } from '../../schema/contracts/amendment.ts';
import type { PlanOutline } from '../../schema/contracts/plan.ts';
import { apiOf, collect, groups, mutation } from './command.ts';
import { readAmendment } from './files.ts';
import { show, Usage, warn } from './output.ts';

export interface AmendOptions {
  defer?: string[];
  move?: string;
  to?: string;
  before?: string;
  reason?: string;
}

export function amendCommand(): Command {
  return mutation('amend', 'Change the plan of a mission: all changes of an amendment, or none', [
    'mission amend greetings changes.yaml',
    'generate-changes | mission amend greetings -',
    'mission amend greetings --defer T-003 --reason "after the release"',
    'mission amend greetings --move T-003 --to m2 --before T-009 --reason "m2 needs it first"',
  ])
    .helpGroup(groups.steer)
    .argument('<id>')
    .argument('[file]', 'an amendment, YAML or JSON; - is standard input')
    .option('--defer <task>', 'take a task out of the plan for now (repeatable)', collect)
    .option('--move <task>', 'put a task elsewhere; brings back one that was deferred')
    .option('--to <milestone>', 'with --move: the milestone')
    .option('--before <task>', 'with --move: the task that it comes before; without it, it comes last')
    .option('--reason <text>', 'why, for the record; a file has its own')
    .addHelpText(
      'after',
      `
A file:
  reason: French comes later
  changes:
    - {change: defer, task: T-002}
    - {change: move, task: T-003, milestone: m2, before: T-009}
    - {change: edit, task: T-004, set: {goal: …, script: ./t-004.sh}}
    - {change: add, milestone: m2, task: {id: T-010, title: …, goal: …, runtime: script, script: ./t-010.sh}}
    - {change: policy, parallel: 3, priority: 2}
    - {change: policy, budget: {tokens: 5000000}, fallback: [claude], noProgress: null}`,
    )
    .action(async (id: string, file: string | undefined, options: AmendOptions, self: Command) => {
      const amendment = file === undefined ? amendmentOf(options) : await readAlone(file, options);
      const { api, json } = await apiOf(self);
      const outline = await api.amend({ id, amendment });
      warn(outline.warnings);
      show(outline, () => outlineLines(outline), json);
    });
}

function readAlone(file: string, { defer, move, to, before, reason }: AmendOptions): Promise<Amendment> {
  const given = [defer, move, to, before, reason].some((value) => value !== undefined);
  if (given) throw new Usage('a file says everything itself: leave out --defer, --move and --reason');
  return readAmendment(file);
}

/** The common changes, from the command line. */
export function amendmentOf({ defer = [], move, to, before, reason }: AmendOptions): Amendment {
  const changes: PlanChange[] = defer.map((task) => ({ change: 'defer', task }));
  if (move !== undefined) {
    if (to === undefined) throw new Usage('--move needs --to: name the milestone');
    changes.push({ change: 'move', task: move, milestone: to, ...(before === undefined ? {} : { before }) });
  } else if (to !== undefined || before !== undefined) {
    throw new Usage('--to and --before say where --move goes: name the task with --move');
  }
  if (changes.length === 0) throw new Usage('nothing is changed: give a file, --defer or --move');
  if (reason === undefined) throw new Usage('an amendment has a reason: give it with --reason');
  return { reason, changes };
}

function outlineLines({ milestones, parallel, priority }: PlanOutline): string[] {
  const lines = milestones.map(({ id, tasks, deferred }) => {
    const later = deferred.length === 0 ? '' : `  (deferred: ${deferred.join(', ')})`;
    return `${id.padEnd(12)} ${tasks.join(', ')}${later}`;
  });
  return [...lines, `parallel ${parallel}, priority ${priority}`];
}
