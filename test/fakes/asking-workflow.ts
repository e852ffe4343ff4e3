/** A task that only asks, as its goal tells: one question after another, and tells what it was answered. */
import { allHandlersFinished, condition } from '@temporalio/workflow';
import { z } from 'zod';
import type { TaskInput, TaskResult } from '../../schema/contracts/messages.ts';
import { EscalationKind, QuestionOption } from '../../schema/contracts/question.ts';
import { TaskState } from '../../workflows/task-state.ts';
import { TaskStory } from '../../workflows/task-story.ts';
import { listen } from '../../workflows/task-workflow.ts';

const Asks = z.array(
  z.object({
    id: z.string(),
    kind: EscalationKind,
    title: z.string(),
    detail: z.string().nullable(),
    options: z.array(QuestionOption),
  }),
);

export async function taskWorkflow(input: TaskInput): Promise<TaskResult> {
  const task = new TaskState(input, Date.now);
  const story = new TaskStory(task);
  listen(task, story);
  const answers: string[] = [];
  task.enter('implement', { on: 'session 1', for: 'agent' });
  for (const ask of Asks.parse(JSON.parse(input.task.goal))) {
    const { option, by } = await story.asks.ask(ask);
    answers.push(`${ask.id}: ${option} by ${by}`);
  }
  await condition(allHandlersFinished);
  return task.end('skipped', answers.join(', '));
}
