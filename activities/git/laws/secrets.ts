/** What a secret looks like: forms that their issuers document, so that few other things match. */
const secretForms: readonly (readonly [name: string, form: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{50,}\b/],
  ['a Slack token', /\bxox[abpr]-[A-Za-z0-9-]{10,}\b/],
  ['an API key', /\bsk-[A-Za-z0-9_-]{32,}\b/],
  ['a token of this engine', /\bmission_[A-Za-z0-9_-]{43}\b/],
];

/** What of it looks like a secret, by the names of the forms: a secret is never repeated. */
export function secretsIn(text: string): string[] {
  return secretForms.filter(([, form]) => form.test(text)).map(([name]) => name);
}
