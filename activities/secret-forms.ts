/** What a secret looks like: forms that their issuers document, so that few other things match. Each with the flag `g`. */
export const secretForms: readonly (readonly [name: string, form: RegExp])[] = [
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z\d]{16}(?![\w-])/g],
  ['a GitHub token', /\bgh[oprsu]_[A-Za-z\d]{36,}|\bgithub_pat_\w{22,}/g],
  ['a GitLab token', /\bglpat-[\w-]{20,}/g],
  ['a Slack token', /\bxox[abeprs]-[\w-]{10,}/g],
  ['a Google API key', /\bAIza[\w-]{35}(?![\w-])/g],
  ['an npm token', /\bnpm_[A-Za-z\d]{36}(?![\w-])/g],
  // OpenAI, Anthropic and others. Words with hyphens have no digit.
  ['an API key', /\bsk-(?=[\w-]{0,60}\d)[\w-]{20,}/g],
  ['a token of this engine', /\bmission_[\w-]{43}/g],
];

/** Of a key the beginning is enough: the lines of a change come one by one. */
const privateKey = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;

/** What of it looks like a secret, by the names of the forms: a secret is never repeated. */
export function secretsIn(text: string): string[] {
  const found = secretForms.filter(([, form]) => text.search(form) >= 0).map(([name]) => name);
  return privateKey.test(text) ? ['a private key', ...found] : found;
}
