import { every, ok, runAll } from '@clustermesh/runtime';
import type { KvReader } from '@clustermesh/kvstore';
import { heartbeatKey } from '@clustermesh/wire';
import type { KindName, SourceContext } from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { ClusterFeed } from './cluster-feed.ts';
import { followPrefix } from './follow-prefix.ts';
import type { IngestDeps } from './kind-ingest.ts';
import { MirrorPulse } from './mirror-pulse.ts';
import { Rejections } from './rejections.ts';

export interface LocalClusterDeps extends IngestDeps {
  /** Our own cluster's store. */
  readonly kv: KvReader;
  readonly state: MeshState;
  readonly context: SourceContext;
  readonly onSynced: (kind: KindName) => void;
  /** A writer silent for so long, milliseconds, may be losing its leases. */
  readonly silenceMs: number;
}

const tickMs = 1_000;
/** The writer has had time to put back all it has. */
const settleMs = 60_000;

/** Our own cluster's nodes, identities and addresses, from where they are published for others. */
export class LocalCluster {
  readonly feed: ClusterFeed;
  readonly rejections: Rejections;
  readonly #deps: LocalClusterDeps;
  readonly #pulse: MirrorPulse;

  constructor(deps: LocalClusterDeps) {
    this.#deps = deps;
    this.#pulse = new MirrorPulse(deps.clock, deps.silenceMs);
    this.rejections = new Rejections(deps.context.cluster, deps.log);
    this.feed = new ClusterFeed('local', deps.context, {
      ...deps,
      rejections: this.rejections,
      limits: {},
      believesDeletes: () => !this.#pulse.isSilent,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const heartbeat = { name: 'heartbeat', prefix: heartbeatKey, decode: () => ok(undefined) };
    const observer = {
      upserted: () => this.#pulse.heard(),
      deleted: () => undefined,
      rejected: () => undefined,
      synced: () => undefined,
    };
    await runAll(
      [
        (inner) => followPrefix(heartbeat, observer, this.#deps, inner),
        (inner) => this.feed.run(this.#deps.kv, ownConfig(this.#deps.context), inner),
        (inner) => every(tickMs, async () => this.#tick(), { ...this.#deps, name: 'local-cluster/tick' }, inner),
      ],
      signal,
    );
  }

  #tick(): void {
    this.feed.retryNoRoom();
    if (this.feed.withheld > 0 && this.#pulse.steadyMs >= settleMs) this.feed.applyWithheld();
  }
}

/** All three kinds are always published; nothing else of the configuration matters here. */
function ownConfig({ clusterId, maxConnectedClusters }: SourceContext): Parameters<ClusterFeed['run']>[1] {
  return {
    id: clusterId,
    capabilities: { syncedCanaries: true, cached: false, maxConnectedClusters, endpointSlicesExportMode: '' },
  };
}
