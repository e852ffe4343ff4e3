/** What must be on the machine. Needs nothing but Node: the bootstrap asks it before anything is installed. */

/** 20.19 is the oldest that runs the packages we use. */
export function nodeFault(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return `Node ${version} is too old: install Node 20.19 or newer`;
}

/** `said` is what `git --version` has printed. From 2.38 on git merges without a work tree. */
export function gitFault(said) {
  const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(said)?.map(Number) ?? [];
  if (major > 2 || (major === 2 && minor >= 38)) return undefined;
  return `${said.trim() || 'no git'} was found: install git 2.38 or newer`;
}
