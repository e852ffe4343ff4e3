/** Where a session may start: a pure rule over hosts, seats and quotas. */
import { isAgent, runtimeName, type RuntimeName } from '../../schema/contracts/agent.ts';
import type { RosterAccount } from '../../schema/contracts/roster.ts';
import type { Host } from '../../schema/contracts/host.ts';
import type { Program } from '../../schema/contracts/plan.ts';
import { isOfOneRole, type HostAndOutside, type Seating } from '../../schema/db/places.ts';
import type { Placement, PlaceRequest } from '../../workflows/ports.ts';

/** Three times the touch of an engine that has no lease to tell of it (`workers/hosts.ts`): one may be late. */
const servedMs = 90_000;

/** What a place without an account has for one: no account has that name. */
export const noAccount = '';

interface Offer {
  host: HostAndOutside;
  account: string;
}

/** The model that counts against an account's limit: the program's own, or that of the operator. */
export type ModelOf = (program: Program) => string | undefined;

/**
 * The first program that is not shut out decides: it gets a place, or the task waits for one. A program is shut out
 * where no host could run it, and where all accounts that it has there are closed.
 */
export function choosePlace(of: {
  request: PlaceRequest;
  seating: Seating;
  accounts: readonly RosterAccount[];
  modelOf: ModelOf;
  now: number;
}): Placement {
  const { request, seating, now } = of;
  const standing = seating.places.find(({ sessionId }) => sessionId === request.sessionId);
  if (standing) return sameAgain(of, standing);
  const closed: Extract<Placement, { kind: 'closed' }>[] = [];
  for (const program of request.programs) {
    const offers = offersFor(of, program);
    if (offers.length === 0) continue;
    const open = offers.filter(({ account }) => (seating.closed.get(account) ?? 0) <= now);
    if (open.length > 0) return seat({ ...of, program, offers: open });
    closed.push(...offers.map(({ account }) => closedAccount(account, seating.closed.get(account) ?? now)));
  }
  const [soonest] = closed.sort((one, other) => one.until - other.until);
  return soonest ?? { kind: 'nowhere', reason: nowhere(request) };
}

/** Whether a host has what a program asks for; `machine`: the one that its repository is on, if it is on one. */
export function fits(
  host: Pick<Host, 'state' | 'labels' | 'runtimes' | 'machine'>,
  of: { runtime: RuntimeName; labels: readonly string[]; machine: string | undefined },
): boolean {
  const { runtime, labels, machine } = of;
  if (host.state === 'left') return false;
  if (machine !== undefined && host.machine !== machine) return false;
  if (!labels.every((label) => host.labels.includes(label))) return false;
  return !isAgent({ runtime }) || host.runtimes.some(({ name }) => name === runtime);
}

function sameAgain(
  { request, seating }: { request: PlaceRequest; seating: Seating },
  standing: Seating['places'][number],
): Placement {
  const { host, account } = standing;
  const program = request.programs.find((each) => runtimeName(each) === standing.runtime);
  if (!program)
    throw new Error(`${request.sessionId} has a place for ${standing.runtime}, which it may not run`);
  return {
    kind: 'placed',
    host,
    leaseSeconds: seating.hosts.find(({ name }) => name === host)?.leaseSeconds ?? null,
    program,
    account: account === noAccount ? null : account,
  };
}

function offersFor(of: { request: PlaceRequest; seating: Seating }, program: Program): Offer[] {
  const { engine, labels, place, at } = of.request;
  const home = of.seating.hosts.find(({ name }) => name === engine.host);
  // A repository of the forge `local` lies on the disk of one machine; others are reached from any.
  const machine = place.repository.forge === 'local' ? (home?.machine ?? '') : undefined;
  const runtime = runtimeName(program);
  return of.seating.hosts
    .filter((host) => fits(host, { runtime, labels, machine }) && (at === undefined || host.name === at))
    .map((host) => {
      const own = host.runtimes.find(({ name }) => name === runtime);
      return { host, account: own?.account ?? noAccount };
    });
}

interface Seats {
  request: PlaceRequest;
  seating: Seating;
  accounts: readonly RosterAccount[];
  modelOf: ModelOf;
  now: number;
  program: Program;
}

function seat(of: Seats & { offers: readonly Offer[] }): Placement {
  const { request, program } = of;
  const current = of.offers.find(({ host }) => host.name === request.current);
  // Commits that are nowhere else are worth a wait, also for a host that may be back in a moment.
  const stays = request.unpushed && (current?.host.state === 'up' || current?.host.state === 'silent');
  const offers = current && stays ? [current] : of.offers;
  const looked = offers.map((offer) => ({ ...offer, ...look(of, offer) }));
  const free = looked.filter(({ taken }) => taken === undefined);
  const [best] = free.sort(
    (one, other) =>
      Number(other.host.name === request.current) - Number(one.host.name === request.current) ||
      other.slots - one.slots ||
      one.host.name.localeCompare(other.host.name),
  );
  if (!best) {
    const why = new Set(looked.flatMap(({ taken }) => taken ?? []));
    return { kind: 'full', on: [...why].join(', or ') };
  }
  const { host, account } = best;
  return {
    kind: 'placed',
    host: host.name,
    leaseSeconds: host.leaseSeconds,
    program,
    account: account === noAccount ? null : account,
  };
}

/** How many slots a host has left, and what stands in the way of using one. */
function look(of: Seats, { host, account }: Offer): { slots: number; taken: string | undefined } {
  const { sessionId, place, at } = of.request;
  const own = { sessionId, missionId: place.mission, taskId: place.task };
  const others = of.seating.places.filter((taken) => !isOfOneRole(taken, own));
  const slots = host.slots - others.filter((taken) => taken.host === host.name).length;
  if (at !== undefined) return { slots, taken: fullAccount(of, account, others) };
  const state = stateOf(host, of);
  if (state !== 'up') return { slots, taken: `the host ${host.name}, which is ${state}` };
  if (slots <= 0) return { slots, taken: `one of the ${host.slots} slots of the host ${host.name}` };
  return { slots, taken: fullAccount(of, account, others) };
}

function fullAccount(of: Seats, account: string, others: Seating['places']): string | undefined {
  const limits = of.accounts.find(({ name }) => name === account);
  if (!limits) return undefined;
  const seats = others.filter((place) => place.account === account);
  const outside = countOutside(of, account);
  const { sessions } = limits;
  if (sessions !== undefined && seats.length + outside >= sessions) {
    const whose = outside === 0 ? '' : `, ${outside} of them taken outside of the engine`;
    return `one of the ${sessions} seats of the account ${account}${whose}`;
  }
  const model = of.modelOf(of.program);
  const most = model === undefined ? undefined : limits.models?.[model];
  if (most === undefined || seats.filter((place) => place.model === model).length < most) return undefined;
  return `one of the ${most} seats of the account ${account} for ${model ?? ''}`;
}

/** Two hosts of one user on one machine see the same processes. */
function countOutside(of: Seats, account: string): number {
  const seen = new Map<string, number>();
  for (const host of of.seating.hosts) {
    if (stateOf(host, of) !== 'up' && host.state !== 'draining') continue;
    const where = `${host.user}@${host.machine}`;
    seen.set(where, Math.max(seen.get(where) ?? 0, host.outside[account] ?? 0));
  }
  return [...seen.values()].reduce((sum, count) => sum + count, 0);
}

/** An engine's host tells nothing when it goes, so it must have been seen. The task's own is waited for all the same. */
function stateOf(host: Host, { request, now }: Pick<Seats, 'request' | 'now'>): Host['state'] {
  if (host.state !== 'up' || host.leaseSeconds !== null || host.name === request.engine.host)
    return host.state;
  return now - host.seenAt < servedMs ? 'up' : 'silent';
}

function closedAccount(account: string, until: number): Extract<Placement, { kind: 'closed' }> {
  return { kind: 'closed', on: `the quota of the account ${account}`, until };
}

function nowhere({ programs, labels, at }: PlaceRequest): string {
  const names = programs.map(runtimeName).join(' or ');
  if (at !== undefined)
    return `the host ${at} has no ${names}, which a reviewer needs: install it, and retry`;
  const having = labels.length === 0 ? '' : ` and the labels ${labels.join(', ')}`;
  return `no host has ${names}${having}: start one, or name another runtime or other labels, and retry`;
}
