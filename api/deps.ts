import type { Client } from '@temporalio/client';
import type { Door } from '../schema/contracts/door.ts';
import type { FleetDesk } from '../schema/contracts/fleet.ts';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import type { NotifyDesk } from '../schema/contracts/notify.ts';
import type { Probed } from '../schema/contracts/probe.ts';
import type { WebhookDesk } from '../schema/contracts/webhook.ts';
import type { Queries } from '../schema/db/database.ts';
import type { EventHub } from './event-hub.ts';
import type { ApiTelemetry } from './telemetry.ts';

export interface ApiDeps {
  queries: Queries;
  client: Client;
  engine: EngineFacts;
  door: Door;
  events: EventHub;
  /** The agents of this machine, which need no engine. */
  fleet: FleetDesk;
  webhooks: WebhookDesk;
  notify: NotifyDesk;
  /** Looks at what the engine stands on; each look ends within seconds. */
  probe: () => Promise<Probed[]>;
  temporalUi: string | null;
  telemetry: ApiTelemetry;
  /** For each token, and for each address without one. */
  requestsPerMinute: number;
  log: (error: unknown, fields?: Record<string, unknown>) => void;
}
