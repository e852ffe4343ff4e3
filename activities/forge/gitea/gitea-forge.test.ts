import { describe, onTestFinished } from 'vitest';
import { startFakeGitea } from '../../../test/fakes/fake-gitea.ts';
import { useDatabase } from '../../../test/support/databases.ts';
import { describeForge } from '../../../test/support/forge-conformance.ts';
import { describeFaults } from '../../../test/support/forge-faults.ts';
import { describeThreads, resolversIn } from '../../../test/support/forge-threads.ts';
import { giteaWorld } from '../../../test/support/forge-worlds.ts';

const database = useDatabase('PGlite');

describe('a fake Gitea', () => {
  describeForge(async () => {
    const server = await startFakeGitea(onTestFinished);
    return giteaWorld({ server, queries: database().queries });
  });
});

describe('the threads of a fake Gitea', () => {
  describeThreads(async () => {
    const fake = await startFakeGitea(onTestFinished);
    const world = await giteaWorld({ server: fake, queries: database().queries });
    return { world, resolvers: resolversIn(fake, world) };
  });
});

describe('a Gitea that fails', () => {
  describeFaults({
    mergeMethod: 'POST',
    basePath: /\/branches\/main/,
    async makeWorld({ timeoutMs }) {
      const fake = await startFakeGitea(onTestFinished);
      return { fake, world: await giteaWorld({ server: fake, queries: database().queries, timeoutMs }) };
    },
  });
});
