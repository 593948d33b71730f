import type { Figures } from './figure.ts';

/** How long to measure; a bench says what is normal for it. */
export interface Effort {
  readonly rounds: number;
  /** Of measuring in each round and on each side, without the warm-up. */
  readonly seconds: number;
}

export interface BenchContext {
  readonly effort: Effort;
  /** Aborted by Ctrl-C: unwind, so that everything is cleaned up. */
  readonly signal: AbortSignal;
  /** One line of progress, or a table of details. */
  readonly say: (text: string) => void;
}

export interface Bench {
  readonly effort: Effort;
  run(context: BenchContext): Promise<Figures>;
}

/** A row of the table of benches; the module is loaded when it is asked for. */
export interface BenchRow {
  readonly summary: string;
  readonly load: () => Promise<Bench>;
}
