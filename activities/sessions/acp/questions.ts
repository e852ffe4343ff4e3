/** How a question of an agent reaches its task, and the answer its session. */
import { link, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { signals } from '../../../schema/contracts/messages.ts';
import type { QuestionNews } from '../../../schema/contracts/question.ts';
import type { AnswerQuestionInput } from '../../../workflows/ports.ts';
import { acpFiles, type AnswerFile } from './spec.ts';

/** Tells the task whose activity this is. */
export type TellQuestion = (news: QuestionNews) => Promise<void>;

/** A person waits for nothing meanwhile; a server that is away is asked again soon. */
const tellAgainMs = 1_000;

export function createTellQuestion(deps: { client: Client }): TellQuestion {
  return async (news) => {
    const { workflowExecution } = Context.current().info;
    if (!workflowExecution) throw new Error('a session is always a task’s');
    const { workflowId } = workflowExecution;
    await deps.client.workflow.getHandle(workflowId).signal(signals.question, news);
  };
}

/**
 * Tells one thing after another, each until it is heard. What is not told when the watching ends is told by whoever
 * watches next: the session's output has it all.
 */
export function createTeller(of: { tell: TellQuestion; until: AbortSignal }): {
  tell: (news: QuestionNews) => void;
  /** When all has been told. */
  told: () => Promise<void>;
} {
  const { tell, until } = of;
  let line: Promise<void> = Promise.resolve();
  return { tell: (news) => void (line = line.then(() => tellOnce(news))), told: () => line };

  async function tellOnce(news: QuestionNews): Promise<void> {
    while (!until.aborted) {
      const heard = await tell(news).then(
        () => true,
        () => false,
      );
      if (heard) return;
      await sleep(tellAgainMs, undefined, { signal: until }).catch(() => undefined);
    }
  }
}

/** The link is the answer: whole or not there, and never replaced by another. */
export async function writeAnswer(
  of: Omit<AnswerQuestionInput, 'sessionId'> & { folder: string },
): Promise<void> {
  const { folder, question, option, by } = of;
  const path = join(folder, acpFiles.answer(question));
  const answer: AnswerFile = { option, by };
  const draft = `${path}.${process.pid}`;
  const file = await open(draft, 'w');
  await file.writeFile(JSON.stringify(answer));
  await file.sync();
  await file.close();
  try {
    await link(draft, path);
  } catch (error) {
    // The same answer, of an attempt that was cut off: a task accepts one only.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
