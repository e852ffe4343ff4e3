import { unavailable } from '../../failures.ts';
import type { Credentials } from '../credentials.ts';
import { createForgeAccess, dispatcherFor, type Destination, type ForgeAccess } from '../rest/access.ts';
import { callTimeoutMs } from '../rest/client.ts';
import { rememberLogin } from '../rest/login.ts';
import type { Apps } from './apps.ts';
import { createGithubClient } from './client.ts';
import { createOctokit, fetchElsewhere, graphqlOf } from './octokit.ts';

/** github.com, its tenants, and Enterprise servers. */
export function createGithubAccess(deps: {
  credentials: Credentials;
  apps: Apps;
  timeoutMs?: number;
  isPaced?: boolean;
}): ForgeAccess {
  const { credentials, apps, timeoutMs = callTimeoutMs, isPaced = true } = deps;
  return createForgeAccess({ credentials, connect });

  function connect(to: Destination) {
    const { at, account, selfSigned } = to;
    const { host } = at;
    const dispatcher = dispatcherFor(to);
    const common = {
      ...{ host, timeoutMs },
      graphqlUrl: graphqlOf(at),
      octokit: createOctokit({ at, dispatcher, timeoutMs, isPaced }),
      fetchElsewhere: (of: { url: string; lastBytes: number }) =>
        fetchElsewhere({ at, dispatcher, timeoutMs, ...of }),
    };
    if (account.kind === 'token') {
      const client = createGithubClient({ ...common, authorize: () => Promise.resolve(account.token) });
      return { client, login: rememberLogin(client, host) };
    }
    const app = { at, app: account, selfSigned };
    const client = createGithubClient({
      ...common,
      authorize: () => apps.token(app),
      // It may have been revoked, or is not yet known everywhere.
      unauthorized() {
        apps.forget(app);
        return unavailable(
          `${host} does not accept the token of the app ${account.id}: the next one is made anew`,
        );
      },
    });
    return { client, login: () => apps.login(app) };
  }
}
