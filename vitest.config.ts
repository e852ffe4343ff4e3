import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'schema/**/*.test.ts',
      'workflows/**/*.test.ts',
      'activities/**/*.test.ts',
      'workers/**/*.test.ts',
      'api/**/*.test.ts',
      'scripts/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/quiet.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    // Real servers, processes and databases: what hangs is ended, what is slow on a loaded machine is not.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Each worker holds a database and a Temporal worker; on two cores more of them only wait for each other.
    maxWorkers: 2,
  },
});
