/** What a repository's address turns out to be. */
export type RepositoryAddress =
  | { kind: 'path'; path: string }
  | { kind: 'url'; scheme: 'http' | 'https' | 'ssh'; host: string; url: string }
  | { kind: 'refused'; reason: string };

/**
 * Tells paths from URLs, and refuses what git would understand in another way: options, remote
 * helpers (`ext::sh …`), credentials in a URL, hosts on a private network unless they are allowed,
 * and http anywhere else.
 */
export function readRepositoryAddress(text: string, allow: { privateAddresses: boolean }): RepositoryAddress {
  if (/[\u0000-\u001f\u007f]/.test(text)) return refusedAddress('it has control characters');
  if (text.startsWith('-')) return refusedAddress('it begins with a dash, as an option would');
  const scp = /^(?<user>[A-Za-z0-9_.-]+)@(?<host>[A-Za-z0-9.-]+):(?!\/\/)(?<path>.+)$/.exec(text)?.groups;
  if (scp) return readUrl(`ssh://${scp['user']}@${scp['host']}/${scp['path']}`, allow);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)) return readUrl(text, allow);
  if (/^[A-Za-z0-9]+::/.test(text)) return refusedAddress('remote helpers are not used');
  return { kind: 'path', path: text };
}

function readUrl(text: string, allow: { privateAddresses: boolean }): RepositoryAddress {
  if (!URL.canParse(text)) return refusedAddress('it is no URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  const isInTheClear = scheme === 'http' && isPrivateHost(url.hostname);
  if (scheme !== 'https' && scheme !== 'ssh' && !isInTheClear)
    return refusedAddress(`${scheme} is not used: take https or ssh`);
  if (url.password !== '' || (scheme !== 'ssh' && url.username !== '')) {
    return refusedAddress('it has credentials in it: they belong into the operator’s configuration');
  }
  if (isPrivateHost(url.hostname) && !allow.privateAddresses) {
    return refusedAddress(`${url.hostname} is a private address: the operator has not allowed those`);
  }
  return { kind: 'url', scheme, host: url.hostname, url: text };
}

function refusedAddress(reason: string): RepositoryAddress {
  return { kind: 'refused', reason };
}

/** Loopback, private, link-local and local names, by the ranges of RFC 1918, 3927, 4193, 4291 and 6761. */
export function isPrivateHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (name === 'localhost' || /\.(?:localhost|local|internal)$/.test(name)) return true;
  if (name.includes(':')) return /^(?:::1?$|::ffff:|f[cd]|fe[89ab])/.test(name);
  return /^(?:0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\./.test(name);
}
