import type { Admission, KvOp } from '@clustermesh/kvstore';
import type { Pace } from '@clustermesh/remote';
import { RateBudget, formatByteSize } from '@clustermesh/runtime';
import type { Clock, Logger, Rate } from '@clustermesh/runtime';

import { printableKey } from './printable-key.ts';
import type { RemoteLimits } from './remote-limits.ts';
import type { Share, SharedBytes } from './shared-bytes.ts';

export interface QuotaDeps {
  readonly shared: SharedBytes;
  /** Of the store that all share. */
  readonly space: { readonly isFull: boolean };
  readonly clock: Clock;
  readonly log: Logger;
}

type Limit = 'keys' | 'bytes' | 'total' | 'value' | 'space';

/** The latest refusal: enough to explain, however many there are. */
export interface Refusal {
  readonly limit: Limit;
  /** Kind of the entry, for example `services`. */
  readonly kind: string;
  /** Its name, made printable. */
  readonly example: string;
}

export interface Malformed {
  readonly count: number;
  readonly example: string;
}

/** About what etcd stores of an entry besides key and value. */
const entryOverhead = 64;
/** Entries that are there may grow into this much above the limit: they are kept current when new ones are refused. */
const growthFactor = 1.25;
/** Room must be this large before refused entries are asked for again, or each deletion would cost a listing. */
const roomFactor = 0.95;
const readmitPauseMs = 60_000;
/** Reading goes on above the rate of writing: only what is read can be coalesced. */
const readFactor = 10;
/**
 * Also of empty ones, and of listings that are forced by one compaction after the other. A real etcd puts more changes into
 * a message when it is held back.
 */
const messageRate: Rate = { perSecond: 500, burst: 5_000 };
/** Real ones come once a minute. They have a budget of their own: a flood of changes must not make them late. */
const heartbeatRate: Rate = { perSecond: 10, burst: 100 };
/** Of one commit. While the rate holds writing back, it is a tenth of a second's worth: a deletion waits no longer. */
const largestBatch = { ops: 1_024, bytes: 8 * 1024 * 1024 };
const batchesPerSecond = 10;

/**
 * One remote's budget, for all its kinds together. New entries above it are refused; those that are there are updated and
 * deleted as ever, so that nothing is emptied by a limit (I4). Changes above the rate are late, not lost.
 */
export class RemoteQuota {
  readonly #deps: QuotaDeps;
  readonly #share: Share;
  readonly #changes: RateBudget;
  readonly #bytes: RateBudget;
  readonly #readEvents: RateBudget;
  readonly #readBytes: RateBudget;
  readonly #readMessages: RateBudget;
  readonly #heartbeats: RateBudget;
  #limits: RemoteLimits;
  #keys = 0;
  #refusal: Refusal | undefined;
  #refusals = 0;
  readonly #told = new Set<Limit>();
  #malformed: Malformed = { count: 0, example: '' };
  #limitsRaised = false;
  /** Room would help something that was refused since the last time. */
  #needsRoom = false;
  #needsSpace = false;
  #readmittedAtMs = -Infinity;

  constructor(limits: RemoteLimits, deps: QuotaDeps) {
    this.#deps = deps;
    this.#limits = limits;
    this.#share = deps.shared.join();
    const rates = ratesOf(limits);
    this.#changes = new RateBudget(rates.changes, deps.clock);
    this.#bytes = new RateBudget(rates.bytes, deps.clock);
    this.#readEvents = new RateBudget(rates.readEvents, deps.clock);
    this.#readBytes = new RateBudget(rates.readBytes, deps.clock);
    this.#readMessages = new RateBudget(messageRate, deps.clock);
    this.#heartbeats = new RateBudget(heartbeatRate, deps.clock);
  }

  get limits(): RemoteLimits {
    return this.#limits;
  }

  /** Is there no space in the store for anybody? */
  get isFull(): boolean {
    return this.#deps.space.isFull;
  }

  get keys(): number {
    return this.#keys;
  }

  get bytes(): number {
    return this.#share.used;
  }

  /** Since the start; each new value of a refused entry counts. */
  get refusals(): number {
    return this.#refusals;
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  get malformed(): Malformed {
    return this.#malformed;
  }

  /** Is something late now because of the rate? */
  get isThrottled(): boolean {
    return this.#changes.waiting + this.#bytes.waiting > 0;
  }

  /** For how long changes have waited, since the start. */
  get throttledMs(): number {
    return this.#changes.waitedMs + this.#bytes.waitedMs;
  }

  /** Takes effect at once; what was refused is asked for again at the next `mayReadmit`. */
  setLimits(limits: RemoteLimits): void {
    this.#limits = limits;
    this.#limitsRaised = true;
    const rates = ratesOf(limits);
    this.#changes.setRate(rates.changes);
    this.#bytes.setRate(rates.bytes);
    this.#readEvents.setRate(rates.readEvents);
    this.#readBytes.setRate(rates.readBytes);
  }

  /**
   * For the entries of one kind; `prefix` is what their keys begin with. While the store is full, what is new is left out
   * of an announced set, so that reading goes on and deletions arrive; a first copy waits instead, for it is to be whole.
   */
  admission(kind: string, prefix: string, isAnnounced: () => boolean): Admission {
    return {
      refuse: (key, valueBytes, heldBytes) => {
        const isFull = this.#deps.space.isFull && isAnnounced();
        const limit = this.#exceeded(key.length, valueBytes, heldBytes) ?? (isFull ? 'space' : undefined);
        if (limit === undefined) return undefined;
        return this.#refuse({ limit, kind, example: printableKey(key.slice(prefix.length)) });
      },
      used: (keys, bytes) => this.#used(keys, bytes + keys * entryOverhead),
      lost: (keys, bytes) => this.#credit(keys, bytes),
      malformed: (key) => {
        if (this.#malformed.count === 0) this.#deps.log.warn({ kind, key: printableKey(key) }, 'malformed key ignored');
        this.#malformed = { count: this.#malformed.count + 1, example: printableKey(key) };
      },
    };
  }

  /** Waits until so much may be written. */
  async writable(ops: readonly KvOp[], signal: AbortSignal): Promise<void> {
    await this.#changes.take(ops.length, signal);
    await this.#bytes.take(bytesOf(ops), signal);
  }

  /** It was not, and will be tried again: that is no change of the remote's. */
  notWritten(ops: readonly KvOp[]): void {
    this.#credit(ops.length, bytesOf(ops));
  }

  /** How much should be written at once now. */
  batch(): { readonly ops: number; readonly bytes: number } {
    const { maxChangesPerSecond, maxBytesPerSecond } = this.#limits;
    return {
      ops: between(maxChangesPerSecond / batchesPerSecond, this.#changes.available, largestBatch.ops),
      bytes: between(maxBytesPerSecond / batchesPerSecond, this.#bytes.available, largestBatch.bytes),
    };
  }

  /** Waits until more entries may be read after a batch of so many events and bytes. */
  readonly paceEntries: Pace = async (events, bytes, signal) => {
    await this.#readMessages.take(1, signal);
    await this.#readEvents.take(events, signal);
    await this.#readBytes.take(bytes, signal);
  };

  readonly paceHeartbeats: Pace = (events, _bytes, signal) => this.#heartbeats.take(Math.max(1, events), signal);

  /** Is it worth asking the source again for what was refused? Then `true` once, and again after a pause. */
  mayReadmit(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const isRaised = this.#limitsRaised;
    this.#limitsRaised = false;
    const hasSpace = !this.#deps.space.isFull;
    const helps = (this.#needsRoom && this.#hasRoom()) || (this.#needsSpace && hasSpace);
    if (!isRaised && !(helps && nowMs - this.#readmittedAtMs >= readmitPauseMs)) return false;
    this.#needsRoom = false;
    if (hasSpace) this.#needsSpace = false;
    this.#readmittedAtMs = nowMs;
    return true;
  }

  /** Everything is admitted: the next refusal is news again. */
  forgetRefusals(): void {
    this.#refusal = undefined;
    this.#told.clear();
  }

  /** One line for people: what is not mirrored, why, and which setting it is. */
  explain(notAdmitted: number): string {
    if (this.#refusal === undefined || notAdmitted === 0) return '';
    const { limit, kind, example } = this.#refusal;
    const entries = notAdmitted === 1 ? 'entry is' : 'entries are';
    return `${this.#describe(limit)}: ${notAdmitted} ${entries} not mirrored, for example ${kind} ${example}`;
  }

  /** Gives everything back. */
  leave(): void {
    this.#share.leave();
  }

  #exceeded(keyBytes: number, valueBytes: number, heldBytes: number | undefined): Limit | undefined {
    const { maxKeys, maxBytes, maxValueBytes } = this.#limits;
    if (valueBytes > maxValueBytes) return 'value';
    if (heldBytes === undefined && this.#keys >= maxKeys) return 'keys';
    const growth = heldBytes === undefined ? keyBytes + valueBytes + entryOverhead : valueBytes - heldBytes;
    if (growth <= 0) return undefined;
    const limit = heldBytes === undefined ? maxBytes : maxBytes * growthFactor;
    if (this.bytes + growth > limit) return 'bytes';
    return this.#share.fits(growth) ? undefined : 'total';
  }

  #refuse(refusal: Refusal): string {
    const { limit, kind, example } = refusal;
    this.#refusal = refusal;
    this.#refusals++;
    if (limit === 'space') this.#needsSpace = true;
    else this.#needsRoom ||= limit !== 'value';
    const reason = this.#describe(limit);
    if (!this.#told.has(limit)) {
      this.#told.add(limit);
      this.#deps.log.warn({ reason, kind, example }, 'entries of the remote cluster are not mirrored');
    }
    return reason;
  }

  #describe(limit: Limit): string {
    const { maxKeys, maxBytes, maxValueBytes } = this.#limits;
    switch (limit) {
      case 'keys':
        return `over the limit of ${maxKeys} entries (--remote-max-keys)`;
      case 'bytes':
        return `over the limit of ${formatByteSize(maxBytes)} (--remote-max-bytes)`;
      case 'total':
        return `the ${formatByteSize(this.#deps.shared.total)} of all remote clusters are used up (--remotes-max-bytes)`;
      case 'value':
        return `over the limit of ${formatByteSize(maxValueBytes)} a value (--remote-max-value-bytes)`;
      case 'space':
        return 'the local store is full and takes deletions only';
    }
  }

  #used(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#share.add(bytes);
    // A first copy is bounded by the quota and need not be slow; taken back when the entry goes, or adding and deleting
    // the same key again and again would earn credit.
    if (keys !== 0) this.#credit(keys, bytes);
  }

  #credit(keys: number, bytes: number): void {
    this.#changes.addCredit(keys);
    this.#bytes.addCredit(bytes);
  }

  #hasRoom(): boolean {
    const { maxKeys, maxBytes } = this.#limits;
    const needed = maxBytes * (1 - roomFactor);
    return this.#keys <= maxKeys * roomFactor && this.bytes <= maxBytes * roomFactor && this.#share.fits(needed);
  }
}

function bytesOf(ops: readonly KvOp[]): number {
  return ops.reduce((sum, op) => sum + (op.kind === 'put' ? op.key.length + op.value.length : 0), 0);
}

function between(least: number, wanted: number, most: number): number {
  return Math.max(1, Math.ceil(least), Math.min(Math.floor(wanted), most));
}

function ratesOf(limits: RemoteLimits): Record<'changes' | 'bytes' | 'readEvents' | 'readBytes', Rate> {
  const { maxChangesPerSecond: changes, maxBytesPerSecond: bytes, maxKeys, maxBytes } = limits;
  return {
    changes: { perSecond: changes, burst: 10 * changes },
    bytes: { perSecond: bytes, burst: 64 * bytes },
    // Two whole listings at once.
    readEvents: { perSecond: readFactor * changes, burst: 2 * maxKeys },
    readBytes: { perSecond: readFactor * bytes, burst: 2 * maxBytes },
  };
}
