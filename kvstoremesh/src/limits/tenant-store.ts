import type { FairShare, KvOp, KvStore, KvWriter } from '@clustermesh/kvstore';

import type { LocalWrites } from './local-writes.ts';
import type { RemoteQuota } from './remote-quota.ts';

/** The local store for one remote cluster, which writes in turn with the others (I1). */
export function tenantStore(store: KvStore, share: FairShare, writes: LocalWrites): KvStore {
  return {
    description: store.description,
    get: (key, signal) => store.get(key, signal),
    watch: (prefix, options, signal) => store.watch(prefix, options, signal),
    commit: writes.noting(share.tenant()),
    onLeaseLost: (listener) => store.onLeaseLost(listener),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** A writer of entries, no faster than the quota allows. What has to wait is coalesced meanwhile by its owner. */
export function limitedWriter(writer: KvWriter, quota: RemoteQuota): KvWriter {
  return {
    commit: async (ops: readonly KvOp[], signal: AbortSignal) => {
      await quota.writable(ops, signal);
      signal.throwIfAborted();
      try {
        return await writer.commit(ops, signal);
      } catch (error) {
        quota.notWritten(ops);
        throw error;
      }
    },
    onLeaseLost: (listener) => writer.onLeaseLost(listener),
  };
}
