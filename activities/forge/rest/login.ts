import { refused } from '../../failures.ts';
import type { ForgeClient } from './client.ts';
import { ForgeUser } from './schema.ts';

/** Whose token it is: asked of the forge once. */
export function rememberLogin(client: ForgeClient, host: string): () => Promise<string> {
  let login: string | undefined;
  return async () => {
    if (login !== undefined) return login;
    const said = await client.get({ path: '/user', answer: ForgeUser });
    if (said.kind === 'refused') {
      throw refused(
        `${host} does not tell whose token this is (${said.message}): it needs the scope read:user`,
      );
    }
    ({ login } = said.body);
    return login;
  };
}
