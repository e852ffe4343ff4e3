import { describe, expect, it } from 'vitest';
import { leavesOut } from './pipeline-rules.ts';

const docs = ['docs/a.md', 'docs/deep/b.md'];

function workflow(on: string, files: readonly string[] = docs, onBase = false): boolean {
  const text = `name: CI\non: ${on}\njobs: {test: {runs-on: x, steps: [{run: npm test}]}}\n`;
  return leavesOut([{ path: '.gitea/workflows/test.yaml', text }], { files, base: 'main', onBase });
}

function woodpecker(when: string, files: readonly string[] = docs): boolean {
  const text = `when: ${when}\nsteps: [{name: test, image: node, commands: [npm test]}]\n`;
  return leavesOut([{ path: '.woodpecker/test.yml', text }], { files, base: 'main', onBase: false });
}

describe('a workflow of Actions', () => {
  it.each([
    "{push: {paths-ignore: ['docs/**']}}",
    "{push: {paths-ignore: ['**.md']}, pull_request: {paths-ignore: ['**/*.md']}}",
    '{push: {paths: [src/**]}}',
    "{push: {paths: ['**', '!docs/**']}}",
    '{push: {branches: [main]}, pull_request: {paths: [src/**]}}',
    '{push: {branches: [main, release/*]}}',
    '{push: {tags: [v*]}}',
    '{pull_request: {branches: [stable]}}',
    'workflow_dispatch',
    '[workflow_dispatch, schedule]',
    '{workflow_dispatch: {inputs: {}}, schedule: [{cron: 0 0 * * *}]}',
  ])('with `on: %s` leaves out a change of a task’s branch in docs/', (on) => {
    expect(workflow(on)).toBe(true);
  });

  it.each([
    'push',
    '[push, pull_request]',
    '{push: null}',
    "{push: {paths-ignore: ['docs/**']}, pull_request: null}",
    "{push: {paths-ignore: ['docs/*']}}",
    '{push: {paths: [docs/deep/**]}}',
    "{push: {paths: ['!docs/**', '**']}}",
    "{push: {paths-ignore: ['doc?/**']}}",
    '{push: {branches: [mission/**]}}',
    "{push: {branches: ['**']}}",
    '{push: {branches: [mission/demo/T-1]}}',
    '{pull_request: {branches: [main]}}',
    '{push: {paths-ignore: 7}}',
    '7',
  ])('with `on: %s` does not', (on) => {
    expect(workflow(on)).toBe(false);
  });

  it('runs when one file of many is not left out', () => {
    expect(workflow("{push: {paths-ignore: ['docs/**']}}", [...docs, 'src/a.js'])).toBe(false);
  });

  it('is asked for pushes only, once the change lies on the base', () => {
    expect(workflow('{push: {branches: [main]}, pull_request: {paths: [src/**]}}', docs, true)).toBe(false);
    expect(workflow('{push: {paths: [src/**]}, pull_request: null}', docs, true)).toBe(true);
  });
});

describe('a workflow of Woodpecker', () => {
  it.each([
    '{event: push, path: src/**}',
    "{path: {exclude: ['docs/**']}}",
    '{event: [tag, cron]}',
    "[{event: push, path: {exclude: ['**/*.md']}}, {event: pull_request, path: {include: ['src/*']}}, {event: manual}]",
  ])('with `when: %s` leaves out a change in docs/', (when) => {
    expect(woodpecker(when)).toBe(true);
  });

  it.each([
    '{event: push}',
    '[]x',
    '{event: [push, tag]}',
    "{path: {exclude: ['docs/*']}}",
    "[{event: push, path: {exclude: ['docs/**']}}, {event: pull_request}]",
    "{event: push, path: ['{docs,src}/**']}",
    '{branch: main}',
  ])('with `when: %s` does not', (when) => {
    expect(woodpecker(when)).toBe(false);
  });
});

describe('a repository', () => {
  const change = { files: docs, base: 'main', onBase: false };
  const left = { path: '.github/workflows/a.yml', text: 'on: {push: {paths: [src/**]}}' };

  it.each([
    { name: 'no pipeline', sources: [], out: false },
    {
      name: 'pipelines that all leave it out',
      sources: [left, { ...left, path: '.woodpecker.yml', text: 'when: {event: cron}' }],
      out: true,
    },
    {
      name: 'one that runs',
      sources: [left, { path: '.github/workflows/b.yml', text: 'on: push' }],
      out: false,
    },
    {
      name: 'one that is no YAML',
      sources: [left, { path: '.github/workflows/b.yml', text: 'on: {' }],
      out: false,
    },
    {
      name: 'one of a system whose rules are not known',
      sources: [left, { path: 'Jenkinsfile', text: '' }],
      out: false,
    },
    {
      name: 'a file beside them that may be anything',
      sources: [left, { path: '.github/workflows/x/y.yml', text: left.text }],
      out: false,
    },
  ])('with $name leaves the change out: $out', ({ sources, out }) => {
    expect(leavesOut(sources, change)).toBe(out);
  });

  it('leaves out no change of no file', () => {
    expect(leavesOut([left], { ...change, files: [] })).toBe(false);
  });
});
