/** One word of a POSIX shell, whatever stands in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

export interface PaneLaunch {
  cwd: string;
  argv: [string, ...string[]];
  env: Readonly<Record<string, string>>;
}

/**
 * What a pane runs. It is a file that its owner alone may read, and it removes itself first: an environment that were
 * put on a command line, `env`'s or that of `tmux -e`, could be read by everybody on the machine with `ps`.
 * `export` is the shell's own, and `exec` makes the program the pane's process.
 */
export function launchScript({ cwd, argv, env }: PaneLaunch, path: string): string {
  const exported = Object.entries(env).map(([name, value]) => `export ${shellWord(`${name}=${value}`)}`);
  const lines = [
    `rm -f -- ${shellWord(path)}`,
    ...exported,
    `cd -- ${shellWord(cwd)} || exit`,
    `exec ${argv.map(shellWord).join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}
