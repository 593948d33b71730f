import { Reflector, maxPending } from '@clustermesh/kvstore';
import type { KvReader, KvStore, PendingLimits, SyncStoreDeps, WritePace } from '@clustermesh/kvstore';
import type { Clock, HealthScope, Logger, Random } from '@clustermesh/runtime';
import { canaryKey, rfc3339 } from '@clustermesh/wire';
import type { AnyKind, ClusterName } from '@clustermesh/wire';

import { limitedWriter } from '../limits/tenant-store.ts';
import type { RemoteQuota } from '../limits/remote-quota.ts';
import { CanaryWriter } from './canary-writer.ts';
import { emptySource } from './empty-source.ts';

export interface MirrorDeps {
  readonly local: KvStore;
  /** Of entries, all clusters together; by default as fast as `local` takes them. */
  readonly pace?: Pick<WritePace, 'paced' | 'batches'> | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly quota: RemoteQuota;
  /** What may wait in memory to be written, of one kind, before its source is read on. */
  readonly pendingLimits: () => PendingLimits;
}

/** In a full store additions wait for ever: what is read on are deletions, and more additions are left out. */
const noLimits: PendingLimits = { keys: Infinity, bytes: Infinity };

export interface MirrorSource {
  readonly store: Pick<KvReader, 'watch'>;
  readonly prefix: string;
  /** Keys whose re-creation means another history (docs/spec/watch-store.md). */
  readonly witnesses: readonly string[];
}

/** One kind of one cluster: its keys in the local cache, its local canary, and whether both are complete. */
export class KindMirror {
  readonly kind: AnyKind;
  readonly #reflector: Reflector;
  #isAnnounced = false;
  /** Of this process; an earlier one's, put again, announces nothing of ours. */
  #canary: Uint8Array | undefined;
  #onComplete: () => void = () => undefined;

  constructor(kind: AnyKind, cluster: ClusterName, deps: MirrorDeps & { readonly health: HealthScope }) {
    this.kind = kind;
    const key = canaryKey(cluster, kind.cacheCanary);
    const value = (): Uint8Array => this.#listed(deps.clock.now());
    const limited = limitedWriter(deps.pace?.paced(deps.local) ?? deps.local, deps.quota);
    const writer = new CanaryWriter(limited, key, (written) => this.#announced(written));
    const targetPrefix = kind.cachePrefix(cluster);
    const admission = deps.quota.admission(kind.name, targetPrefix, () => this.#isAnnounced);
    this.#reflector = new Reflector(
      { targetPrefix, canary: { key, value } },
      {
        ...{ ...deps, writer, admission, batch: batches(kind, deps) },
        pendingLimits: () => this.#pendingLimits(deps),
      },
    );
  }

  get size(): number {
    return this.#reflector.size;
  }

  /** Entries that a limit keeps out, or keeps from being updated. */
  get notAdmitted(): number {
    return this.#reflector.notAdmitted;
  }

  get pending(): number {
    return this.#reflector.pending;
  }

  /** Connected, and the source's list is complete. */
  get isListed(): boolean {
    return this.#reflector.isSynced;
  }

  /** Connected, the source's list is complete, and the local canary says so. */
  get isComplete(): boolean {
    return this.#isAnnounced && this.#reflector.isSynced;
  }

  adopt(target: Pick<KvReader, 'get' | 'watch'>, signal: AbortSignal): Promise<void> {
    return this.#reflector.adopt(target, signal);
  }

  write(signal: AbortSignal): Promise<void> {
    return this.#reflector.write(signal);
  }

  /** Until abort or failure. `onComplete` is told when `isComplete` has become true. */
  run(source: MirrorSource, onComplete: () => void, signal: AbortSignal): Promise<void> {
    this.#onComplete = onComplete;
    return this.#reflector.run(source.store, source.prefix, { witnesses: source.witnesses }, signal);
  }

  /** Resolves when nothing is left to write, or on abort. */
  settled(signal: AbortSignal): Promise<void> {
    return this.#reflector.settled(signal);
  }

  /** Asks the source again for what was not admitted. */
  readmit(): void {
    this.#reflector.readmit();
  }

  /** Deletes the copies but not the canary: readers must not wait for a set that is empty on purpose. */
  async revoke(signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const source = { store: emptySource, prefix: '', witnesses: [] };
    await this.run(source, () => done.abort(), AbortSignal.any([signal, done.signal]));
    await this.settled(signal);
  }

  /** A first copy has no deletions that might pass: it is read on when little waits. */
  #pendingLimits({ quota, pendingLimits }: MirrorDeps): PendingLimits {
    const share = pendingLimits();
    if (this.#isAnnounced) return quota.isFull ? noLimits : share;
    return { keys: Math.min(share.keys, maxPending.keys), bytes: Math.min(share.bytes, maxPending.bytes) };
  }

  #listed(nowMs: number): Uint8Array {
    if (this.#isAnnounced) this.#onComplete();
    // Kept for as long as the cluster is: not from a pool of Node's, all of which it would keep.
    this.#canary = new TextEncoder().encode(rfc3339(nowMs));
    return this.#canary;
  }

  #announced(canary: Uint8Array): void {
    if (this.#isAnnounced || canary !== this.#canary) return;
    this.#isAnnounced = true;
    this.#onComplete();
  }
}

/** No more at once than the budgets of writing have, or what comes meanwhile would wait for it. */
function batches(
  kind: AnyKind,
  { pace, quota }: Pick<MirrorDeps, 'pace' | 'quota'>,
): NonNullable<SyncStoreDeps['batch']> {
  // Slices of one service take endpoints over from each other.
  const deletesFirst = kind.name !== 'endpointslices';
  const paced = pace?.batches(deletesFirst);
  return () => {
    const { ops, bytes } = quota.batch();
    return { ops: Math.min(ops, paced?.().ops ?? ops), bytes, deletesFirst };
  };
}
