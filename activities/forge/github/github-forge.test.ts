import { describe, onTestFinished } from 'vitest';
import { startFakeGithub } from '../../../test/fakes/fake-github.ts';
import { useDatabase } from '../../../test/support/databases.ts';
import { describeForge } from '../../../test/support/forge-conformance.ts';
import { githubWorld } from '../../../test/support/forge-worlds.ts';

const database = useDatabase('PGlite');

describe('a fake GitHub', () => {
  describeForge(async () => {
    const server = await startFakeGithub(onTestFinished);
    return githubWorld({ server, queries: database().queries });
  });
});
