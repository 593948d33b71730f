import { aborted } from '@clustermesh/runtime';

import type { KvOp } from '../kv-store.ts';
import type { EtcdConnection } from './connection.ts';
import { range } from './methods.ts';

const never = new AbortController().signal;

/**
 * Whether a store still has what it acknowledged to this writer. An etcd that comes back with older data (a snapshot
 * that was restored, a disk that lied) has its old id and its old leases: nothing else tells that what was put and deleted
 * since is undone (I3). So on each new connection the newest key that was put is looked at, before anything is written.
 */
export class WriteHistory {
  readonly #connection: EtcdConnection;
  readonly #onLost: () => void;
  #newest: { readonly key: string; readonly revision: bigint } | undefined;
  #checkedEpoch: number;
  #checking: Promise<void> | undefined;

  constructor(connection: EtcdConnection, onLost: () => void) {
    this.#connection = connection;
    this.#onLost = onLost;
    this.#checkedEpoch = connection.epoch;
  }

  /** Told of each transaction that was acknowledged. */
  acknowledged(batch: readonly KvOp[], revision: bigint): void {
    for (const op of batch) {
      if (op.kind === 'put' && revision > (this.#newest?.revision ?? 0n)) this.#newest = { key: op.key, revision };
      else if (op.kind !== 'put' && this.#isGoneWith(op)) this.#newest = undefined;
    }
  }

  /** Resolves when that is known of the present connection, or on abort. */
  async checked(signal: AbortSignal): Promise<void> {
    while (this.#checkedEpoch !== this.#connection.epoch && !signal.aborted) {
      this.#checking ??= this.#check().finally(() => (this.#checking = undefined));
      await Promise.race([this.#checking, aborted(signal)]);
    }
  }

  /** For all who wait: no caller's abort ends it. */
  async #check(): Promise<void> {
    const { epoch } = this.#connection;
    const newest = this.#newest;
    if (newest !== undefined) {
      const attempted = `look whether ${newest.key} is as it was written`;
      const { kvs } = await this.#connection.unary(range, { key: newest.key, keysOnly: true }, attempted, never);
      if ((kvs[0]?.modRevision ?? 0n) < newest.revision) {
        this.#newest = undefined;
        this.#onLost();
      }
    }
    // Lost meanwhile: nobody knows what answers now.
    if (epoch === this.#connection.epoch) this.#checkedEpoch = epoch;
  }

  #isGoneWith(op: Exclude<KvOp, { kind: 'put' }>): boolean {
    const key = this.#newest?.key;
    return key !== undefined && (op.kind === 'delete' ? op.key === key : key.startsWith(op.prefix));
  }
}
