import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';

import type { CacheServer } from './cache-server.ts';
import { MeshProcess } from './mesh-process.ts';
import type { QuickClock } from './quick-clock.ts';

/**
 * Who reads a cache, as an agent does: behind canaries, over lost connections, by what changes. It is a kvstoremesh into
 * memory, and everything that it deletes there is an entry that went from its reader's sight.
 */
export class CacheReader {
  /** Keys of the cache, in order. */
  readonly deleted: string[] = [];
  readonly #server: MemoryKvServer;
  readonly #process: MeshProcess;

  constructor(cache: CacheServer, clock: QuickClock) {
    this.#server = new MemoryKvServer({ clock });
    this.#process = new MeshProcess({
      ...{ local: this.#recording(new MemoryKvStore(this.#server, { clock })), sourcePort: 0, clock },
      connect: () => cache.open({ session: false }),
      settings: { clusterName: 'reader', clusterId: 3 },
    });
  }

  follow(...clusters: readonly string[]): void {
    this.#process.follow(...clusters);
  }

  /** What it sees. */
  get entries(): ReadonlyMap<string, string> {
    const entries = this.#server.list('cilium/cache/');
    return new Map(entries.map(({ key, value }) => [key, Buffer.from(value).toString()]));
  }

  state(cluster: string): string | undefined {
    return this.#process.status(cluster)?.state;
  }

  async end(): Promise<void> {
    await this.#process.end();
    this.#server[Symbol.dispose]();
  }

  #recording(store: MemoryKvStore): KvStore {
    return {
      description: store.description,
      get: (key) => store.get(key),
      watch: (prefix, options, signal) => store.watch(prefix, options, signal),
      commit: (ops) => {
        for (const op of ops) if (op.kind === 'delete') this.deleted.push(op.key);
        return store.commit(ops);
      },
      onLeaseLost: (listener) => store.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }
}
