import type { HostActivities, JudgeInput, JudgeOutcome } from '../../workflows/ports.ts';
import { RulingAnswer } from '../../schema/contracts/review.ts';
import { authorOf } from '../../workflows/rules/verdict.ts';
import type { Scrub } from '../scrub.ts';
import { disputePrompt } from './dispute-prompt.ts';
import { parseAs } from './parse-answer.ts';
import type { Read, Readings } from './readings.ts';

export function createDisputeActivities(deps: {
  readings: Readings;
  scrub: Scrub;
}): Pick<HostActivities, 'judgeDisputes'> {
  return { judgeDisputes };

  function judgeDisputes(input: JudgeInput): Promise<JudgeOutcome> {
    return deps.readings.read({
      reading: input,
      title: `what is disputed in ${input.task.title}`,
      prompt: (change) => disputePrompt({ ...input, ...change }),
      conclude: (read) => Promise.resolve(judge(input, read)),
    });
  }

  /** What it says of anything else than what it was asked is passed over; of two rulings on one, neither counts. */
  function judge(input: JudgeInput, { session, fault, answer }: Read): JudgeOutcome {
    const { engine, disputed, authors } = input;
    const own = authorOf(session, authors);
    const why = fault ?? (own && `${engine} has read it in ${own}, where the change was written`);
    if (why !== undefined) return { session, rulings: [], fault: why };
    const parsed = parseAs(RulingAnswer, answer === undefined ? undefined : deps.scrub(answer));
    if (parsed.kind === 'malformed') return { session, rulings: [], fault: `${engine}: ${parsed.reason}` };
    const { rulings } = parsed.answer;
    const asked = new Set(disputed.map(({ id }) => id));
    const counting = rulings.filter(
      ({ id }) => asked.has(id) && rulings.filter((ruling) => ruling.id === id).length === 1,
    );
    return { session, rulings: counting };
  }
}
