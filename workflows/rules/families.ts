/** Whose models write a change and whose read it: engines of one family think alike, and miss the same. */
import { isAgent, runtimeName } from '../../schema/contracts/agent.ts';
import { toStartedTask, type Families, type Plan, type Program } from '../../schema/contracts/plan.ts';
import { programAfter, withStandIns } from './choose-program.ts';

/** The programs that have models of their maker only. */
const ownFamilies: Readonly<Record<string, string>> = { claude: 'anthropic', codex: 'openai' };

/** Makers whose models other programs offer too, by how they are called there: `openrouter/anthropic/claude-…`. */
const makers: readonly (readonly [family: string, names: RegExp])[] = [
  ['anthropic', /anthropic|claude/i],
  ['openai', /openai|codex|\bgpt|\bo\d\b/i],
  ['google', /google|gemini/i],
];

/** The family of a model by its name, as far as that tells it: a maker that is known, or what stands before a slash. */
export function familyOfModel(model: string): string | undefined {
  const maker = makers.find(([, names]) => names.test(model));
  if (maker) return maker[0];
  return model.includes('/') ? model.split('/').at(-2) : undefined;
}

/** What nobody tells anything of is a family of its own. */
export function familyOf(program: Program, told: Families['told']): string {
  if (!isAgent(program)) return program.runtime;
  const { model } = program;
  const name = runtimeName(program);
  const ofModel = model === undefined ? undefined : (told[`${name} ${model}`] ?? familyOfModel(model));
  return ownFamilies[program.runtime] ?? ofModel ?? told[name] ?? name;
}

/**
 * Where all who read a task's change, or who decides what its author disputes, may be of the families of those who write
 * it, stand-ins and who goes on when it was sent back among them: what is wrong, and how to mend it. Plans of version
 * 0.3 and older don't tell families.
 */
export function familyFaults(plan: Plan): { milestone: number; task: number; message: string }[] {
  const { families, policy } = plan;
  if (families === undefined) return [];
  return plan.milestones.flatMap((milestone, m) =>
    milestone.tasks.flatMap((task, t) => {
      const { program } = toStartedTask({ plan, milestone, task });
      const { stronger, fallback } = policy;
      const later = programAfter({ program, stronger, remediations: Infinity });
      const programs = [program, later].flatMap((one) => withStandIns(one, fallback));
      const authors = new Set(programs.map((one) => familyOf(one, families.told)));
      const { disputes } = families;
      if (disputes !== undefined && authors.has(disputes)) {
        const message = `${task.id} may be written by ${disputes}, and what its author disputes is decided by ${disputes} too: name an engine of another family under policy.disputes`;
        return [{ milestone: m, task: t, message }];
      }
      if (families.reviewers.some((family) => !authors.has(family))) return [];
      const remedy = `add a reviewer of another family${authors.size > 1 ? ', or take agents out of `fallback` or `stronger`' : ''}`;
      const message = `${task.id} may be written by ${[...authors].join(' and ')}, and so are all who read it (${families.reviewers.join(', ')}): ${remedy}`;
      return [{ milestone: m, task: t, message }];
    }),
  );
}
