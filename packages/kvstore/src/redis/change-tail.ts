import { MeshError } from '@clustermesh/runtime';

import type { ResumePoint } from '../kv-store.ts';
import { WakeUp } from '../wake-up.ts';
import { awaitChangesAfter, decodeCommits, decodeMeta, follows, readMeta } from './changes.ts';
import type { Commit, Position, StoreState } from './changes.ts';
import { classifyRedis } from './redis-errors.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisSession } from './redis-session.ts';
import { areWritersSilent, silenceOfWriters } from './writers.ts';

/** A silence of this length ends a blocking read, and it is asked whether store and writers are still there. */
const lookEveryMs = 2_000;

export interface TailLimits {
  readonly maxBytes: number;
  /** How long writers may be silent whose keys have expired: a clock that jumped has them expire, and they are soon put again. */
  readonly silenceMs: number;
}

/**
 * The newest commits, read once for all watches of a store over a connection of their own. It keeps a bounded part of
 * them: a watch that is further behind reads for itself. It ends with the first error, which is every watch's.
 */
export class ChangeTail {
  readonly #session: RedisSession;
  readonly #attempted: string;
  readonly #maxBytes: number;
  readonly #blockMs: number;
  /** Looks at silent writers that may be in a row. */
  readonly #patience: number;
  #silentLooks = 0;
  readonly #commits: Commit[] = [];
  #bytes = 0;
  readonly #storeId: bigint;
  #head: Position;
  #failure: MeshError | undefined;
  /** Wakes watches: there are commits, or there is a failure. */
  readonly changed = new WakeUp();

  private constructor(link: RedisLink, session: RedisSession, start: StoreState, limits: TailLimits) {
    this.#session = session;
    this.#storeId = start.storeId;
    this.#head = start;
    this.#maxBytes = limits.maxBytes;
    this.#blockMs = Math.ceil(Math.min(lookEveryMs, link.requestTimeoutMs / 2));
    this.#patience = Math.ceil(limits.silenceMs / this.#blockMs);
    this.#attempted = attemptedAt(link);
  }

  static async start(link: RedisLink, limits: TailLimits): Promise<ChangeTail> {
    const session = await link.dedicated();
    try {
      const start = decodeMeta(await session.call(readMeta, attemptedAt(link)));
      const tail = new ChangeTail(link, session, start, limits);
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
    return this.#head.revision;
  }

  /** What came after a point; undefined when that is not kept here. @throws why the tail has ended. */
  after(point: ResumePoint): readonly Commit[] | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const { storeId, revision, mark } = point;
    const behind = Number(this.head - revision);
    if (behind > this.#commits.length && storeId === this.#storeId) return undefined;
    const commits = behind > 0 ? this.#commits.slice(-behind) : [];
    const [next] = commits;
    const goesOn = next === undefined ? behind < 0 || this.#head.mark === mark : follows(next, point);
    if (storeId === this.#storeId && goesOn) return commits;
    // One of us is with a store of the past: both connect anew.
    this.close();
    throw this.#storeChanged();
  }

  close(): void {
    this.#session.close();
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const read = awaitChangesAfter(this.head, this.#blockMs);
        const reply = (await this.#session.call(read, this.#attempted)) as readonly [Buffer, unknown][] | null;
        const commits = (reply ?? []).flatMap(([, found]) => decodeCommits(found));
        const [next] = commits;
        // Silence, or a gap: is it still the same store?
        if (next === undefined || next.revision !== this.head + 1n) await this.#check();
        else if (!follows(next, this.#head)) throw this.#storeChanged();
        if (next === undefined) await this.#listenForWriters();
        else this.#silentLooks = 0;
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
    if (!follows(commit, this.#head)) this.#forget(this.#commits.length);
    this.#commits.push(commit);
    this.#bytes += commit.bytes;
    this.#head = commit;
    let surplus = 0;
    let bytes = this.#bytes;
    while (bytes > this.#maxBytes) bytes -= this.#commits[surplus++]?.bytes ?? bytes;
    this.#forget(surplus);
  }

  #forget(count: number): void {
    for (const { bytes } of this.#commits.splice(0, count)) this.#bytes -= bytes;
  }

  async #check(): Promise<void> {
    const now = decodeMeta(await this.#session.call(readMeta, this.#attempted));
    const isOlder = now.revision < this.head || (now.revision === this.head && now.mark !== this.#head.mark);
    if (now.storeId !== this.#storeId || isOlder) throw this.#storeChanged();
  }

  async #listenForWriters(): Promise<void> {
    const silent = await areWritersSilent(this.#session, this.#attempted);
    this.#silentLooks = silent ? this.#silentLooks + 1 : 0;
    if (this.#silentLooks > this.#patience) throw silenceOfWriters(this.#attempted);
  }

  #storeChanged(): MeshError {
    return new MeshError('KV_STORE_CHANGED', `${this.#attempted}: another store answers`, { retryable: true });
  }
}

function attemptedAt({ description }: RedisLink): string {
  return `follow the changes of ${description}`;
}
