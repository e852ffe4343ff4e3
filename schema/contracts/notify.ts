/** What is told to the outside: to whoever the operator names in `engine.yaml`. */
import { z } from 'zod';
import { InboxItem } from './inbox.ts';
import { MissionKey, Name } from './names.ts';
import { entersGate, type NewEvent } from './views.ts';

export const NotificationKind = z.enum([
  /** An agent asks for leave, or the engine for a decision. */
  'asked',
  /** Nobody has answered yet. */
  'reminded',
  'blocked',
  /** A head may be merged when somebody says so. */
  'go-ahead-wanted',
  /** The engine has paused the mission. */
  'paused',
  'mission-ended',
  /** `mission notify test`. */
  'test',
]);
export type NotificationKind = z.infer<typeof NotificationKind>;

/** The body of a call. Sent again it is the same, with the same id: whoever has taken that before ignores it. */
export const Notification = z.object({
  version: z.literal(1),
  id: z.string(),
  kind: NotificationKind,
  at: z.iso.datetime(),
  mission: MissionKey.nullable(),
  task: Name.nullable(),
  message: z.string(),
  /** What waited for a person there, as it stood then. */
  inbox: z.array(InboxItem),
});
export type Notification = z.infer<typeof Notification>;

/** What came of telling one of them: the status of its answer, or why there was none. Addresses may hold secrets. */
export const Told = z.object({ host: z.string(), status: z.int().nullable(), error: z.string().nullable() });
export type Told = z.infer<typeof Told>;

export interface NotifyDesk {
  /** Tells everybody something at once, and once. */
  test(): Promise<Told[]>;
}

/** Undefined: it is for the mission's story only. `inbox` is what waits for a person there since. */
export function notificationOf(
  event: NewEvent,
  inbox: readonly Pick<InboxItem, 'kind'>[],
): NotificationKind | undefined {
  const { type } = event;
  const waits = (kind: InboxItem['kind']): boolean => inbox.some((item) => item.kind === kind);
  switch (type) {
    case 'asked':
    case 'reminded':
    case 'blocked':
    case 'mission-ended':
      return type;
    // A mission that somebody has paused by hand is no news to people.
    case 'paused':
      return waits('paused') ? 'paused' : undefined;
    // Without a wait the policy has said yes.
    case 'gate-entered':
      return entersGate(event, 'go-ahead') && waits('go-ahead') ? 'go-ahead-wanted' : undefined;
    default:
      return undefined;
  }
}
