import { MeshError } from '@clustermesh/runtime';

import { WakeUp } from '../wake-up.ts';
import { assertLiveWriters, awaitChangesAfter, decodeCommits, decodeMeta, readMeta } from './changes.ts';
import type { Commit, StoreState } from './changes.ts';
import { classifyRedis } from './redis-errors.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisSession } from './redis-session.ts';

/** A silence of this length ends a blocking read, and it is asked whether store and writers are still there. */
const silenceMs = 2_000;

/**
 * The newest commits, read once for all watches of a store over a connection of their own. It keeps a bounded part of
 * them: a watch that is further behind reads for itself. It ends with the first error, which is every watch's.
 */
export class ChangeTail {
  readonly #session: RedisSession;
  readonly #attempted: string;
  readonly #maxBytes: number;
  readonly #blockMs: number;
  readonly #commits: Commit[] = [];
  #bytes = 0;
  readonly #storeId: bigint;
  #head: bigint;
  #failure: MeshError | undefined;
  /** Wakes watches: there are commits, or there is a failure. */
  readonly changed = new WakeUp();

  private constructor(
    session: RedisSession,
    start: StoreState,
    limits: { maxBytes: number; blockMs: number },
    attempted: string,
  ) {
    this.#session = session;
    this.#storeId = start.storeId;
    this.#head = start.revision;
    this.#maxBytes = limits.maxBytes;
    this.#blockMs = limits.blockMs;
    this.#attempted = attempted;
  }

  static async start(link: RedisLink, maxBytes: number): Promise<ChangeTail> {
    const attempted = `follow the changes of ${link.description}`;
    const session = await link.dedicated();
    try {
      const start = decodeMeta(await session.call(readMeta, attempted));
      const blockMs = Math.ceil(Math.min(silenceMs, link.requestTimeoutMs / 2));
      const tail = new ChangeTail(session, start, { maxBytes, blockMs }, attempted);
      void tail.#run();
      return tail;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Up to where it has read. */
  get head(): bigint {
    return this.#head;
  }

  /** What came after `revision`; undefined when that is not kept here. @throws why the tail has ended. */
  after(revision: bigint, storeId: bigint): readonly Commit[] | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (storeId !== this.#storeId) {
      // One of us is with a store of the past: both connect anew.
      this.close();
      throw this.#storeChanged();
    }
    if (revision >= this.#head) return [];
    const oldest = this.#head - BigInt(this.#commits.length);
    return revision < oldest ? undefined : this.#commits.slice(Number(revision - oldest));
  }

  close(): void {
    this.#session.close();
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const reply = await this.#session.call(awaitChangesAfter(this.#head, this.#blockMs), this.#attempted);
        const commits =
          reply === null ? [] : (reply as [Buffer, unknown][]).flatMap(([, found]) => decodeCommits(found));
        // Silence, or a gap: is it still the same store?
        if (commits[0]?.revision !== this.#head + 1n) await this.#check();
        for (const commit of commits) this.#take(commit);
        this.changed.wake();
      }
    } catch (error) {
      this.#failure = classifyRedis(error, this.#attempted);
      this.#session.close();
      this.changed.wake();
    }
  }

  #take(commit: Commit): void {
    // Trimmed between two reads: watches that have not seen it find out when they read for themselves.
    if (commit.revision !== this.#head + 1n) this.#forget(this.#commits.length);
    this.#commits.push(commit);
    this.#bytes += commit.bytes;
    this.#head = commit.revision;
    let surplus = 0;
    let bytes = this.#bytes;
    while (bytes > this.#maxBytes) bytes -= this.#commits[surplus++]?.bytes ?? bytes;
    this.#forget(surplus);
  }

  #forget(count: number): void {
    for (const { bytes } of this.#commits.splice(0, count)) this.#bytes -= bytes;
  }

  async #check(): Promise<void> {
    const { storeId, revision } = decodeMeta(await this.#session.call(readMeta, this.#attempted));
    if (storeId !== this.#storeId || revision < this.#head) throw this.#storeChanged();
    await assertLiveWriters(this.#session, this.#attempted);
  }

  #storeChanged(): MeshError {
    return new MeshError('KV_STORE_CHANGED', `${this.#attempted}: another store answers`, { retryable: true });
  }
}
