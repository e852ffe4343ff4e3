import { z } from 'zod';
import type { FileChange } from '../file-changes.ts';
import { balance, type Weakening } from './weakening.ts';

/** A package.json before and after a change; undefined where there is none. */
export interface Manifest {
  file: string;
  before: string | undefined;
  after: string | undefined;
}

/** The files by which a forge or its CI runs checks. `.mission/` is none of them: it counts as it is on the base. */
const pipeline =
  /^(?:\.(?:github|gitea|forgejo)\/(?:workflows|actions)\/.+|\.gitlab-ci\.ya?ml|\.woodpecker(?:\/.+|\.ya?ml)|\.ci\/.+|\.circleci\/.+|\.buildkite\/.+|\.travis\.yml|\.drone\.ya?ml|azure-pipelines\.ya?ml|bitbucket-pipelines\.yml|Jenkinsfile|\.husky\/.+|\.pre-commit-config\.yaml)$/;

/** What makes a command green whatever it comes to. */
const muted =
  /\|\|\s*(?:\(\s*)?(?:true\b|:|exit 0|echo\b)|;\s*(?:true|:|exit 0)\s*["']?$|--passWithNoTests\b/;

/** The same of a step. */
const mutedStep =
  /\bcontinue-on-error:\s*(?!false)\S|\ballow_failure:\s*true\b|\bfailure:\s*ignore\b|^set \+e\b|^(?:-\s+)?if:\s*(?:false\b|\$\{\{\s*false)/;

/** A line that runs something: an item of a list, the command of a step, or one of its further lines. */
const step =
  /^-\s+\S|^(?:run|uses|script)\s*:|\b(?:tests?|lint|check|typecheck|tsc|vet|clippy|pytest|jest|vitest|mocha|coverage|audit)\b/;

const coverageFile =
  /(?:^|\/)(?:(?:vitest|vite|jest|karma|nyc)\.config\.[^/]+|\.nycrc[^/]*|\.c8rc[^/]*|package\.json|\.coveragerc|pyproject\.toml|setup\.cfg|tox\.ini|\.?codecov\.ya?ml)$/;

const threshold =
  /\b(branches|functions|lines|statements|fail_under|cov-fail-under|target)["']?(?:\s*[:=]\s*|\s+)["']?(\d+(?:\.\d+)?)/g;

const checkScript =
  /^(?:pre|post)?(?:tests?|checks?|lint|typecheck|type-check|verify|validate|ci|coverage|audit)(?:[:._-].*)?$/;

/** What a repository runs to check itself, where a change makes it less. */
export function weakenedChecks(of: {
  changes: readonly FileChange[];
  manifests: readonly Manifest[];
}): Weakening[] {
  return [
    ...weakenedPipelines(of.changes.filter(({ from, to }) => isPipeline(from) || isPipeline(to))),
    ...of.manifests.flatMap(weakenedScripts),
    ...of.changes.flatMap(loweredThresholds),
  ];
}

function isPipeline(file: string | null): boolean {
  return file !== null && pipeline.test(file);
}

function weakenedPipelines(changes: readonly FileChange[]): Weakening[] {
  const found: Weakening[] = [];
  for (const { change, lost, gained } of balance(changes, (line) => Number(isStep(line)))) {
    const { from, to } = change;
    if (from === null || !isPipeline(from)) continue;
    if (lost > 0 && !isPipeline(to)) found.push({ file: from, message: `${from} is deleted` });
    else if (lost > gained) found.push({ file: from, message: `${from} runs ${lost - gained} fewer steps` });
  }
  for (const { change, firstGained } of balance(changes, (line) => Number(isMuted(line)))) {
    if (firstGained === undefined || change.to === null) continue;
    const message = `${change.to} lets a step fail unseen: ${firstGained.text.trim().slice(0, 120)}`;
    found.push({ file: change.to, line: firstGained.line, message });
  }
  return found;
}

function isStep(line: string): boolean {
  return !line.trim().startsWith('#') && step.test(line.trim());
}

function isMuted(line: string): boolean {
  const text = line.trim();
  return !text.startsWith('#') && (muted.test(text) || mutedStep.test(text));
}

const Scripts = z.object({ scripts: z.record(z.string(), z.string()).default({}) });

function weakenedScripts({ file, before, after }: Manifest): Weakening[] {
  const old = scriptsOf(before);
  const now = scriptsOf(after);
  return Object.entries(old).flatMap(([name, command]) => {
    if (!checkScript.test(name)) return [];
    const says = (what: string): Weakening[] => [{ file, message: `the script ${name} of ${file} ${what}` }];
    const present = now[name];
    if (present === undefined) return Object.values(now).includes(command) ? [] : says('is gone');
    if (muted.test(present) && !muted.test(command)) return says('is green whatever it comes to');
    if (stepsOf(present).every(doesNothing) && !stepsOf(command).every(doesNothing))
      return says('checks nothing any more');
    return stepsOf(present).length < stepsOf(command).length ? says('runs fewer commands') : [];
  });
}

function scriptsOf(manifest: string | undefined): Record<string, string> {
  if (manifest === undefined) return {};
  try {
    return Scripts.safeParse(JSON.parse(manifest)).data?.scripts ?? {};
  } catch {
    // npm runs nothing of what it can't read either.
    return {};
  }
}

function stepsOf(command: string): string[] {
  return command.split(/&&|;/).map((part) => part.trim());
}

function doesNothing(command: string): boolean {
  return /^(?:true|:|exit 0|echo\b.*)?$/.test(command);
}

function loweredThresholds({ from, to, removed, added }: FileChange): Weakening[] {
  if (from === null || to === null || !coverageFile.test(from)) return [];
  const now = thresholdsIn(added);
  return thresholdsIn(removed).flatMap(({ name, value }) => {
    const index = now.findIndex((one) => one.name === name);
    const [present] = index < 0 ? [] : now.splice(index, 1);
    if (present && present.value >= value) return [];
    const what = present ? `${present.value} now, and was ${value}` : `gone, and was ${value}`;
    return [{ file: to, message: `the coverage that ${to} asks for (${name}) is ${what}` }];
  });
}

function thresholdsIn(lines: FileChange['added']): { name: string; value: number }[] {
  return lines.flatMap(({ text }) =>
    [...text.matchAll(threshold)].map(([, name = '', value = '']) => ({ name, value: Number(value) })),
  );
}
