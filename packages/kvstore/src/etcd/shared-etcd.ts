import { createHash } from 'node:crypto';

import { readTlsFiles } from '@clustermesh/pki';
import { MeshError, aborted, isMeshError } from '@clustermesh/runtime';

import type { KvReader, KvStore } from '../kv-store.ts';
import type { EtcdClientConfig } from './client-file.ts';
import { connectEtcd } from './connect.ts';
import type { ReaderUse } from './connect.ts';
import type { EtcdDeps, EtcdKvStore } from './etcd-kv-store.ts';

/**
 * So few that a lost packet delays few, and so many that the cost of a connection is divided. Each has up to eight watches,
 * and an etcd without `--max-concurrent-streams` takes 250 streams of a connection with TLS: requests above that would wait
 * for ever.
 */
const readersPerConnection = 24;

interface Shared {
  readonly key: string;
  readonly store: Promise<EtcdKvStore>;
  readonly closing: AbortController;
  readers: number;
}

/**
 * Connections of readers who would be one and the same client to an etcd: the same endpoints, the same addresses for them, and
 * the same certificates (docs/adr/0205). What one of them does not read is held back by the flow control of its own streams,
 * and so from no other one (I1). Whoever finds that a connection does not answer takes it from those who come later.
 */
export class SharedEtcd {
  readonly #use: ReaderUse;
  readonly #deps: EtcdDeps;
  readonly #open = new Set<Shared>();

  constructor(use: ReaderUse, deps: EtcdDeps) {
    this.#use = use;
    this.#deps = deps;
  }

  /** How many connections have room for one more reader. */
  get size(): number {
    return this.#open.size;
  }

  /** As `connectEtcd`; what is returned is closed with its last reader. */
  async connect(config: EtcdClientConfig, signal: AbortSignal): Promise<KvStore> {
    const key = await clientOf(config);
    const shared = this.#withRoom(key) ?? this.#dial(key, config);
    shared.readers++;
    if (shared.readers === readersPerConnection) this.#open.delete(shared);
    try {
      const store = await Promise.race([shared.store, aborted(signal)]);
      if (store === undefined) throw new MeshError('KV_UNAVAILABLE', 'connect to etcd: stopped', { retryable: true });
      await store.answer(signal);
      return this.#reader(store, shared);
    } catch (error) {
      this.#open.delete(shared);
      await this.#leave(shared);
      throw error;
    }
  }

  #withRoom(key: string): Shared | undefined {
    return [...this.#open].find((shared) => shared.key === key);
  }

  #dial(key: string, config: EtcdClientConfig): Shared {
    const closing = new AbortController();
    const store = connectEtcd(config, this.#use, this.#deps, closing.signal);
    // Those who wait for it are told; there may be none left.
    store.catch(() => undefined);
    const shared = { key, store, closing, readers: 0 };
    this.#open.add(shared);
    return shared;
  }

  #reader(store: EtcdKvStore, shared: Shared): KvStore {
    let isClosed = false;
    const get: KvReader['get'] = async (key, signal) => {
      try {
        return await store.get(key, signal);
      } catch (error) {
        // Also when time was up: it may be up for whoever comes next.
        if (isMeshError(error) && error.retryable) this.#open.delete(shared);
        throw error;
      }
    };
    return {
      description: store.description,
      get,
      watch: (prefix, options, signal) => store.watch(prefix, options, signal),
      commit: (ops, signal) => store.commit(ops, signal),
      onLeaseLost: (listener) => store.onLeaseLost(listener),
      [Symbol.asyncDispose]: async () => {
        if (isClosed) return;
        isClosed = true;
        await this.#leave(shared);
      },
    };
  }

  async #leave(shared: Shared): Promise<void> {
    shared.readers--;
    if (shared.readers > 0) return;
    this.#open.delete(shared);
    shared.closing.abort();
    const store = await shared.store.catch(() => undefined);
    await store?.[Symbol.asyncDispose]();
  }
}

/** Who the client is, and to whom: by what its files have now, since renewed certificates are for new connections. */
async function clientOf({ endpoints, hostAliases, tls: paths }: EtcdClientConfig): Promise<string> {
  const tls = paths && (await readTlsFiles(paths));
  const files = [tls?.ca, tls?.cert, tls?.key].map((file) => file && createHash('sha256').update(file).digest('hex'));
  // The paths too: later handshakes read them again.
  return JSON.stringify({ endpoints, hostAliases: [...hostAliases], paths, files });
}
