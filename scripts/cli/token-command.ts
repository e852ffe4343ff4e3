import { Command, InvalidArgumentError, Option } from 'commander';
import { Scope } from '../../schema/contracts/scopes.ts';
import type { Token } from './api-client.ts';
import { apiOf, command, examplesHelp, groups, mutation } from './command.ts';
import { show } from './output.ts';

const warning = 'Whoever holds missions:write can run programs on this machine as the engine’s user.';

export function tokenCommand(): Command {
  const token = new Command('token')
    .description('Tokens of the API')
    .helpGroup(groups.access)
    .addHelpText('after', examplesHelp(['mission token list', 'mission token help create']));
  for (const each of [create(), list(), revoke()]) token.addCommand(each);
  return token;
}

function create(): Command {
  return mutation('create', 'Make a token; it is shown once', [
    'mission token create lead --scope missions:read merge:approve',
    'mission token create bot --scope missions:read missions:write --expires 30d',
    'mission token create guest --scope missions:read --expires 2030-01-31T12:00:00Z',
  ])
    .argument('<name>', 'who it is for; coordinators are named so in a mission’s policy')
    .addOption(
      new Option('--scope <scopes...>', 'what it may do').choices(Scope.options).makeOptionMandatory(),
    )
    .addOption(
      new Option('--expires <when>', 'a time, or from now: 12h, 30d, 8w').argParser((text) =>
        readExpiry(text, Date.now()),
      ),
    )
    .addHelpText('after', `\n${warning}`)
    .action(async (name: string, options: { scope: string[]; expires?: string }, self: Command) => {
      const { api, json } = await apiOf(self);
      const scopes = Scope.array().parse(options.scope);
      const expiresAt = options.expires;
      const token = await api.createToken({ name, scopes, expiresAt });
      if (scopes.some((scope) => scope === 'missions:write' || scope === 'admin')) {
        process.stderr.write(`note: ${warning}\n`);
      }
      show({ name, scopes, token, expiresAt: expiresAt ?? null }, () => [token], json);
    });
}

function list(): Command {
  return command('list', 'List tokens: what they may do, and when they were last used', [
    'mission token list',
    'mission token list --json',
  ]).action(async (_options: unknown, self: Command) => {
    const { api, json } = await apiOf(self);
    const tokens = await api.listTokens();
    show(tokens, () => tokens.map((token) => tokenLine(token, Date.now())), json);
  });
}

function revoke(): Command {
  return mutation('revoke', 'Make a token worthless from now on', ['mission token revoke bot'])
    .argument('<name>')
    .action(async (name: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      await api.revokeToken({ name });
      show({ name, revoked: true }, () => [`${name} is revoked`], json);
    });
}

const unitMs: Record<string, number> = {
  h: 3_600_000,
  d: 24 * 3_600_000,
  w: 7 * 24 * 3_600_000,
};

/** A point in time to come, from itself or from how far off it is. */
export function readExpiry(text: string, now: number): string {
  const [, count, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  const at = count === undefined ? readTime(text) : now + Number(count) * (unitMs[unit] ?? 0);
  if (at > now) return new Date(at).toISOString();
  throw new InvalidArgumentError('give a time to come with its zone (2030-01-31T12:00:00Z), or 12h, 30d, 8w');
}

/** Without a zone a time would mean another moment on the engine's machine. */
function readTime(text: string): number {
  return /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
}

export function tokenLine(token: Token, now: number): string {
  const ended = token.expiresAt !== null && Date.parse(token.expiresAt) <= now;
  const state = token.revokedAt !== null ? 'revoked' : ended ? 'expired' : 'valid';
  const until = token.expiresAt === null ? 'no expiry' : `until ${token.expiresAt}`;
  const used = token.lastUsedAt === null ? 'never used' : `used ${token.lastUsedAt}`;
  return `${token.name.padEnd(20)} ${state.padEnd(8)} ${token.scopes.join(' ')}  (${until}, ${used})`;
}
