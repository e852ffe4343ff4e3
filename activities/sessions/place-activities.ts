import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { Context } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAgent, runtimeName } from '../../schema/contracts/agent.ts';
import type { EngineFacts } from '../../schema/contracts/messages.ts';
import { taskWorkflowId } from '../../schema/contracts/names.ts';
import { modelOf, type Roster } from '../../schema/contracts/roster.ts';
import type { Queries } from '../../schema/db/database.ts';
import { listHosts } from '../../schema/db/hosts.ts';
import { isOfOneRole, leavePlaces, lockSeating, readSeating, takePlace } from '../../schema/db/places.ts';
import type { PlaceActivities, Placement, PlaceRequest } from '../../workflows/ports.ts';
import { asSupervisor, untilAborted } from '../supervision.ts';
import { choosePlace, noAccount, type ModelOf } from './choose-place.ts';

/** A session that ends makes room for the next within a moment; one look serves all who wait in this process. */
const lookMs = 1_000;

/** A task that was terminated has left its place to nobody: seldom, and never soon after the place was taken. */
const leftOverMs = 60_000;

interface Waiter {
  request: PlaceRequest;
  since: number;
  answer: Placement | undefined;
}

export function createPlaceActivities(deps: {
  queries: Queries;
  client: Client;
  roster: Roster;
}): PlaceActivities {
  const { queries, client, roster } = deps;
  const { accounts = [] } = roster;
  const waiting = new Set<Waiter>();
  let next: Promise<void> | undefined;
  let lookedForLeftOvers = Date.now();
  return { placeSession, awaitPlace, stateOfHost };

  async function placeSession(request: PlaceRequest): Promise<Placement> {
    const asks: Waiter = { request, since: Date.now(), answer: undefined };
    const [answer] = await answerAll(request.engine.tenant, [asks]);
    if (!answer) throw new Error(`${request.sessionId} was not answered`);
    return answer;
  }

  async function awaitPlace(request: PlaceRequest): Promise<Placement> {
    const since = Context.current().info.scheduledTimestampMs;
    const waiter: Waiter = { request, since, answer: undefined };
    waiting.add(waiter);
    try {
      return await asSupervisor(async ({ detach }) => {
        for (;;) {
          await untilAborted(detach, nextLook());
          if (waiter.answer) return waiter.answer;
        }
      });
    } finally {
      waiting.delete(waiter);
    }
  }

  /** Those who wait share it, so that they cost the same however many they are. */
  function nextLook(): Promise<void> {
    next ??= sleep(lookMs)
      .then(lookForAll)
      .finally(() => (next = undefined));
    return next;
  }

  async function lookForAll(): Promise<void> {
    const engines = new Map([...waiting].map(({ request: { engine } }) => [engine.tenant, engine]));
    const isTime = Date.now() - lookedForLeftOvers >= leftOverMs;
    if (isTime) lookedForLeftOvers = Date.now();
    for (const [tenant, engine] of engines) {
      if (isTime) await freeLeftOvers(engine);
      await answerAll(tenant, []);
    }
  }

  /** Who waits is served with who comes: the urgent first, and among equals who has waited the longest. */
  async function answerAll(tenant: string, coming: readonly Waiter[]): Promise<Placement[]> {
    const all = [...waiting, ...coming]
      .filter(({ request, answer }) => request.engine.tenant === tenant && answer === undefined)
      .sort((one, other) => one.request.priority - other.request.priority || one.since - other.since);
    const answers = await queries.transaction(async (tx) => {
      await lockSeating(tx, tenant);
      const seating = await readSeating(tx, tenant);
      const given = new Map<Waiter, Placement>();
      for (const waiter of all) {
        const { request } = waiter;
        const { sessionId, place } = request;
        const answer = choosePlace({ request, seating, accounts, modelOf: modelHere, now: Date.now() });
        given.set(waiter, answer);
        if (answer.kind !== 'placed' || seating.places.some((taken) => taken.sessionId === sessionId))
          continue;
        const { host, program, account } = answer;
        const { mission: missionId, task: taskId } = place;
        const taken = {
          ...{ tenantId: tenant, sessionId, missionId, taskId, host },
          runtime: runtimeName(program),
          model: modelHere(program) ?? null,
          account: account ?? noAccount,
        };
        await takePlace(tx, taken);
        seating.places = seating.places
          .filter((other) => !isOfOneRole(other, taken))
          .concat({ ...taken, placedAt: new Date() });
      }
      return given;
    });
    for (const [waiter, answer] of answers) if (answer.kind !== 'full') waiter.answer = answer;
    return coming.flatMap((waiter) => answers.get(waiter) ?? []);
  }

  function modelHere(...[program]: Parameters<ModelOf>): string | undefined {
    return isAgent(program) ? modelOf(roster, program) : undefined;
  }

  /** A task frees its places itself, unless its workflow was terminated. */
  async function freeLeftOvers({ tenant, installation }: EngineFacts): Promise<void> {
    const { places } = await readSeating(queries, tenant);
    for (const { missionId: mission, taskId: task } of places) {
      const workflow = client.workflow.getHandle(taskWorkflowId({ installation, mission, task }));
      const isOver = await workflow.describe().then(
        ({ status }) => status.name !== 'RUNNING',
        (error: unknown) => error instanceof WorkflowNotFoundError,
      );
      if (isOver) await leavePlaces(queries, { tenant, mission, task });
    }
  }

  async function stateOfHost(of: Parameters<PlaceActivities['stateOfHost']>[0]) {
    const [host] = await listHosts(queries, { tenant: of.engine.tenant, names: [of.host] });
    return { state: host?.state };
  }
}
