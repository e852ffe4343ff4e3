/**
 * Takes secrets out of what leaves the engine as text, or is kept: log lines, attributes of spans, and what programs and
 * failures have said, before it is in a history or in the database.
 */
import type { Roster } from '../schema/contracts/roster.ts';
import { secretForms } from './secret-forms.ts';

const hidden = '[redacted]';

/** Shorter values would blot out innocent words. */
const minSecretLength = 8;

const secretName = /TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL|OTLP(?:_TRACES)?_HEADERS$/i;

/** A quote or backslash counts only as JSON escapes it, so that a line of JSON stays one. */
const inUrl = String.raw`(?:\\["\\]|[^\s"\\])`;

const rules: readonly [RegExp, string][] = [
  // `scheme://user:password@`; the password may have what a URL should have encoded.
  [
    new RegExp(String.raw`\b([a-z][a-z\d+.-]{0,30}:\/\/)[^\s/:@"\\]*:${inUrl}{0,1000}@`, 'gi'),
    `$1${hidden}@`,
  ],
  [/\b([a-z][a-z\d+.-]{0,30}:\/\/)[^\s/:@"\\]+@/gi, `$1${hidden}@`],
  [/\b(authorization\\?["']?\s*[:=]\s*\\?["']?(?:bearer|basic)?\s*)[\w~+/.=-]+/gi, `$1${hidden}`],
  // Long enough to be no prose.
  [/\b(bearer|basic)\s+[\w~+/.=-]{16,}/gi, `$1 ${hidden}`],
  ...secretForms.map(([, form]): [RegExp, string] => [form, hidden]),
  // Of what a repository holds a JWT is mostly an example; of what a program says it may be one in use.
  [/\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/g, hidden],
  // No quote is in a key: within JSON it ends where its string does.
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^"]*?-----END [A-Z ]{0,30}PRIVATE KEY-----/g, hidden],
  // libpq's form, and the query of a URL.
  [/\b((?:password|passwd|token|access_token|api_?key|secret)=)[^\s&"'\\]+/gi, `$1${hidden}`],
];

export type Scrub = (text: string) => string;

/**
 * Knows the forms of secrets, the values of those that the process was given in its environment, and `more` values,
 * whatever their names.
 */
export function createScrub(
  environment: Readonly<Record<string, string | undefined>>,
  more: readonly string[] = [],
): Scrub {
  const values = knownSecrets(environment, more);
  return (text) => {
    let clean = text;
    for (const value of values) clean = clean.replaceAll(value, hidden);
    for (const [form, by] of rules) clean = clean.replace(form, by);
    return clean;
  };
}

/** What the operator gives programs in their environment: nothing that is kept may tell it. */
export function rosterSecrets({ runtimes, acp = {} }: Pick<Roster, 'runtimes' | 'acp'>): string[] {
  const programs = [...Object.values(runtimes), ...Object.values(acp)];
  const given = programs.flatMap(({ env }) => Object.entries(env));
  return given.filter(([name]) => name !== 'PATH').map(([, value]) => value);
}

/** What workflows go by. None of it is text that a program has written; `program` is a task's own, and launched as it is. */
const identifiers: ReadonlySet<string> = new Set([
  ...['id', 'sessionId', 'conversation', 'engine', 'host', 'runtime', 'role', 'account'],
  ...['kind', 'end', 'outcome', 'verdict', 'state', 'type', 'severity', 'category'],
  ...['sha', 'headSha', 'baseSha', 'mergeSha', 'program'],
]);

/** The same for all texts of a value, however deep; what workflows go by is left as it is. */
export function scrubDeep(value: unknown, scrub: Scrub): unknown {
  if (typeof value === 'string') return scrub(value);
  if (Array.isArray(value)) return value.map((item: unknown) => scrubDeep(item, scrub));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [
      key,
      identifiers.has(key) ? item : scrubDeep(item, scrub),
    ]),
  );
}

/** Takes secrets out of an error in its place, and out of what has caused it. */
export function scrubError(error: unknown, scrub: Scrub): void {
  if (!(error instanceof Error)) return;
  error.message = scrub(error.message);
  if (error.stack !== undefined) error.stack = scrub(error.stack);
  scrubError(error.cause, scrub);
}

function knownSecrets(
  environment: Readonly<Record<string, string | undefined>>,
  more: readonly string[],
): string[] {
  const found = Object.entries(environment).flatMap(([name, value = '']) => {
    const password = passwordOf(value);
    return secretName.test(name) ? [value, ...headerValues(value), ...password] : password;
  });
  const long = [...found, ...more].filter((value) => value.length >= minSecretLength);
  const written = long.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  // The longest first: a secret may be a part of another.
  return [...new Set(written)].sort((a, b) => b.length - a.length);
}

function headerValues(headers: string): string[] {
  return headers.split(',').map((header) => header.slice(header.indexOf('=') + 1).trim());
}

function passwordOf(value: string): string[] {
  if (!value.includes('://') || !URL.canParse(value)) return [];
  const { password } = new URL(value);
  return [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
