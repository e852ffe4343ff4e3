import { describe, expect, it } from 'vitest';
import { lineFindings, maxFileBytes, sizeFinding } from './diff-rules.ts';

function categoriesOf(text: string, file = 'src/a.js'): string[] {
  return lineFindings({ file, line: 1, text }).map(({ category }) => category);
}

/** Samples are put together here, so that no scanner takes this file for a leak. */
const secrets = [
  { name: 'a private key', sample: '-----BEGIN PRIV' + 'ATE KEY-----' },
  { name: 'a private key', sample: '-----BEGIN RSA PRIV' + 'ATE KEY-----' },
  { name: 'a private key', sample: '-----BEGIN OPENSSH PRIV' + 'ATE KEY-----' },
  { name: 'a private key', sample: '-----BEGIN ENCRYPTED PRIV' + 'ATE KEY-----' },
  { name: 'an AWS access key', sample: 'AK' + 'IA' + 'A1B2'.repeat(4) },
  { name: 'an AWS access key', sample: 'AS' + 'IA' + 'A1B2'.repeat(4) },
  { name: 'a GitHub token', sample: 'gh' + 'p_' + 'aB3'.repeat(12) },
  { name: 'a GitHub token', sample: 'gh' + 's_' + 'aB3'.repeat(12) },
  { name: 'a GitHub token', sample: 'github' + '_pat_' + 'aB3_'.repeat(20) },
  { name: 'a Slack token', sample: 'xo' + 'xb-' + '1234567890-abc' },
  { name: 'an API key', sample: 's' + 'k-' + 'aB3'.repeat(16) },
  { name: 'an API key', sample: 's' + 'k-proj-' + 'aB3_'.repeat(10) },
  { name: 'a token of this engine', sample: 'mission' + '_' + 'aB3'.repeat(14) + 'x' },
];

describe('a secret', () => {
  it.each(secrets)('is a blocker wherever it stands in a line: $name', ({ name, sample }) => {
    for (const text of [sample, `const key = '${sample}';`, `KEY=${sample} # mine`, `{"key":"${sample}"}`]) {
      expect(lineFindings({ file: 'src/a.js', line: 7, text })).toEqual([
        {
          severity: 'blocker',
          category: 'secret',
          file: 'src/a.js',
          line: 7,
          message: `this looks like ${name}`,
        },
      ]);
    }
  });

  it.each(secrets)('is never repeated: $name', ({ sample }) => {
    const told = JSON.stringify(lineFindings({ file: 'a', line: 1, text: sample }));
    expect(told).not.toContain(sample);
  });

  it('is one in documentation too', () => {
    expect(categoriesOf(secrets[0]?.sample ?? '', 'README.md')).toEqual(['secret']);
  });

  it.each([
    { name: 'a public key', text: '-----BEGIN PUBLIC KEY-----' },
    { name: 'a certificate', text: '-----BEGIN CERTIFICATE-----' },
    { name: 'the prefix alone', text: `use a token that begins with ${'gh' + 'p_'}` },
    { name: 'a token cut short', text: 'gh' + 'p_' + 'a'.repeat(35) },
    { name: 'an AWS key cut short', text: 'AK' + 'IA' + 'A'.repeat(15) },
    { name: 'a longer word of capitals', text: 'AK' + 'IA' + 'A'.repeat(40) },
    { name: 'a word that ends like the prefix', text: `ta${'s' + 'k-'}${'list-of-things-to-do-'.repeat(3)}` },
    { name: 'a name of this engine', text: 'mission' + '_id, mission' + '_task_status' },
    { name: 'a commit id', text: 'a'.repeat(40) },
  ])('is not $name', ({ text }) => {
    expect(categoriesOf(text)).toEqual([]);
  });
});

describe('a conflict marker', () => {
  const markers = ['<'.repeat(7) + ' HEAD', '='.repeat(7), '>'.repeat(7) + ' main', '|'.repeat(7) + ' base'];

  it.each(markers)('is a blocker: %s', (text) => {
    expect(lineFindings({ file: 'a.js', line: 2, text })).toEqual([
      {
        severity: 'blocker',
        category: 'conflict-marker',
        file: 'a.js',
        line: 2,
        message: 'a conflict marker is left',
      },
    ]);
  });

  it.each([
    { name: 'indented', text: '  ' + '<'.repeat(7) + ' HEAD' },
    { name: 'too short', text: '<'.repeat(6) + ' HEAD' },
    { name: 'too long', text: '='.repeat(8) },
    { name: 'a heading', text: '='.repeat(20) },
    { name: 'a comparison', text: 'a === b' },
    { name: 'a shift', text: 'a <<<<<<< b' },
  ])('is not $name', ({ text }) => {
    expect(categoriesOf(text)).toEqual([]);
  });
});

describe('white space at the end of a line', () => {
  it.each([
    { file: 'a.js', text: 'x ', found: true },
    { file: 'a.js', text: 'x\t', found: true },
    { file: 'a.js', text: '  ', found: true },
    { file: 'a.js', text: 'x \r', found: true },
    { file: 'a.js', text: 'x', found: false },
    { file: 'a.js', text: '', found: false },
    { file: 'a.js', text: '  x', found: false },
    // The line ends of Windows are somebody's choice.
    { file: 'a.js', text: 'x\r', found: false },
    // In Markdown two spaces break a line.
    { file: 'README.md', text: 'x  ', found: false },
    { file: 'docs/a.markdown', text: 'x  ', found: false },
    { file: 'a.md.js', text: 'x  ', found: true },
  ])('of $text in $file is found: $found', ({ file, text, found }) => {
    expect(categoriesOf(text, file)).toEqual(found ? ['whitespace'] : []);
  });

  it('should be mended, but blocks nothing', () => {
    expect(lineFindings({ file: 'a.js', line: 1, text: 'x ' })[0]?.severity).toBe('should-fix');
  });
});

describe('a line', () => {
  it('can be wrong in more than one way', () => {
    expect(categoriesOf(`${secrets[0]?.sample ?? ''} `)).toEqual(['secret', 'whitespace']);
  });
});

describe('a file', () => {
  it.each([
    { bytes: 0, oversized: false },
    { bytes: maxFileBytes, oversized: false },
    { bytes: maxFileBytes + 1, oversized: true },
  ])('of $bytes bytes is oversized: $oversized', ({ bytes, oversized }) => {
    expect(sizeFinding('a.bin', bytes)?.category).toBe(oversized ? 'oversized' : undefined);
  });

  it('that is oversized is a blocker with its name and size', () => {
    expect(sizeFinding('a.bin', 2_000_000)).toEqual({
      severity: 'blocker',
      category: 'oversized',
      file: 'a.bin',
      message: 'the file has 2000000 bytes',
    });
  });
});
