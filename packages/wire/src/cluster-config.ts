import { clusterId, type MaxConnectedClusters } from './cluster.ts';
import type { Codec } from './codec.ts';
import { boolean, goJson, omitZero, optional, string, uint32 } from './go-json.ts';
import { struct } from './go-struct.ts';
import { quoted } from './quoted.ts';

/** STABLE API, protocol.md §2.2: what a cluster announces of itself, or a cache of its source. */
export interface ClusterConfig {
  readonly id: number;
  readonly capabilities: ClusterCapabilities;
}

export interface ClusterCapabilities {
  readonly syncedCanaries: boolean;
  /** The data is under cilium/cache, written by a KVStoreMesh. */
  readonly cached: boolean;
  /** 0 when the peer does not say. */
  readonly maxConnectedClusters: number;
  /** Absent: the peer does not know service exports, and never writes their canary. */
  readonly serviceExportsEnabled?: boolean | undefined;
  /** '' (services only), 'services-and-endpointslices' or 'endpointslices-only'. */
  readonly endpointSlicesExportMode: string;
}

export const endpointSlicesExportModes: readonly string[] = ['', 'services-and-endpointslices', 'endpointslices-only'];

const capabilities = struct<ClusterCapabilities>({
  syncedCanaries: ['syncedCanaries', omitZero(boolean)],
  cached: ['cached', omitZero(boolean)],
  maxConnectedClusters: ['maxConnectedClusters', omitZero(uint32)],
  serviceExportsEnabled: ['serviceExportsEnabled', optional(boolean)],
  endpointSlicesExportMode: ['endpointSlicesExportMode', omitZero(string)],
});

export const clusterConfigCodec: Codec<ClusterConfig> = goJson(
  struct<ClusterConfig>({ id: ['id', omitZero(uint32)], capabilities: ['capabilities', capabilities] }),
);

/** Why a member of a mesh of `max` clusters cannot be connected to this peer, or undefined (protocol.md §5.4, 2–4). */
export function validateClusterConfig(config: ClusterConfig, max: MaxConnectedClusters): string | undefined {
  const id = clusterId(config.id, max);
  if (!id.ok) return id.reason;
  const { maxConnectedClusters, endpointSlicesExportMode } = config.capabilities;
  // A 255 mesh reads any layout of ids up to 255: that is how older peers without the field are admitted.
  if (max !== 255 && maxConnectedClusters !== max) {
    return `max-connected-clusters differ: ours is ${max}, theirs ${maxConnectedClusters}`;
  }
  if (!endpointSlicesExportModes.includes(endpointSlicesExportMode)) {
    return `unknown endpoint slices export mode ${quoted(endpointSlicesExportMode)}`;
  }
  return undefined;
}
