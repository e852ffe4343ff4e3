/** The reviewer `test-check`: changed source has changed tests, and these run. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Finding } from '../../../schema/contracts/review.ts';
import { isTest } from '../../git/test-files.ts';
import { answer, presentFiles, readChange } from './change.ts';
import { untestedFinding } from './test-rules.ts';

/** A reviewer is no CI: tests that take longer are the CI's to judge. */
const timeoutMs = 10 * 60_000;

const files = presentFiles(readChange());
const tests = files.filter((file) => isTest(file) && existsSync(file));
const untested = untestedFinding(files);
const findings = untested ? [untested] : runFindings(tests);
answer(findings, tests.length === 0 ? 'no source changes' : `${tests.length} changed test files ran`);

/** Tests of Node's own runner are run file by file, which also shows that each has tests in it; others by `npm test`. */
function runFindings(changed: readonly string[]): Finding[] {
  const own = changed.filter(
    (file) => /\.[cm]?js$/.test(file) && readFileSync(file, 'utf8').includes('node:test'),
  );
  const findings = own.flatMap(runWithNode);
  if (own.length < changed.length && existsSync('package.json')) findings.push(...runWithNpm());
  return findings;
}

function runWithNode(file: string): Finding[] {
  const args = ['--test', '--test-reporter=tap', file];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: timeoutMs });
  // A file without tests is reported as one test, with the file's own name.
  const names = [...run.stdout.matchAll(/^\s*# Subtest: (.+)$/gm)].map((match) => match[1] ?? '');
  const passed = names.filter((name) => !name.endsWith(file)).length;
  if (run.status !== 0) return [failure('tests-fail', file, `the tests of ${file} fail`)];
  return passed > 0 ? [] : [failure('no-tests', file, `${file} has no test that runs`)];
}

function runWithNpm(): Finding[] {
  const run = spawnSync('npm', ['test', '--silent'], { encoding: 'utf8', timeout: timeoutMs });
  return run.status === 0 ? [] : [failure('tests-fail', 'package.json', '`npm test` fails')];
}

function failure(category: string, file: string, message: string): Finding {
  return { severity: 'blocker', category, file, message };
}
