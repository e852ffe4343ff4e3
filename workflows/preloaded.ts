/**
 * Loaded once for all workflows of a worker, and shared by them. Otherwise each workflow that a worker keeps in its cache
 * has zod and every contract for itself: measured, 956 KB of heap and 12 ms of work each, and with this 53 KB and 0.5 ms.
 *
 * The SDK freezes what is shared and all that it reaches from there; a regular expression that is frozen can't be used
 * by zod. What is frozen already it leaves alone, so the contracts are frozen here, on the outside only.
 */
import { z } from 'zod';
import * as agent from '../schema/contracts/agent.ts';
import * as budget from '../schema/contracts/budget.ts';
import * as ci from '../schema/contracts/ci.ts';
import * as gates from '../schema/contracts/gates.ts';
import * as handoff from '../schema/contracts/handoff.ts';
import * as host from '../schema/contracts/host.ts';
import * as late from '../schema/contracts/late.ts';
import * as lane from '../schema/contracts/lane.ts';
import * as law from '../schema/contracts/law.ts';
import * as messages from '../schema/contracts/messages.ts';
import * as missionFile from '../schema/contracts/mission-file.ts';
import * as names from '../schema/contracts/names.ts';
import * as plan from '../schema/contracts/plan.ts';
import * as question from '../schema/contracts/question.ts';
import * as review from '../schema/contracts/review.ts';
import * as session from '../schema/contracts/session.ts';
import * as views from '../schema/contracts/views.ts';
import * as why from '../schema/contracts/why.ts';

for (const contracts of [
  agent,
  budget,
  ci,
  gates,
  handoff,
  host,
  lane,
  late,
  law,
  messages,
  missionFile,
  names,
  plan,
  question,
  review,
  session,
  views,
  why,
]) {
  for (const contract of Object.values(contracts)) {
    if (contract instanceof z.ZodType) bindMethods(contract);
    Object.freeze(contract);
  }
}

/** zod makes a method the schema's own when it is first read, which would be too late in a frozen one. */
function bindMethods(contract: object): void {
  for (let kind: object | null = contract; kind !== null; kind = prototypeOf(kind)) {
    for (const name of Reflect.ownKeys(kind)) Reflect.get(contract, name);
  }
}

function prototypeOf(value: object): object | null {
  const found: unknown = Object.getPrototypeOf(value);
  return typeof found === 'object' ? found : null;
}
