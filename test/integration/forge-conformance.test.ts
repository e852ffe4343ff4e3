import { describe } from 'vitest';
import { useDatabase } from '../support/databases.ts';
import { describeForge } from '../support/forge-conformance.ts';
import { localWorld } from '../support/forge-worlds.ts';

const database = useDatabase('PGlite');

describe('the local forge', () => {
  describeForge(() => localWorld(database().queries));
});
