import { fillTag } from '../../schema/contracts/mission-file.ts';
import type { MilestoneActivities, MissionPlace, NamedMilestone } from '../../workflows/ports.ts';
import type { Workspace } from '../git/workspace.ts';
import { asSupervisor } from '../supervision.ts';
import type { Forge, Forges } from './forge.ts';

/** What a mission tells the forge by itself. A forge without milestones or releases is told of the rest. */
export function createMilestoneActivities(deps: {
  forges: Forges;
  workspace: Workspace;
}): MilestoneActivities {
  const { forges, workspace } = deps;
  return {
    openMilestones: (input) => asSupervisor(() => openMilestones(input)),
    closeMilestone: (input) => asSupervisor(() => closeMilestone(input)),
  };

  async function openMilestones(input: Input<'openMilestones'>): Promise<void> {
    const { place } = input;
    const forge = forges(place.repository);
    for (const { tasks, ...named } of input.milestones) {
      const milestone = await findOrCreateMilestone(forge, { place, milestone: named });
      for (const task of tasks) await findOrCreateTaskIssue(forge, { place, task, milestone });
    }
  }

  /** The milestone last: while it is open, something of it is still to be done. */
  async function closeMilestone(input: Input<'closeMilestone'>): Promise<{ tag: string | null }> {
    const { place, milestone, release } = input;
    const { repository } = place;
    const forge = forges(repository);
    const tag = release === undefined ? null : await makeRelease(forge, { place, milestone, release });
    const id = await findOrCreateMilestone(forge, { place, milestone });
    if (id !== undefined) await forge.closeMilestone?.({ repository, id });
    return { tag };
  }

  async function makeRelease(
    forge: Forge,
    of: {
      place: MissionPlace;
      milestone: NamedMilestone;
      release: NonNullable<Input<'closeMilestone'>['release']>;
    },
  ): Promise<string> {
    const { place, milestone, release } = of;
    const { repository } = place;
    const { sha, notes } = release;
    const tag = await chooseTag(of);
    await forge.findOrCreateTag({ repository, name: tag, sha });
    const title = release.title ?? `${tag}: ${milestone.title}`;
    await forge.findOrCreateRelease?.({ repository, tag, title, notes });
    return tag;
  }

  /** A number is taken once: a tag of the pattern that is on this very commit is the one an earlier attempt has made. */
  async function chooseTag(of: {
    place: MissionPlace;
    milestone: NamedMilestone;
    release: { tag: string; sha: string };
  }): Promise<string> {
    const { place, milestone, release } = of;
    const name = (next: number) =>
      fillTag(release.tag, { mission: place.mission, milestone: milestone.id, next });
    if (!release.tag.includes('*')) return name(0);
    const numbered = (await workspace.listTags(place.repository)).flatMap((tag) => {
      const number = numberIn(tag.name, name);
      return number === undefined ? [] : [{ ...tag, number }];
    });
    const ours = numbered.find(({ sha }) => sha === release.sha);
    if (ours) return ours.name;
    return name(Math.max(-1, ...numbered.map(({ number }) => number)) + 1);
  }
}

/** The number that makes this name of the pattern; undefined for a name of another kind. */
function numberIn(tag: string, name: (next: number) => string): number | undefined {
  const found = tag.match(/\d+/g) ?? [];
  return found.map(Number).find((number) => name(number) === tag);
}

/** Undefined where the forge has no milestones. The ids make its title the mission's own. */
export async function findOrCreateMilestone(
  forge: Forge,
  of: { place: MissionPlace; milestone: NamedMilestone },
): Promise<number | undefined> {
  const { place, milestone } = of;
  const { repository, mission } = place;
  const found = await forge.findOrCreateMilestone?.({
    repository,
    title: `${milestone.title} (${mission}/${milestone.id})`,
    description: `Milestone ${milestone.id} of mission ${mission}.`,
  });
  return found?.id;
}

export async function findOrCreateTaskIssue(
  forge: Forge,
  of: {
    place: MissionPlace;
    task: { id: string; title: string; goal: string };
    milestone: number | undefined;
  },
): Promise<{ number: number }> {
  const { place, task, milestone } = of;
  const { repository, mission } = place;
  const { number } = await forge.findOrCreateIssue({
    repository,
    marker: `mission:${mission}/${task.id}`,
    title: `${task.id}: ${task.title}`,
    body: task.goal,
    milestone,
  });
  return { number };
}

type Input<Name extends keyof MilestoneActivities> = Parameters<MilestoneActivities[Name]>[0];
