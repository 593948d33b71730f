import type { Clock } from '@clustermesh/runtime';
import type { KvReader, ResumePoint, WatchBatch } from '@clustermesh/kvstore';
import { parseRfc3339, rfc3339 } from '@clustermesh/wire';
import type { Freshness } from '@clustermesh/wire';

/** When a source last answered, and how far. What agents know of a cluster's age comes from here (I4, I5). */
export class Contact {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  #connected = false;
  #sinceMs: number;
  #lastMs: number | undefined;
  /** Of our monotonic clock: an age does not change with the time of day. */
  #answeredMs: number | undefined;
  #revision = 0n;
  #storeId = 0n;
  #beatRevision = -1n;
  #isSilent = false;

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  /** Wall clock, milliseconds; undefined before the first answer. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  /** Milliseconds since the last answer to this process; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#answeredMs === undefined ? undefined : this.#clock.monotonicMs() - this.#answeredMs;
  }

  get storeId(): bigint {
    return this.#storeId;
  }

  /** Goes on from what an earlier process wrote. The connection is new, so it is not connected. */
  restore({ connected, since, lastContact }: Freshness): void {
    this.#lastMs = parseRfc3339(lastContact);
    if (!connected) this.#sinceMs = parseRfc3339(since) ?? this.#sinceMs;
  }

  setConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#sinceMs = this.#clock.now();
  }

  /** Contact was lost because the heart stopped, and it has not beaten since: a store that answers is not its writer. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  beatMissed(): void {
    this.#isSilent = true;
  }

  /** A heartbeat that is listed again at each connection was beaten once. */
  isNewBeat(modRevision: bigint): boolean {
    const isNew = modRevision !== this.#beatRevision;
    this.#beatRevision = modRevision;
    if (isNew) this.#isSilent = false;
    return isNew;
  }

  answered(point?: ResumePoint): void {
    this.#lastMs = this.#clock.now();
    this.#answeredMs = this.#clock.monotonicMs();
    if (point === undefined) return;
    if (point.storeId !== this.#storeId) this.#revision = 0n; // revisions of two stores do not compare
    this.#storeId = point.storeId;
    if (point.revision > this.#revision) this.#revision = point.revision;
  }

  /** As it is to be written now. */
  freshness(overQuota: number): Freshness {
    return {
      connected: this.#connected,
      since: rfc3339(this.#sinceMs),
      lastContact: this.#lastMs === undefined ? '' : rfc3339(this.#lastMs),
      sourceRevision: this.#revision.toString(),
      storeId: this.#storeId.toString(16),
      writtenAt: rfc3339(this.#clock.now()),
      overQuota,
    };
  }
}

/** The same store, with every answer noted. */
export function noteAnswers(store: KvReader, contact: Contact): KvReader {
  return {
    get: async (key, signal) => {
      const entry = await store.get(key, signal);
      contact.answered();
      return entry;
    },
    watch: (prefix, options, signal) => noted(store.watch(prefix, options, signal), contact),
  };
}

/** No generator: thousands of watches wait at a time, and each suspended one would keep a frame more. */
function noted(batches: AsyncIterable<WatchBatch>, contact: Contact): AsyncIterable<WatchBatch> {
  const note = (result: IteratorResult<WatchBatch, unknown>): IteratorResult<WatchBatch, unknown> => {
    if (result.done !== true) contact.answered(result.value.point);
    return result;
  };
  return {
    [Symbol.asyncIterator]: () => {
      const iterator: AsyncIterator<WatchBatch, unknown> = batches[Symbol.asyncIterator]();
      return {
        next: () => iterator.next().then(note),
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
