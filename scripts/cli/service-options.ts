import { InvalidArgumentError, Option } from 'commander';

/** Options of the commands that stay. */
export function logFormatOption(): Option {
  return new Option(
    '--log-format <format>',
    'how the log is written (default: for people at a terminal, else JSON)',
  ).choices(['json', 'pretty']);
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('a port is a number from 0 to 65535');
}
