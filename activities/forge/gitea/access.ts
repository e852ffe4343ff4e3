import { refused } from '../../failures.ts';
import type { Credentials } from '../credentials.ts';
import { createForgeAccess, dispatcherFor, type ForgeAccess } from '../rest/access.ts';
import { callTimeoutMs } from '../rest/client.ts';
import { rememberLogin } from '../rest/login.ts';
import { createGiteaClient } from './client.ts';

export function createGiteaAccess(deps: { credentials: Credentials; timeoutMs?: number }): ForgeAccess {
  const { credentials, timeoutMs = callTimeoutMs } = deps;
  return createForgeAccess({
    credentials,
    connect(to) {
      const { url, host } = to.at;
      if (to.account.kind === 'app') {
        throw refused(`${host} is a Gitea, and apps are GitHub's: give it a token`);
      }
      const { token } = to.account;
      const client = createGiteaClient({ url, host, token, timeoutMs, dispatcher: dispatcherFor(to) });
      return { client, login: rememberLogin(client, host) };
    },
  });
}
