import type { Row } from './rows.ts';

/** What a measure gets: where to say how far it is, and whether smaller numbers will do. */
export interface Circumstances {
  quick: boolean;
  /** Progress, on standard error. */
  say: (line: string) => void;
}

export type Measure = (circumstances: Circumstances) => Promise<Row[]>;
