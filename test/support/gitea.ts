import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { startGiteaServer, type GiteaAccount, type GiteaServer } from '../../scripts/gitea-server.ts';

export type { GiteaAccount } from '../../scripts/gitea-server.ts';

const program = inject('gitea');

/** Whether tests on a real Gitea are skipped here. */
export const noGitea = program === undefined && process.env['REQUIRE_ALL'] !== '1';
export const whyNoGitea = 'no Gitea can be had here: put one on PATH, or Go with a C compiler';

/** A real Gitea of its own, on a free port of this machine. */
export type TestGitea = GiteaServer;

export async function startGitea(): Promise<TestGitea> {
  if (program === undefined) throw new Error(whyNoGitea);
  return startGiteaServer({ program });
}

export type GiteaWithPeople = TestGitea & { author: GiteaAccount; reviewers: Record<string, GiteaAccount> };

/** One for the tests of a file, with an author and a reviewer, who is the engine `diff-check`. */
export function useGitea(): () => GiteaWithPeople {
  let started: GiteaWithPeople | undefined;
  beforeAll(async () => {
    if (noGitea) return;
    const gitea = await startGitea();
    const author = await gitea.makeAccount('author');
    const reviewers = { 'diff-check': await gitea.makeAccount('reviewer') };
    started = { ...gitea, author, reviewers };
  });
  beforeEach((context) => context.skip(noGitea, whyNoGitea));
  afterAll(() => started?.stop());
  return () => {
    if (!started) throw new Error('Gitea is up within its tests only');
    return started;
  };
}
