export function findGitea(say?: (line: string) => void): Promise<string>;
