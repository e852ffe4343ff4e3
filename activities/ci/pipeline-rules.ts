/**
 * Whether a pipeline's own rules leave a change out, read from its file. Only what is certain counts: a pattern or a key
 * that is not known lets the pipeline run.
 */
import { parse } from 'yaml';
import { z } from 'zod';

/** A change as rules see it. */
export interface Change {
  files: readonly string[];
  /** Where it is, or is to be, merged. */
  base: string;
  /** Whether it lies on the base already. */
  onBase: boolean;
}

/** A file with pipelines, as of the commit whose rules count. */
export interface PipelineSource {
  path: string;
  text: string;
}

/** Whether no pipeline of these files runs for the change. A change of no file, and no pipeline at all, are no reason. */
export function leavesOut(sources: readonly PipelineSource[], change: Change): boolean {
  if (sources.length === 0 || change.files.length === 0) return false;
  return sources.every(({ path, text }) => {
    const file = read(text);
    if (/^\.(?:gitea|forgejo|github)\/workflows\/[^/]+\.ya?ml$/.test(path))
      return workflowLeavesOut(file, change);
    if (/^\.woodpecker(?:\.ya?ml$|\/.+\.ya?ml$)/.test(path)) return woodpeckerLeavesOut(file, change);
    return false;
  });
}

function read(text: string): unknown {
  try {
    // A workflow has few aliases; a limit stops those that explode.
    return parse(text, { maxAliasCount: 50 });
  } catch {
    return undefined;
  }
}

const Texts = z
  .union([z.string(), z.array(z.string())])
  .transform((one) => (Array.isArray(one) ? one : [one]));

/** Keys that are not here, `types` for one, only narrow down when a workflow runs. */
const Filter = z
  .object({
    branches: Texts.optional(),
    'branches-ignore': Texts.optional(),
    tags: Texts.optional(),
    'tags-ignore': Texts.optional(),
    paths: Texts.optional(),
    'paths-ignore': Texts.optional(),
  })
  .nullable();
type Filter = z.infer<typeof Filter>;

/** Of Actions: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax */
const Workflow = z.object({
  on: z.union([
    Texts.transform((events): Record<string, unknown> =>
      Object.fromEntries(events.map((event) => [event, null])),
    ),
    z.record(z.string(), z.unknown()),
  ]),
});

/** The events that a push or a pull request makes; what else starts a workflow says nothing of a change. */
const changeEvents = ['push', 'pull_request', 'pull_request_target'] as const;

function workflowLeavesOut(file: unknown, change: Change): boolean {
  const workflow = Workflow.safeParse(file);
  if (!workflow.success) return false;
  const { on } = workflow.data;
  return changeEvents.every((event) => {
    // On the base itself there is no pull request.
    if (!Object.hasOwn(on, event) || (event !== 'push' && change.onBase)) return true;
    const filter = Filter.safeParse(on[event]);
    return filter.success && filterLeavesOut(filter.data, event, change);
  });
}

function filterLeavesOut(filter: Filter, event: (typeof changeEvents)[number], change: Change): boolean {
  if (filter === null) return false;
  const { branches, 'branches-ignore': otherBranches, paths, 'paths-ignore': ignored } = filter;
  if (event === 'push') {
    const onlyTags = !branches && !otherBranches && (filter.tags ?? filter['tags-ignore']) !== undefined;
    if (onlyTags) return true;
  }
  // Pull requests are filtered by the branch that they go to.
  const isPushOfTask = event === 'push' && !change.onBase;
  if (branches && !branches.some((glob) => mayBe(glob, isPushOfTask ? undefined : change.base))) return true;
  if (paths && !change.files.some((file) => isAmong(file, paths))) return true;
  return (
    ignored !== undefined &&
    change.files.every((file) => ignored.some((glob) => matches(glob, file) === true))
  );
}

const noGlobs: string[] = [];

const PathRule = z.union([
  Texts.transform((include) => ({ include, exclude: noGlobs })),
  z.object({ include: Texts.default([]), exclude: Texts.default([]) }),
]);
const Condition = z.object({
  event: Texts.optional(),
  path: PathRule.optional(),
});
const Woodpecker = z.object({
  when: z.union([z.array(Condition).min(1), Condition.transform((one) => [one])]),
});

/** Of Woodpecker: https://woodpecker-ci.org/docs/usage/workflow-syntax#when---global-workflow-conditions */
function woodpeckerLeavesOut(file: unknown, change: Change): boolean {
  const workflow = Woodpecker.safeParse(file);
  if (!workflow.success) return false;
  return workflow.data.when.every(({ event, path }) => {
    if (event && !event.some((one) => one === 'push' || one.startsWith('pull_request'))) return true;
    if (!path) return false;
    const { include, exclude } = path;
    if (
      include.length > 0 &&
      !change.files.some((file) => include.some((glob) => matches(glob, file) !== false))
    ) {
      return true;
    }
    return (
      exclude.length > 0 && change.files.every((file) => exclude.some((glob) => matches(glob, file) === true))
    );
  });
}

/** Whether a branch filter may let a branch in; without a name, a task's own. */
function mayBe(glob: string, branch: string | undefined): boolean {
  if (branch !== undefined) return matches(glob, branch) !== false;
  return glob.startsWith('mission') || matches(glob, 'mission/any/task') !== false;
}

/** Patterns are read in their order; one that begins with `!` takes away again. */
function isAmong(file: string, globs: readonly string[]): boolean {
  return globs.reduce((among, glob) => {
    if (glob.startsWith('!')) return matches(glob.slice(1), file) === true ? false : among;
    return matches(glob, file) === false ? among : true;
  }, false);
}

/** Undefined where the pattern uses more than `*` and `**`: what is meant then is not ours to guess. */
function matches(glob: string, text: string): boolean | undefined {
  if (/[?+[\]{}!\\]/.test(glob)) return undefined;
  const form = glob
    .replaceAll(/[.^$|()]/g, String.raw`\$&`)
    .split(/(\*\*\/|\*+)/)
    .map((part) =>
      part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : part.startsWith('*') ? '.*' : part,
    );
  return new RegExp(`^${form.join('')}$`, 's').test(text);
}
