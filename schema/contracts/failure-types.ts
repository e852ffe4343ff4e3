/** The type of every failure that an activity or an update throws on purpose. Workflows and API tell them apart by it. */
export const failureTypes = [
  'CiPending',
  'BaseNotReady',
  'DiskShort',
  'StaleHead',
  'WrongPhase',
  'NotCoordinator',
  'InvalidAmendment',
  'HostRefused',
  'Refused',
  'Unavailable',
  'OutcomeUnknown',
] as const;
export type FailureType = (typeof failureTypes)[number];
