import { SyncStore } from '@clustermesh/kvstore';
import { withDeadline } from '@clustermesh/runtime';
import type { KvStore } from '@clustermesh/kvstore';
import type { HealthScope } from '@clustermesh/runtime';
import { clusterConfigKey, freshnessCodec, freshnessKey } from '@clustermesh/wire';
import type { ClusterName, Freshness } from '@clustermesh/wire';

import type { MirrorDeps } from './kind-mirror.ts';

const writeTimeoutMs = 60_000;

/** What the local store says of a remote cluster besides its data: that it exists, and how fresh its data is. */
export class Announcement {
  readonly #local: KvStore;
  readonly #clock: MirrorDeps['clock'];
  readonly #configKey: string;
  readonly #freshnessKey: string;
  readonly #sync: SyncStore;
  #config: Uint8Array | undefined;

  constructor(cluster: ClusterName, deps: MirrorDeps & { readonly health: HealthScope }) {
    this.#local = deps.local;
    this.#clock = deps.clock;
    this.#configKey = clusterConfigKey(cluster);
    this.#freshnessKey = freshnessKey(cluster);
    this.#sync = new SyncStore({ ...deps, writer: deps.local });
  }

  /** What an earlier process knew: the data that it left is as old as it says. */
  async adopt(signal: AbortSignal): Promise<Freshness | undefined> {
    const entry = await this.#local.get(this.#freshnessKey, signal);
    const freshness = entry && freshnessCodec.decode(entry.value);
    return freshness?.ok === true ? freshness.value : undefined;
  }

  /** Returns when the config is in the store: readers must find it before any data. */
  async config(copy: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#config = copy;
    this.#sync.upsert(this.#configKey, copy);
    const options = { ms: writeTimeoutMs, what: `write ${this.#configKey} to the local store`, clock: this.#clock };
    await withDeadline(options, (both) => this.#sync.written(this.#configKey, both), signal);
  }

  /** Readers find no such cluster from now on, whoever wrote the config. */
  async withdraw(signal: AbortSignal): Promise<void> {
    this.#config = undefined;
    if (this.#sync.sizeOf(this.#configKey) === undefined) {
      await this.#local.commit([{ kind: 'delete', key: this.#configKey }], signal);
    } else {
      this.#sync.delete(this.#configKey);
      await this.#sync.written(this.#configKey, signal);
    }
  }

  freshness(freshness: Freshness): void {
    this.#sync.upsert(this.#freshnessKey, freshnessCodec.encode(freshness));
  }

  /** Puts the config right when somebody else deleted or overwrote it; a lost lease is noticed without this. */
  async enforce(signal: AbortSignal): Promise<void> {
    if (this.#config === undefined) return;
    const found = await this.#local.get(this.#configKey, signal);
    if (found !== undefined && Buffer.from(this.#config).equals(found.value)) return;
    await this.#local.commit([{ kind: 'put', key: this.#configKey, value: this.#config }], signal);
  }

  settled(signal: AbortSignal): Promise<void> {
    return this.#sync.settled(signal);
  }

  write(signal: AbortSignal): Promise<void> {
    return this.#sync.run(signal);
  }
}
