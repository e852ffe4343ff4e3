import { HostFacts, type HostState } from '../schema/contracts/host.ts';
import type { HostInput } from '../schema/contracts/messages.ts';

/** Everything the workflow of a host remembers: who serves it, what has become of it, and whether it is to leave. */
export class HostStanding {
  readonly input: HostInput;
  #facts: HostFacts | undefined;
  #state: HostState;
  #draining: boolean;
  /** What the read model has of its state. */
  told: HostState | undefined;

  constructor(input: HostInput) {
    const { soFar } = input;
    this.input = input;
    this.#facts = soFar?.facts;
    this.#state = soFar?.state ?? 'left';
    this.#draining = soFar?.draining ?? false;
    this.told = soFar ? undefined : this.#state;
  }

  get facts(): HostFacts | undefined {
    return this.#facts;
  }

  get state(): HostState {
    return this.#state;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Why somebody can't serve this host; undefined when they can. */
  refusal(raw: unknown): string | undefined {
    const parsed = HostFacts.safeParse(raw);
    if (!parsed.success)
      return 'what it tells of itself is malformed: give all hosts and engines one version';
    const { name, tenant, identity } = parsed.data;
    const known = this.#facts;
    if (name !== this.input.host) return `it says that it is ${name}, and asks to be ${this.input.host}`;
    if (known === undefined) return undefined;
    if (tenant !== known.tenant) {
      return `the host ${name} is of the tenant ${known.tenant}, for ever: choose another name with --name`;
    }
    if (identity === known.identity) return undefined;
    const where = `on ${known.machine}, process ${known.pid}`;
    return `the host ${name} belongs to another data directory (${where}): choose another name with --name`;
  }

  /** A host that is to leave has not left by being started anew: its sessions still have to end. */
  join(facts: HostFacts): void {
    this.#facts = facts;
    this.#state = this.#draining ? 'draining' : 'up';
  }

  /** One that is lost has no sessions any more that could end. */
  drain(): void {
    if (this.#state === 'left') return;
    this.#draining = true;
    if (this.#state === 'up') this.#state = 'draining';
    if (this.#state === 'lost') this.leave();
  }

  missed(): void {
    this.#state = 'silent';
  }

  lose(): void {
    this.#state = 'lost';
    if (this.#draining) this.leave();
  }

  /** It answers again. */
  heard(): void {
    this.#state = this.#draining ? 'draining' : 'up';
  }

  leave(): void {
    this.#state = 'left';
    this.#draining = false;
  }

  carryOver(): HostInput {
    const facts = this.#facts;
    const soFar = facts && { facts, state: this.#state, draining: this.#draining };
    const { installation, host } = this.input;
    return { installation, host, ...(soFar ? { soFar } : {}) };
  }

  describe(): string {
    const facts = this.#facts;
    if (!facts) return 'nobody has served it yet';
    const { machine, user, slots, labels, runtimes, leaseSeconds } = facts;
    return [
      `**${this.#state}**`,
      '',
      `- ${user} on ${machine}, tenant ${facts.tenant}`,
      `- slots ${slots}, labels ${labels.join(', ') || 'none'}`,
      `- agents ${runtimes.map(({ name }) => name).join(', ') || 'none'}`,
      `- lease ${leaseSeconds === null ? 'none' : `${leaseSeconds} s`}`,
    ].join('\n');
  }
}
