import type { Client } from '@temporalio/client';
import type { Door } from '../schema/contracts/door.ts';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import type { Queries } from '../schema/db/database.ts';
import type { EventHub } from './event-hub.ts';

export interface ApiDeps {
  queries: Queries;
  client: Client;
  engine: EngineFacts;
  door: Door;
  events: EventHub;
  temporalUi: string | null;
  /** For each token, and for each address without one. */
  requestsPerMinute: number;
  log: (error: unknown) => void;
}
