import type { AppAccount, Credentials } from './credentials.ts';

/**
 * How git reaches a repository of a forge: its token as a header, for that host only. A redirect is not followed, since
 * the header would go with it. A path has no settings.
 */
export function createGitSettings(deps: {
  credentials: Credentials;
  /** The token that an app has now for the repository at an address. */
  appToken: (of: { address: string; app: AppAccount; selfSigned: boolean }) => Promise<string>;
}): (address: string) => Promise<Record<string, string>> {
  return async (address) => {
    if (!/^https?:\/\//.test(address) || !URL.canParse(address)) return {};
    const { origin, host } = new URL(address);
    const { account, selfSigned } = await deps.credentials.of(host);
    const token =
      account.kind === 'token' ? account.token : await deps.appToken({ address, app: account, selfSigned });
    // Every forge that we know takes a token as the password, and looks at no name beside it.
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
    return {
      [`http.${origin}/.extraHeader`]: `Authorization: Basic ${basic}`,
      'http.followRedirects': 'false',
      ...(selfSigned ? { [`http.${origin}/.sslVerify`]: 'false' } : {}),
    };
  };
}
