import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';

import type { AgentDeps } from '../agent.ts';
import { World, west } from './world.ts';

/** Cluster west publishes into a store of its own; `server` is the cache alone. */
export class SplitWorld extends World {
  readonly ownServer = new MemoryKvServer({ clock: this.clock });
  readonly #ownWriter = new MemoryKvStore(this.ownServer, { clock: this.clock, leaseTtlSeconds: 1_000_000 });

  override async put(key: string, value: Uint8Array): Promise<void> {
    const isOwn = key.startsWith('cilium/state/') || key.startsWith(`cilium/synced/${west.name}/`);
    if (isOwn) await this.#ownWriter.commit([{ kind: 'put', key, value }]);
    else await super.put(key, value);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.ownServer[Symbol.dispose]();
  }

  protected override own(): AgentDeps['own'] {
    return new MemoryKvStore(this.ownServer, { clock: this.clock });
  }
}
