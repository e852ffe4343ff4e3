import { configDefaults, defineConfig } from 'vitest/config';

/** The real agent programs: hundreds of megabytes each, and so only when they are named. */
const conformance = (process.env['MISSION_CONFORMANCE'] ?? '') !== '';

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
    exclude: [...configDefaults.exclude, ...(conformance ? [] : ['test/conformance/**'])],
    // They need no Temporal.
    globalSetup: conformance ? [] : ['test/support/global-setup.ts'],
    setupFiles: ['test/support/quiet.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    // Real servers, processes and databases: what hangs is ended, what is slow on a loaded machine is not.
    // Opencode tries a failing model for a minute and a half.
    testTimeout: conformance ? 240_000 : 120_000,
    hookTimeout: 120_000,
    // Each worker holds a database and a Temporal worker; on two cores more of them only wait for each other.
    maxWorkers: 2,
    // Of the tests of a file that run side by side, most wait; more of them would wait for each other.
    maxConcurrency: 3,
  },
});
