/**
 * The key-value store as the mesh sees it: keys and bytes, no domain words.
 * Implementations: etcd/, redis/ and memory/; all pass kv-store.conformance.ts.
 */

/** Keys are strings of latin1 code points: lossless for any bytes, comparable, cheap to slice. */
export interface KvEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
}

export type KvEvent =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly modRevision: bigint }
  | { readonly kind: 'delete'; readonly key: string; readonly modRevision: bigint };

/**
 * Where a watch may go on without a list. A store is the same history only if its id is the same, its revision
 * is not below ours, and every witness key is the one that we saw: a wiped store that restarts under the same
 * token has the same id (protocol.md §3.6, tried on etcd).
 */
export interface ResumePoint {
  readonly storeId: bigint;
  readonly revision: bigint;
  /** Which commit with that revision, of stores that may lose the last ones and give their revisions again. */
  readonly mark?: string | undefined;
  /** key -> fingerprint: create revision and hash of the value, '' when the key did not exist. */
  readonly witnesses: ReadonlyMap<string, string>;
}

/**
 * - `list`: a part of a full listing. The first one of a watch, and the first after anything else, starts a new
 *   listing: keys known before and not listed until `list-done` are gone. Events are puts only.
 * - `list-done`: the last part of the listing.
 * - `live`: changes after the listing or after the resume point.
 */
export interface WatchBatch {
  readonly phase: 'list' | 'list-done' | 'live';
  readonly events: readonly KvEvent[];
  /** Everything up to and including this batch has been seen; pass it back to resume after it. Not in `list`. */
  readonly point: ResumePoint;
}

export interface WatchOptions {
  readonly resume?: ResumePoint | undefined;
  /** Keys that prove an unchanged history: canaries best, because their values tell when they were written. */
  readonly witnesses?: readonly string[];
}

export interface KvReader {
  get(key: string, signal: AbortSignal): Promise<KvEntry | undefined>;
  /**
   * Lists (or resumes) and then follows one prefix. A compaction of what was not yet seen is handled inside, by a
   * new listing. Throws a MeshError when contact is lost, the store's identity changes (KV_STORE_CHANGED), access
   * is refused or the history is compacted in the middle of a listing (KV_COMPACTED); the caller runs it again with
   * its last point. Ends normally when `signal` aborts.
   * When `resume` is accepted the first batch is `live` (possibly without events), else `list`/`list-done`.
   * Pulls: while the caller works on a batch no more than a bounded amount is read ahead.
   */
  watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchBatch>;
}

export type KvOp =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-prefix'; readonly prefix: string };

/** A put that the store will never take (too large, refused): it is set aside, the rest of its batch is written. */
export interface RefusedOp {
  readonly op: KvOp;
  readonly error: Error;
}

export interface CommitResult {
  readonly revision: bigint;
  readonly refused: readonly RefusedOp[];
}

export interface TransactionLimits {
  readonly ops: number;
  readonly bytes: number;
}

export interface KvWriter {
  /** What one transaction takes, where that is not what etcd takes by default. */
  readonly transactionLimits?: TransactionLimits | undefined;
  /**
   * Writes in order of the list per key, in transactions of the store's limits, several in flight; of several
   * ops on one key the last one wins. Puts hang on this writer's leases. Throws (retryable) when contact is
   * lost: the ops may or may not be written, and writing them again is safe.
   */
  commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult>;
  /** Called with the keys whose lease was lost: they are gone or soon will be, and must be put again. */
  onLeaseLost(listener: (keys: readonly string[]) => void): () => void;
}

export interface KvStore extends KvReader, KvWriter, AsyncDisposable {
  /** For people: endpoints, never credentials. */
  readonly description: string;
}
