import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { Fault } from '../schema/contracts/door.ts';
import { FleetRefusal } from '../schema/contracts/fleet.ts';
import { whyUnavailable } from '../schema/db/unavailable.ts';

/** RFC 9457: what every error of the API looks like. */
export const ProblemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  /** What is wrong at which place of the request. */
  faults: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** With `stale-head`: the head that a go-ahead would have to name. */
  headSha: z.string().optional(),
});
export type ProblemBody = z.infer<typeof ProblemBody>;

/** Status and title of each kind. */
export const problemKinds = {
  'bad-request': [400, 'The request is malformed'],
  unauthorized: [401, 'A valid token is needed'],
  forbidden: [403, 'The token does not allow this'],
  'not-found': [404, 'There is no such thing'],
  conflict: [409, 'This contradicts the present state'],
  'stale-head': [409, 'The head has moved'],
  'too-large': [413, 'The request is too large'],
  'unsupported-type': [415, 'The content type is not understood'],
  invalid: [422, 'The request can not be accepted'],
  'too-many': [429, 'Too many requests'],
  internal: [500, 'The engine has failed'],
  unavailable: [503, 'The engine is not ready'],
} as const satisfies Record<string, [ContentfulStatusCode, string]>;
export type ProblemKind = keyof typeof problemKinds;

/** Thrown anywhere below a route; answered as problem+json. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly more: { faults?: Fault[]; headSha?: string };

  constructor(kind: ProblemKind, detail: string, more: { faults?: Fault[]; headSha?: string } = {}) {
    super(detail);
    this.kind = kind;
    this.more = more;
  }
}

export function answerProblem(context: Context, problem: Problem): Response {
  const [status, title] = problemKinds[problem.kind];
  const body: ProblemBody = {
    type: `urn:mission-engine:${problem.kind}`,
    title,
    status,
    detail: problem.message,
    ...problem.more,
  };
  return context.body(JSON.stringify(body), status, { 'content-type': 'application/problem+json' });
}

export function problemOfZod(error: z.ZodError): Problem {
  const faults = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const [first] = faults;
  return new Problem('bad-request', first ? `${first.path}: ${first.message}` : 'the request is malformed', {
    faults,
  });
}

/** What the Temporal client throws when it got no answer, or none in time. */
const unanswered = ['ServiceError', 'WorkflowUpdateRPCTimeoutOrCancelledError'];

/** Turns whatever was thrown into a problem. What we did not foresee is logged, and told without its words. */
export function toProblem(error: unknown, log: (error: unknown) => void): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof FleetRefusal) return new Problem(error.kind, error.message);
  if (error instanceof z.ZodError) return problemOfZod(error);
  if (error instanceof HTTPException && error.status < 500) return new Problem('bad-request', error.message);
  log(error);
  if (whyUnavailable(error) !== undefined) {
    return new Problem(
      'unavailable',
      'the database does not answer: try again, with the same Idempotency-Key',
    );
  }
  if (error instanceof Error && unanswered.includes(error.name)) {
    return new Problem('unavailable', 'Temporal does not answer: try again, with the same Idempotency-Key');
  }
  return new Problem('internal', 'an unexpected error: the log of the engine has it');
}
