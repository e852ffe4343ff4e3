/** What the definitions of all routes are made of. */
import type { z } from 'zod';
import { ProblemBody, problemKinds, type ProblemKind } from './problem.ts';

export const security = [{ bearer: [] }];

export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** The problems that any route of the API may answer with. */
const anywhere = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'too-many',
  'internal',
  'unavailable',
] as const satisfies ProblemKind[];

/** And those of any route that changes something. */
const ofMutations = ['conflict', 'too-large', 'unsupported-type'] as const satisfies ProblemKind[];

/** The documented problems of a route that reads, by status. */
export function problems(...more: ProblemKind[]) {
  return documented([...anywhere, ...more]);
}

export function mutationProblems(...more: ProblemKind[]) {
  return documented([...anywhere, ...ofMutations, ...more]);
}

function documented(kinds: readonly ProblemKind[]) {
  const content = { 'application/problem+json': { schema: ProblemBody } };
  return Object.fromEntries(
    kinds.map((kind) => {
      const [status, description] = problemKinds[kind];
      return [status, { description, content }];
    }),
  );
}
