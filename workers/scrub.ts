/** Takes secrets out of what leaves the engine as text: log lines, and attributes of spans. */

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
  // The engine's own tokens.
  [/\bmission_[\w-]{43}/g, hidden],
  // libpq's form, and the query of a URL.
  [/\b((?:password|passwd|token|access_token|api_?key|secret)=)[^\s&"'\\]+/gi, `$1${hidden}`],
];

export type Scrub = (text: string) => string;

/** Knows the forms of secrets, and the values of those that the process was given in its environment. */
export function createScrub(environment: Readonly<Record<string, string | undefined>>): Scrub {
  const values = knownSecrets(environment);
  return (text) => {
    let clean = text;
    for (const value of values) clean = clean.replaceAll(value, hidden);
    for (const [form, by] of rules) clean = clean.replace(form, by);
    return clean;
  };
}

function knownSecrets(environment: Readonly<Record<string, string | undefined>>): string[] {
  const found = Object.entries(environment).flatMap(([name, value = '']) => {
    const password = passwordOf(value);
    return secretName.test(name) ? [value, ...headerValues(value), ...password] : password;
  });
  const long = found.filter((value) => value.length >= minSecretLength);
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
