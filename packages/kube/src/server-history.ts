import type { Clock } from '@clustermesh/runtime';

/** Older answers are believed when they are all there is for so long: a replica that lags catches up before. */
const rewindProofMs = 10_000;

/**
 * How far the API's history has been read. An API whose etcd was restored from a backup is back at an earlier point; a
 * watch from its lost future is served, and says nothing until that future is reached again (kubernetes#107457).
 */
export class ServerHistory {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #newest: bigint | undefined;
  #behindSinceMs: number | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** What is there at this resourceVersion has been read. */
  reached(resourceVersion: string): void {
    const revision = parse(resourceVersion);
    if (revision !== undefined && !this.#isOld(revision)) this.#newest = revision;
  }

  /**
   * Where the server says that it is now. `behind`: at a point before what was read, which need not last; `rewound`: it
   * lasts, and what was read is no longer true.
   */
  judge(resourceVersion: string): 'same' | 'behind' | 'rewound' {
    const revision = parse(resourceVersion);
    if (revision === undefined || !this.#isOld(revision)) {
      this.#behindSinceMs = undefined;
      return 'same';
    }
    const nowMs = this.#clock.monotonicMs();
    this.#behindSinceMs ??= nowMs;
    if (nowMs - this.#behindSinceMs < rewindProofMs) return 'behind';
    this.#behindSinceMs = undefined;
    this.#newest = revision;
    return 'rewound';
  }

  /** The last judgement was `behind`: the next one is worth asking for soon. */
  get isBehind(): boolean {
    return this.#behindSinceMs !== undefined;
  }

  #isOld(revision: bigint): boolean {
    return this.#newest !== undefined && revision < this.#newest;
  }
}

/** Undefined for one that is no number: it cannot be compared. */
function parse(resourceVersion: string): bigint | undefined {
  return /^\d{1,20}$/.test(resourceVersion) ? BigInt(resourceVersion) : undefined;
}
