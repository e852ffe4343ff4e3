import { runTag } from './spec.ts';

/** What a program needs to run at all. Everything else of the engine's environment stays with the engine. */
const allowed = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'USER',
  'LOGNAME',
  'SHELL',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
];

/** What of the engine's environment any program gets. */
export function allowedEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of allowed) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/**
 * The environment of agents, scripts, checks, CI steps and reviewers, built from an allow-list: no token and no
 * database address of the engine reaches them. HOME and TMPDIR lie in a folder that goes when the work is done.
 */
export function programEnvironment(of: {
  /** The run's folder. */
  run: string;
  home: string;
  extra?: Record<string, string>;
}): Record<string, string> {
  return {
    ...allowedEnvironment(process.env),
    HOME: of.home,
    TMPDIR: of.home,
    // Programs that the agent runs must not wait for a person, nor read this machine's own settings.
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    CI: 'true',
    npm_config_update_notifier: 'false',
    ...of.extra,
    [runTag]: of.run,
  };
}
