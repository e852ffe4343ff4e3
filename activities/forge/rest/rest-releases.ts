import { z } from 'zod';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import { refused } from '../../failures.ts';
import type { KeyedLock } from '../../keyed-lock.ts';
import type { Forge, Milestone } from '../forge.ts';
import { lookThenAct } from '../settle.ts';
import { done, foundOrNot, type ForgeAccess } from './access.ts';
import { pathOf } from './client.ts';
import type { Dialect } from './dialect.ts';
import { ForgeRelease } from './schema.ts';

/** Milestones, tags and releases, each by its name. */
export function createRestReleases(deps: {
  access: ForgeAccess;
  dialect: Dialect;
  turns: KeyedLock;
}): Pick<Forge, 'findOrCreateMilestone' | 'closeMilestone' | 'findOrCreateTag' | 'findOrCreateRelease'> {
  const { access, dialect, turns } = deps;
  return {
    findOrCreateMilestone: (of) =>
      turns.with(`${of.repository.id} milestone ${of.title}`, () => findOrCreateMilestone(of)),
    closeMilestone,
    findOrCreateTag: (of) => turns.with(`${of.repository.id} tag ${of.name}`, () => findOrCreateTag(of)),
    findOrCreateRelease: (of) =>
      turns.with(`${of.repository.id} release ${of.tag}`, () => findOrCreateRelease(of)),
  };

  async function findOrCreateMilestone(of: {
    repository: PlannedRepository;
    title: string;
    description: string;
  }): Promise<Milestone> {
    const there = await access.of(of.repository);
    const { title, description } = of;
    const path = `${there.path}/milestones`;
    const look = async () => {
      // What a forge has of filters is loose.
      const query = dialect.milestonesQuery(title);
      const found = await there.client.list({ path, query, answer: z.array(dialect.milestone) });
      return found.filter((one) => one.title === title).sort((one, other) => one.id - other.id)[0];
    };
    const act = async () => {
      const body = { title, description };
      const made = await there.client.change({ method: 'POST', path, body, answer: dialect.milestone });
      const theirs = made.kind === 'refused' && dialect.isThere(made) ? await look() : undefined;
      return theirs ?? done(there, made, `the milestone ${title}`);
    };
    const { id, state } = await lookThenAct({ look, act });
    return { id, state };
  }

  async function closeMilestone(of: { repository: PlannedRepository; id: number }): Promise<void> {
    const there = await access.of(of.repository);
    const path = `${there.path}${pathOf`/milestones/${of.id}`}`;
    const answer = dialect.milestone;
    await lookThenAct({
      look: async () => {
        const standing = done(there, await there.client.get({ path, answer }), `milestone ${of.id}`);
        return standing.state === 'closed' ? standing : undefined;
      },
      act: async () => {
        const closed = await there.client.change({
          method: 'PATCH',
          path,
          body: { state: 'closed' },
          answer,
        });
        return done(there, closed, `the close of milestone ${of.id}`);
      },
    });
  }

  async function findOrCreateTag(of: {
    repository: PlannedRepository;
    name: string;
    sha: string;
  }): Promise<void> {
    const there = await access.of(of.repository);
    const { name, sha } = of;
    const look = () => dialect.tagHead(there, name);
    const act = async () => {
      const made = await dialect.makeTag(there, { name, sha });
      const theirs = made.kind === 'refused' && dialect.isThere(made) ? await look() : undefined;
      if (theirs === undefined) done(there, made, `the tag ${name}`);
      return theirs ?? sha;
    };
    const standing = await lookThenAct({ look, act });
    if (standing !== sha) throw refused(`the tag ${name} can't be put on ${sha}: it is on ${standing}`);
  }

  async function findOrCreateRelease(of: {
    repository: PlannedRepository;
    tag: string;
    title: string;
    notes: string;
  }): Promise<{ id: number }> {
    const there = await access.of(of.repository);
    const { tag, title, notes } = of;
    const look = async () => {
      const path = `${there.path}${pathOf`/releases/tags/${tag}`}`;
      return foundOrNot(there, await there.client.get({ path, answer: ForgeRelease }));
    };
    const act = async () => {
      // The forge would make the tag where there is none, and on a branch.
      if ((await dialect.tagHead(there, tag)) === undefined)
        throw refused(`there is no tag ${tag} to release`);
      const made = await there.client.change({
        method: 'POST',
        path: `${there.path}/releases`,
        body: { tag_name: tag, name: title, body: notes },
        answer: ForgeRelease,
      });
      const theirs = made.kind === 'refused' && dialect.isThere(made) ? await look() : undefined;
      return theirs ?? done(there, made, `the release of ${tag}`);
    };
    const { id } = await lookThenAct({ look, act });
    return { id };
  }
}
