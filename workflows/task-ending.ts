import { ActivityFailure, CancellationScope } from '@temporalio/workflow';
import type { TaskResult } from '../schema/contracts/messages.ts';
import { call, type ForgeSide } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';
import type { TaskHost } from './task-host.ts';
import type { TaskState } from './task-state.ts';
import { GivenUp, type TaskSteps } from './task-steps.ts';

/** How a task ends, done or given up: the issue is closed, and nothing is left behind. */
export class TaskEnding {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #host: TaskHost;
  readonly #forgeSide: ForgeSide;

  constructor(of: { task: TaskState; steps: TaskSteps; host: TaskHost; forgeSide: ForgeSide }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#host = of.host;
    this.#forgeSide = of.forgeSide;
  }

  async finish(status: 'merged' | 'no-change'): Promise<TaskResult> {
    const task = this.#task;
    try {
      await this.#closeIssue();
      await this.#steps.enter('clean-up', { on: 'branch and clone to be removed', for: 'engine' });
      await this.#steps.try(() => this.#tidyForge('remove the branch'));
      await this.#steps.try(() => this.#host.cleanUp('remove the clone'));
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error;
      // The work is done; a person has decided that what is left over stays so.
      task.tell('ignored', `left as it is: ${error.message}`);
    }
    task.enter('done');
    const result = task.end(status, task.view.reason);
    await this.#steps.record();
    return result;
  }

  /** Ends what runs and takes back what can be; what can't be had just now is left, and told. */
  async giveUp(status: 'skipped' | 'abandoned' | 'cancelled', reason: string): Promise<TaskResult> {
    const task = this.#task;
    return CancellationScope.nonCancellable(async () => {
      try {
        await this.#host.cleanUp('end what runs, remove the clone');
        await this.#tidyForge('close the pull request, remove the branch');
      } catch (error) {
        if (!(error instanceof ActivityFailure)) throw error;
        task.tell('ignored', `clean-up: ${describeFailure(error)}`);
      }
      const result = task.end(status, reason);
      await this.#steps.record();
      return result;
    });
  }

  async #closeIssue(): Promise<void> {
    const { place, view } = this.#task;
    await this.#steps.enter('close-issue', { on: 'the issue to close', for: 'forge' });
    const comment =
      view.mergeSha === null
        ? `No change was needed: ${view.reason ?? ''}`
        : `Merged as ${view.mergeSha} by pull request #${view.pullRequest ?? 0}.`;
    await this.#steps.try(() =>
      call(this.#forgeSide.forge.closeIssue, `close issue #${view.issue ?? 0}`, {
        place,
        number: view.issue ?? 0,
        comment,
      }),
    );
    if (view.issue !== null) this.#task.prove({ issue: { number: view.issue, at: Date.now() } });
  }

  async #tidyForge(summary: string): Promise<void> {
    const { place, view, heads } = this.#task;
    const { headSha, pullRequest } = view;
    const earlierHeads = [...heads].filter((head) => head !== headSha);
    await call(this.#forgeSide.forge.tidyForge, summary, { place, headSha, earlierHeads, pullRequest });
  }
}
