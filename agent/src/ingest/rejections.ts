import type { Logger } from '@clustermesh/runtime';

export interface Rejection {
  readonly key: string;
  readonly reason: string;
}

/** Entries refused for one kind of reason. */
export interface RejectionReason {
  /** As it was said last. */
  readonly reason: string;
  readonly count: number;
  /** The last one. */
  readonly key: string;
}

/** Shown in status. */
const latestCount = 10;
/** Kinds of reasons; a peer that finds more of them is told of the rest as one. */
const maxReasons = 16;
/** A peer that floods us with rubbish must not fill the disk: beyond this, refusals are only counted. */
const loggedCount = 100;
const maxTextLength = 256;

/** Entries of one cluster that do not agree with their key, cluster or range (I6). Remembers few, however many there are. */
export class Rejections {
  readonly #cluster: string;
  readonly #log: Logger;
  readonly #reasons = new Map<string, RejectionReason>();
  #count = 0;
  #latest: readonly Rejection[] = [];

  constructor(cluster: string, log: Logger) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Since the start; a value that is refused counts once. */
  get count(): number {
    return this.#count;
  }

  get latest(): readonly Rejection[] {
    return this.#latest;
  }

  /** Most frequent first. */
  get reasons(): readonly RejectionReason[] {
    return [...this.#reasons.values()].sort((a, b) => b.count - a.count);
  }

  reject(longKey: string, longReason: string): void {
    const [key, reason] = [shortened(longKey), shortened(longReason)];
    this.#count++;
    this.#latest = [{ key, reason }, ...this.#latest].slice(0, latestCount);
    this.#countReason(key, reason);
    const fields = { cluster: this.#cluster, key, reason };
    if (this.#count <= loggedCount) this.#log.warn(fields, 'entry rejected');
    if (this.#count === loggedCount) this.#log.warn(fields, 'further rejected entries are only counted');
  }

  #countReason(key: string, reason: string): void {
    const wanted = kindOf(reason);
    const isRoom = this.#reasons.has(wanted) || this.#reasons.size < maxReasons - 1;
    const kind = isRoom ? wanted : '';
    const count = (this.#reasons.get(kind)?.count ?? 0) + 1;
    this.#reasons.set(kind, { reason: isRoom ? reason : 'other reasons', count, key });
  }
}

/** Without what a peer chose: quoted texts and numbers. */
function kindOf(reason: string): string {
  return reason.replace(/"(?:[^"\\]|\\.)*"/g, '…').replace(/[0-9a-f.:/]*\d[0-9a-f.:/]*/gi, '#');
}

/** A copy: a slice would keep the whole of a long text alive. */
function shortened(text: string): string {
  return text.length <= maxTextLength ? text : `${Buffer.from(text.slice(0, maxTextLength)).toString()}…`;
}
