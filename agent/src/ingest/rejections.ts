import type { Logger } from '@clustermesh/runtime';

export interface Rejection {
  readonly key: string;
  readonly reason: string;
}

/** Shown in status. */
const latestCount = 10;
/** A peer that floods us with rubbish must not fill the disk: beyond this, refusals are only counted. */
const loggedCount = 100;

/** Entries of one cluster that do not agree with their key, cluster or range (I6). */
export class Rejections {
  readonly #cluster: string;
  readonly #log: Logger;
  #count = 0;
  #latest: readonly Rejection[] = [];

  constructor(cluster: string, log: Logger) {
    this.#cluster = cluster;
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  get latest(): readonly Rejection[] {
    return this.#latest;
  }

  reject(key: string, reason: string): void {
    this.#count++;
    this.#latest = [{ key, reason }, ...this.#latest].slice(0, latestCount);
    const fields = { cluster: this.#cluster, key, reason };
    if (this.#count <= loggedCount) this.#log.warn(fields, 'entry rejected');
    if (this.#count === loggedCount) this.#log.warn(fields, 'further rejected entries are only counted');
  }
}
