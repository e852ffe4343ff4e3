import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineUpdate,
  isCancellation,
  setCurrentDetails,
  setHandler,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { HostFacts, HostState } from '../schema/contracts/host.ts';
import { updates, type DrainRequest, type HostInput } from '../schema/contracts/messages.ts';
import { HostStanding } from './host-state.ts';
import { call, hostAttendance, hostRecords } from './proxies.ts';

export const joinUpdate = defineUpdate<undefined, [HostFacts]>(updates.join);
export const drainUpdate = defineUpdate<HostState, [DrainRequest]>(updates.drain);

/**
 * How much longer than its lease a silent host is waited for, before it is lost: what a runner may take to look at its
 * lease (2 s), to kill its tree (well under 1 s), both many times over on a machine that is loaded.
 */
const marginMs = 10_000;

/** Clocks of two machines that count the same span differ by far less: 1 in 100. */
const clockMargin = 0.01;

/**
 * From the moment that a host is missed until it is lost. By then all of its runners have ended themselves:
 *
 * - Its lease is renewed by nothing but an answer of the Temporal server to a heartbeat of `attend`, or to a join, and
 *   from the moment that the call began. So the server has heard of the host at that moment or later.
 * - The host is missed by a time-out of the server that begins with the last such word: later than the lease does.
 * - Then this whole time passes, which is longer than the lease. Only spans are compared, never two clocks.
 *
 * It makes no difference how the host went: killed, cut off, or with its process stopped while its runners work on.
 */
function lossMs(leaseSeconds: number): number {
  return leaseSeconds * 1_000 * (1 + clockMargin) + marginMs;
}

/** Looks after one host: who serves it, whether it is there, and whether it may be given up. */
export async function hostWorkflow(input: HostInput): Promise<void> {
  const host = new HostStanding(input);
  const turns = new Turns();
  let joins = 0;
  setHandler(joinUpdate, (facts) => join(host, turns, facts).finally(() => (joins += 1)), {
    validator: (facts) => refuse(host.refusal(facts)),
  });
  setHandler(drainUpdate, () => drain(host, turns));

  // Nobody cancels it: whoever wants a host to go drains it.
  await CancellationScope.nonCancellable(async () => {
    await condition(() => host.facts !== undefined || joins > 0);
    do {
      while (host.state !== 'left' || host.told !== host.state) {
        await tell(host);
        if (workflowInfo().continueAsNewSuggested) break;
        await turns.take((turn) => look(host, turn));
      }
      await condition(allHandlersFinished);
    } while (host.state !== 'left' && !workflowInfo().continueAsNewSuggested);
  });
  if (host.state !== 'left') await continueAsNew<typeof hostWorkflow>(host.carryOver());
}

/** What is being waited for now, and ends when somebody has news. */
class Turns {
  #turn = new CancellationScope();

  async take(wait: (turn: CancellationScope) => Promise<void>): Promise<void> {
    this.#turn = new CancellationScope();
    await wait(this.#turn);
  }

  interrupt(): void {
    this.#turn.cancel();
  }
}

async function join(host: HostStanding, turns: Turns, facts: HostFacts): Promise<undefined> {
  const registered = await call(hostRecords.registerHost, `${facts.name} on ${facts.machine}`, facts);
  refuse(registered.kind === 'refused' ? registered.reason : undefined);
  host.join(facts);
  host.told = 'up';
  turns.interrupt();
  return undefined;
}

async function drain(host: HostStanding, turns: Turns): Promise<HostState> {
  host.drain();
  turns.interrupt();
  await condition(() => host.told === host.state);
  return host.state;
}

function refuse(reason: string | undefined): void {
  if (reason !== undefined) throw ApplicationFailure.create({ type: 'HostRefused', message: reason });
}

async function tell(host: HostStanding): Promise<void> {
  setCurrentDetails(host.describe());
  while (host.facts !== undefined && host.told !== host.state) {
    const { state, facts } = host;
    const { name, identity } = facts;
    await call(hostRecords.recordHostState, state, { name, identity, state });
    host.told = state;
  }
}

/** Waits until there is something new of the host. A join or a drain ends it early, and says itself what holds. */
async function look(host: HostStanding, turn: CancellationScope): Promise<void> {
  const { facts, state } = host;
  if (facts === undefined || state === 'left') return;
  const { attend, isThere } = hostAttendance(host.input);
  const { name, leaseSeconds } = facts;
  try {
    await turn.run(async () => {
      switch (state) {
        case 'up':
          await call(attend, `${name} is up`, { until: 'asked' });
          // It has ended without having been asked to.
          host.missed();
          return;
        case 'draining':
          await call(attend, `${name} lets its sessions end`, { until: 'idle' });
          // That this was heard means that workflows run: what they still want of it, they want now.
          await call(attend, `${name} leaves`, { until: 'left' });
          host.leave();
          return;
        case 'silent':
        case 'lost': {
          const wait = (): Promise<void> => call(isThere, `${name} to be back`, undefined);
          if (state === 'lost' || leaseSeconds === null) await wait();
          else await CancellationScope.withTimeout(lossMs(leaseSeconds), wait);
          host.heard();
        }
      }
    });
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    if (turn.consideredCancelled) return;
    if (state === 'silent' && isCancellation(error)) host.lose();
    else host.missed();
  }
}
