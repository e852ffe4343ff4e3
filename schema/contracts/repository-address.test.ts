import { describe, expect, it } from 'vitest';
import { isPrivateHost, readRepositoryAddress } from './repository-address.ts';

const publicOnly = { privateAddresses: false };

/** Why an address is refused; undefined when it is not. */
function refusalOf(text: string, allow = publicOnly): string | undefined {
  const address = readRepositoryAddress(text, allow);
  return address.kind === 'refused' ? address.reason : undefined;
}

describe('an address that is used', () => {
  it.each([
    { text: 'https://forge.example/team/app.git', scheme: 'https', host: 'forge.example' },
    { text: 'https://forge.example:8443/app.git', scheme: 'https', host: 'forge.example' },
    { text: 'HTTPS://Forge.Example/app.git', scheme: 'https', host: 'forge.example' },
    { text: 'ssh://git@forge.example:2222/app.git', scheme: 'ssh', host: 'forge.example' },
    { text: 'https://[2001:db8::1]/app.git', scheme: 'https', host: '[2001:db8::1]' },
    { text: 'https://172.32.0.1/app.git', scheme: 'https', host: '172.32.0.1' },
  ])('is a URL: $text', ({ text, scheme, host }) => {
    expect(readRepositoryAddress(text, publicOnly)).toEqual({ kind: 'url', scheme, host, url: text });
  });

  it.each([
    { text: 'git@forge.example:team/app.git', url: 'ssh://git@forge.example/team/app.git' },
    { text: 'build.user@forge.example:app.git', url: 'ssh://build.user@forge.example/app.git' },
  ])('is ssh in the form of scp: $text', ({ text, url }) => {
    expect(readRepositoryAddress(text, publicOnly)).toEqual({
      kind: 'url',
      scheme: 'ssh',
      host: 'forge.example',
      url,
    });
  });

  it.each([
    '/srv/git/app.git',
    './app.git',
    '../app.git',
    'app.git',
    '/srv/a:b.git',
    '/srv/with space',
    '/srv/ü',
  ])('is a path: %s', (path) => {
    expect(readRepositoryAddress(path, publicOnly)).toEqual({ kind: 'path', path });
  });
});

describe('an address that is refused', () => {
  it.each([
    { name: 'a remote helper that runs a program', text: 'ext::sh -c id', says: 'remote helpers' },
    { name: 'a remote helper with a URL', text: 'ext::https://forge.example/', says: 'remote helpers' },
    { name: 'a remote helper on file descriptors', text: 'fd::17', says: 'remote helpers' },
    { name: 'an option', text: '--upload-pack=id', says: 'dash' },
    { name: 'an option with an address in it', text: '-oProxyCommand=id@forge.example:a', says: 'dash' },
    { name: 'a line end', text: 'https://forge.example/a\n', says: 'control characters' },
    { name: 'a tab in the scheme', text: 'ht\ttps://forge.example/', says: 'control characters' },
    { name: 'a null in a path', text: '/srv/app.git\u0000', says: 'control characters' },
    { name: 'a delete in a path', text: '/srv/app\u007f.git', says: 'control characters' },
    { name: 'http', text: 'http://forge.example/a', says: 'http is not used' },
    { name: 'file', text: 'file:///etc/passwd', says: 'file is not used' },
    { name: 'git', text: 'git://forge.example/a', says: 'git is not used' },
    { name: 'ftp', text: 'ftp://forge.example/a', says: 'ftp is not used' },
    { name: 'git+ssh', text: 'git+ssh://forge.example/a', says: 'git+ssh is not used' },
    { name: 'a password', text: 'https://me:pw@forge.example/a', says: 'credentials' },
    { name: 'a token as the user', text: 'https://token@forge.example/a', says: 'credentials' },
    { name: 'a password without a user', text: 'https://:pw@forge.example/a', says: 'credentials' },
    { name: 'a password of ssh', text: 'ssh://git:pw@forge.example/a', says: 'credentials' },
    { name: 'no host', text: 'https://', says: 'no URL' },
    { name: 'a host with white space', text: 'https://forge example/a', says: 'no URL' },
    { name: 'a port that is none', text: 'https://forge.example:99999/a', says: 'no URL' },
    { name: 'half of an IPv6 address', text: 'https://[::1/a', says: 'no URL' },
  ])('has $name', ({ text, says }) => {
    expect(refusalOf(text)).toContain(says);
    // What is dangerous on the internet is no better on a private network.
    expect(refusalOf(text, { privateAddresses: true })).toContain(says);
  });

  it('does not repeat the password', () => {
    expect(refusalOf('https://me:hunter2@forge.example/a')).not.toContain('hunter2');
  });
});

describe('an address on a private network', () => {
  const addresses = [
    'https://localhost/a',
    'https://LOCALHOST:3000/a',
    'ssh://git@LOCALHOST/a',
    'git@localhost:a',
    'git@10.0.0.5:a',
    'https://gitea.internal/a',
    'https://nas.local/a',
    'https://app.localhost/a',
    'https://127.0.0.1/a',
    'https://127.9.9.9/a',
    'https://127.0.0.1./a',
    'https://0.0.0.0/a',
    'https://10.1.2.3/a',
    'https://172.16.0.1/a',
    'https://172.31.255.255/a',
    'https://192.168.1.1/a',
    'https://169.254.169.254/latest/meta-data',
    // The same machine in other notations, as a resolver would read them.
    'https://2130706433/a',
    'https://0x7f.1/a',
    'https://0177.0.0.1/a',
    'https:///127.0.0.1/a',
    'https://[::1]/a',
    'https://[0:0:0:0:0:0:0:1]/a',
    'https://[::]/a',
    'https://[::ffff:127.0.0.1]/a',
    'https://[fd00::1]/a',
    'https://[fe80::1]/a',
    'ssh://git@[::1]:2222/a',
  ];

  it.each(addresses)('is refused: %s', (text) => {
    expect(refusalOf(text)).toContain('private address');
  });

  it.each(addresses)('is used where the operator allows it: %s', (text) => {
    expect(readRepositoryAddress(text, { privateAddresses: true })).toMatchObject({ kind: 'url' });
  });
});

describe('a host', () => {
  it.each([
    'localhost',
    'Localhost',
    'a.localhost',
    'printer.local',
    'db.internal',
    '0.0.0.0',
    '10.255.255.255',
    '127.0.0.1',
    '169.254.1.1',
    '172.16.0.0',
    '172.29.0.1',
    '172.31.0.1',
    '192.168.0.1',
    '::',
    '::1',
    '[::1]',
    '::ffff:7f00:1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'FEBF::1',
  ])('is private: %s', (host) => {
    expect(isPrivateHost(host)).toBe(true);
  });

  it.each([
    'forge.example',
    'localhost.example',
    'mylocalhost',
    'local.example',
    'internal.example',
    '1.1.1.1',
    '11.0.0.1',
    '100.10.0.1',
    '128.0.0.1',
    '169.253.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.0.1',
    '2001:db8::1',
    '[2606:4700::1111]',
    'fec0.example',
    'fdic.example',
  ])('is public: %s', (host) => {
    expect(isPrivateHost(host)).toBe(false);
  });
});
