/** What is wrong with this version of Node, with the remedy; undefined when it will do. */
export function nodeFault(version: string): string | undefined;
/** What is wrong with the git that printed this for `--version`, with the remedy; undefined when it will do. */
export function gitFault(said: string): string | undefined;
