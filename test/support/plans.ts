import { Policy } from '../../schema/contracts/mission-file.ts';
import type { EngineFacts, TaskInput } from '../../schema/contracts/messages.ts';
import type { StartedTask } from '../../schema/contracts/plan.ts';

export const repository = { id: 'r1', forge: 'local' as const, address: '/srv/greeter.git', base: 'main' };

export const engineFacts: EngineFacts = {
  installation: 'i1',
  tenant: 'default',
  host: 'h1',
  searchAttributes: false,
  goAheadBySignal: true,
};

export function task(id: string, more: Partial<StartedTask> = {}): StartedTask {
  return {
    id,
    title: `Task ${id}`,
    goal: 'Do it.',
    acceptance: [],
    checks: [],
    dependsOn: [],
    program: { runtime: 'script', text: 'true' },
    ...more,
  };
}

/** What the workflow of task `T-1` is given. */
export function taskInput(policy: Partial<Policy> = {}, engine: Partial<EngineFacts> = {}): TaskInput {
  return {
    engine: { ...engineFacts, ...engine },
    mission: 'greetings',
    milestone: 'm1',
    repository,
    policy: Policy.parse(policy),
    task: task('T-1', { title: 'Greet' }),
  };
}
