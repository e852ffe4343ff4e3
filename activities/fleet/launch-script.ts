/** One word of a POSIX shell, whatever stands in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

export interface PaneLaunch {
  cwd: string;
  argv: [string, ...string[]];
  env: Readonly<Record<string, string>>;
  /** The file that tells other tools that it lives, and when it last wrote something. */
  heartbeat?: string;
}

/** As often as the runner of a session. */
const heartbeatSeconds = 15;

/**
 * What a pane runs. It is a file that its owner alone may read, and it removes itself first: an environment that were
 * put on a command line, `env`'s or that of `tmux -e`, could be read by everybody on the machine with `ps`.
 * `export` is the shell's own, and `exec` makes the program the pane's process.
 */
export function launchScript({ cwd, argv, env, heartbeat }: PaneLaunch, path: string): string {
  const exported = Object.entries(env).map(([name, value]) => `export ${shellWord(`${name}=${value}`)}`);
  const lines = [
    `rm -f -- ${shellWord(path)}`,
    ...exported,
    `cd -- ${shellWord(cwd)} || exit`,
    ...(heartbeat === undefined ? [] : beats(heartbeat)),
    `exec ${argv.map(shellWord).join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Lives beside the program and no longer than it: `$$` is the pane's process, whatever has become of it. What the
 * program wrote counts, as tmux notes it, and not that it is there.
 */
function beats(path: string): string[] {
  const time = '+%Y-%m-%dT%H:%M:%SZ';
  const [file, draft] = [shellWord(path), shellWord(`${path}.draft`)];
  return [
    'while kill -0 $$; do',
    `  last=$(tmux display-message -p -t "$TMUX_PANE" '#{window_activity}') || break`,
    `  ts=$(date -u ${time}) last_event=$(date -u -d "@$last" ${time})`,
    `  echo "ts=$ts pid=$$ status=running last_event=$last_event" > ${draft} && mv -f ${draft} ${file}`,
    `  sleep ${heartbeatSeconds}`,
    'done </dev/null >/dev/null 2>&1 &',
  ];
}
