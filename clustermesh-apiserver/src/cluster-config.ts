import type { KvEvent, KvOp, KvStore } from '@clustermesh/kvstore';
import { Backoff, every, retryLoop, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { clusterConfigCodec, clusterConfigKey } from '@clustermesh/wire';
import type { ClusterConfig } from '@clustermesh/wire';

import type { LocalCluster } from './map/local-cluster.ts';

/** Which forms of its services this cluster publishes. */
export interface ExportedKinds {
  readonly endpointSlices: EndpointSlicesExport;
  /** ServiceExports of the Multi-Cluster Services API. */
  readonly serviceExports: boolean;
}

export type EndpointSlicesExport = 'off' | 'services-and-endpointslices' | 'endpointslices-only';

/** What this apiserver says that it publishes. */
export function localClusterConfig(
  cluster: LocalCluster,
  { endpointSlices, serviceExports }: ExportedKinds,
): ClusterConfig {
  return {
    id: cluster.id,
    capabilities: {
      syncedCanaries: true,
      cached: false,
      maxConnectedClusters: cluster.maxConnectedClusters,
      serviceExportsEnabled: serviceExports,
      endpointSlicesExportMode: endpointSlices === 'off' ? '' : endpointSlices,
    },
  };
}

export interface ClusterConfigDeps {
  readonly kv: KvStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

const enforcePeriodMs = 300_000;
/** Between two rewrites: another writer with other bytes would otherwise have us fight at full speed. */
const rewriteGapMs = 250;

/**
 * Writes this cluster's config and keeps it so (protocol.md §2.3): again when somebody else changed or deleted it,
 * when its lease was lost, and every five minutes, which also takes it back from a foreign lease.
 */
export class ClusterConfigEnforcer {
  readonly #key: string;
  readonly #value: Uint8Array;
  readonly #deps: ClusterConfigDeps;

  constructor(cluster: LocalCluster, config: ClusterConfig, deps: ClusterConfigDeps) {
    this.#key = clusterConfigKey(cluster.name);
    this.#value = clusterConfigCodec.encode(config);
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, health, log } = this.#deps;
    const jobs = { clock, health, log };
    const backoff = new Backoff({ baseMs: 500, capMs: 30_000, random });
    await runAll(
      [
        (inner) =>
          retryLoop(
            (one, progressed) => this.#guard(progressed, one),
            { ...jobs, name: 'cluster-config/guard', backoff },
            inner,
          ),
        (inner) => every(enforcePeriodMs, (one) => this.#write(one), { ...jobs, name: 'cluster-config' }, inner),
      ],
      signal,
    );
  }

  /** Sees a lost lease, too: the deletion of what hung on it, or, in a store that is new, that nothing is there. */
  async #guard(progressed: () => void, signal: AbortSignal): Promise<void> {
    let listed: KvEvent | undefined;
    for await (const { phase, events } of this.#deps.kv.watch(this.#key, {}, signal)) {
      progressed();
      const last = events.findLast(({ key }) => key === this.#key);
      if (phase === 'list') listed = last ?? listed;
      else if (phase === 'list-done') await this.#restore(last ?? listed ?? 'absent', signal);
      else if (last !== undefined) await this.#restore(last, signal);
    }
  }

  async #restore(found: KvEvent | 'absent', signal: AbortSignal): Promise<void> {
    if (found !== 'absent') {
      if (found.kind === 'put' && Buffer.from(found.value).equals(this.#value)) return;
      this.#deps.log.warn({ key: this.#key, found: found.kind }, 'cluster config was changed by somebody else');
    }
    await this.#write(signal);
    await this.#deps.clock.sleep(rewriteGapMs, signal);
  }

  async #write(signal: AbortSignal): Promise<void> {
    const put: KvOp = { kind: 'put', key: this.#key, value: this.#value };
    const { refused } = await this.#deps.kv.commit([put], signal);
    if (refused[0] !== undefined) throw refused[0].error;
  }
}
