export function findServer(
  kind: 'cli' | 'testServer' | 'postgres',
  say?: (line: string) => void,
): Promise<string>;
export function findOnPath(command: string): string | undefined;
export function cacheFolder(): string;
export function withLock<T>(name: string, action: () => T | Promise<T>): Promise<T>;
