import { describe, expect, it } from 'vitest';
import { parseAnswer } from './parse-answer.ts';

const approval = { verdict: 'approve', summary: 'good', findings: [] };
const objection = {
  verdict: 'request-changes',
  summary: 'no',
  findings: [{ severity: 'blocker', category: 'secret', file: 'a.js', line: 3, message: 'a key' }],
};

describe('an answer', () => {
  it.each([
    { name: 'an approval', output: JSON.stringify(approval), answer: approval },
    { name: 'an objection', output: JSON.stringify(objection), answer: objection },
    { name: 'an answer on many lines', output: JSON.stringify(objection, null, 2), answer: objection },
    { name: 'an answer with a line end', output: `\n${JSON.stringify(approval)}\r\n`, answer: approval },
    {
      name: 'an answer with more in it than is asked for',
      output: JSON.stringify({ ...approval, confidence: 0.9 }),
      answer: approval,
    },
  ])('is read from $name', ({ output, answer }) => {
    expect(parseAnswer(output)).toEqual({ kind: 'answer', answer });
  });

  const text = JSON.stringify(approval);
  it.each([
    { name: 'nothing', output: '' },
    { name: 'a line end', output: '\n' },
    { name: 'words', output: 'Looks good to me, approve!' },
    { name: 'text before the JSON', output: `Here is my verdict: ${text}` },
    { name: 'text after the JSON', output: `${text}\nThat is all.` },
    { name: 'the JSON in a code block', output: `\`\`\`json\n${text}\n\`\`\`` },
    { name: 'two answers', output: `${JSON.stringify(objection)}\n${text}` },
    { name: 'the same answer twice', output: text + text },
    { name: 'half of the JSON', output: text.slice(0, -1) },
    { name: 'JSON with a comment', output: `// mine\n${text}` },
    { name: 'single quotes', output: text.replaceAll('"', "'") },
    { name: 'a byte order mark', output: `\uFEFF${text}` },
    { name: 'a null at the end', output: `${text}\u0000` },
  ])('is not $name', ({ output }) => {
    expect(parseAnswer(output)).toEqual({
      kind: 'malformed',
      reason: 'the output is not one JSON object',
    });
  });

  it.each([
    { name: 'null', value: null },
    { name: 'a verdict alone', value: 'approve' },
    { name: 'true', value: true },
    { name: 'a list with an answer in it', value: [approval] },
    { name: 'an answer in an envelope', value: { result: approval } },
    { name: 'an empty object', value: {} },
    { name: 'no verdict', value: { summary: 'good', findings: [] } },
    { name: 'another verdict', value: { ...approval, verdict: 'lgtm' } },
    { name: 'no findings', value: { verdict: 'approve', summary: 'good' } },
    { name: 'a finding without a message', value: { ...objection, findings: [{ severity: 'nit' }] } },
  ])('is not JSON of another form: $name', ({ value }) => {
    expect(parseAnswer(JSON.stringify(value)).kind).toBe('malformed');
  });

  it('is not an approval with a blocker', () => {
    expect(parseAnswer(JSON.stringify({ ...objection, verdict: 'approve' }))).toEqual({
      kind: 'malformed',
      reason: '✖ an approval with a blocker contradicts itself',
    });
  });

  it('that is malformed in a thousand places has a short reason', () => {
    const findings = Array.from({ length: 150 }, () => ({ severity: 'critical' }));
    const parsed = parseAnswer(JSON.stringify({ ...objection, findings }));
    if (parsed.kind !== 'malformed') throw new Error('it was taken for an answer');
    expect(parsed.reason).toHaveLength(1_000);
  });
});
