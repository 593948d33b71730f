import type { KubeClient } from '@clustermesh/kube';
import type { KvReader } from '@clustermesh/kvstore';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import type { ClusterName, SourceContext } from '@clustermesh/wire';

import type { Datapath } from '../datapath/create-datapath.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import { CachedClusters } from './cached-clusters.ts';
import type { KindLimits, Published } from './cluster-feed.ts';
import { ClusterIds } from './cluster-ids.ts';
import { InitialSync } from './initial-sync.ts';
import { LinkedClusters } from './linked-clusters.ts';
import type { LinkedClustersDeps } from './linked-clusters.ts';
import { ListingTurns } from './listing-turns.ts';
import { LocalCluster } from './local-cluster.ts';
import { LocalNamespaces } from './local-namespaces.ts';
import { LocalPods } from './local-pods.ts';
import { LocalPolicies } from './local-policies.ts';
import { LocalServices } from './local-services.ts';
import { MirrorPulse } from './mirror-pulse.ts';
import type { Pacer } from './pacer.ts';
import type { RemoteClusterDeps } from './remote-cluster.ts';
import type { RemoteClusters } from './remote-clusters.ts';

/** How this agent reaches remote clusters by itself. */
export interface Links extends Pick<LinkedClustersDeps, 'clusters' | 'connect' | 'explain'> {
  /** How often a store that has nothing to tell is asked whether it still answers. */
  readonly contactIntervalMs: number;
  /** How often stores have a new heartbeat; two missed ones are lost contact. */
  readonly heartbeatIntervalMs: number;
}

export interface IngestOptions {
  /** What holds other clusters' entries, read without links. */
  readonly cache: KvReader;
  /** Where our own cluster publishes: often the same store. */
  readonly own: KvReader;
  readonly links: Links | undefined;
  readonly kube: KubeClient;
  readonly datapath: Datapath;
  readonly local: SourceContext;
  readonly maps: Pick<DatapathMaps, 'ipc_host' | 'node' | 'svc'>;
  readonly nodeName: string;
  readonly mirrorSilenceMs: number;
  readonly staleTtlMs: number;
  readonly syncTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  readonly pacer: Pacer;
}

/** Everything that fills the tables. */
export interface Ingest {
  readonly clusterIds: ClusterIds;
  readonly localNamespaces: LocalNamespaces;
  readonly localServices: LocalServices;
  readonly localPods: LocalPods;
  readonly localPolicies: LocalPolicies;
  readonly localCluster: LocalCluster;
  readonly remotes: RemoteClusters;
  readonly initialSync: InitialSync;
  /** Every policy, and who is who in our own cluster. */
  arePoliciesKnown(): boolean;
  /** Of our own cluster too; undefined: no cluster of this name is connected. */
  published(cluster: string): Published | undefined;
}

/** Some ten thousand addresses are listed in a part of that. */
const longestListingTurnMs = 5_000;
/** As many identities as a range of 16 bits has numbers. */
const maxIdentities = 65_536;

/** One remote cluster may take half of a map at most. */
function remoteLimits({ ipc_host: hosts, node, svc }: IngestOptions['maps']): KindLimits {
  return {
    ip: Math.floor(hosts.maxEntries / 2),
    nodes: Math.floor(node.maxEntries / 2),
    services: svc.maxEntries,
    endpointslices: svc.maxEntries,
    identities: maxIdentities,
  };
}

/** By the files of this agent if it has any, else by what our own cluster's store holds. */
function remoteClusters(
  options: IngestOptions,
  deps: RemoteClusterDeps & { readonly localName: ClusterName },
): RemoteClusters {
  const { links, cache: kv, local, clock, mirrorSilenceMs: silenceMs } = options;
  if (links !== undefined) {
    const { contactIntervalMs, heartbeatIntervalMs, ...reach } = links;
    const settings = { contactIntervalMs, heartbeatIntervalMs, maxConnectedClusters: local.maxConnectedClusters };
    return new LinkedClusters({ ...deps, ...reach, silenceMs, settings });
  }
  return new CachedClusters({ ...deps, kv, localId: local.clusterId, pulse: new MirrorPulse(clock, silenceMs) });
}

export function createIngest(options: IngestOptions): Ingest {
  const { datapath, local, clock, mirrorSilenceMs } = options;
  const { state, takeover, namespaces, endpoints, endpointChanges, policies, policy, policyChanges } = datapath;
  const edges = { ...options, state };
  const clusterIds = new ClusterIds({ name: local.cluster, id: local.clusterId });
  const localServices = new LocalServices({
    ...edges,
    clusterId: local.clusterId,
    table: state.services,
    namespaces,
    policy,
    onApiservers: (addresses) => state.setApiservers(addresses),
    onSynced: () => {
      state.changed();
      policyChanges.raise();
    },
  });
  const localNamespaces = new LocalNamespaces({
    ...edges,
    table: namespaces,
    onChange: (namespace) => {
      localServices.namespaceChanged(namespace);
      endpointChanges.raise();
    },
    onSynced: () => {
      state.changed();
      policyChanges.raise();
    },
  });
  const localPolicies = new LocalPolicies({ ...edges, table: policies, onSynced: () => policyChanges.raise() });
  const localPods = new LocalPods({ ...edges, table: endpoints, onChange: () => endpointChanges.raise() });
  const localCluster = new LocalCluster({
    ...edges,
    // Ours wait for nobody.
    listings: new ListingTurns({ clock, atOnce: Infinity }),
    kv: options.own,
    context: local,
    silenceMs: mirrorSilenceMs,
    onSynced: (kind) => {
      takeover.synced(local.clusterId, kind);
      policyChanges.raise();
    },
  });
  const remotes = remoteClusters(options, {
    ...edges,
    listings: new ListingTurns({ clock, longestMs: options.links && longestListingTurnMs }),
    clusterIds,
    localName: local.cluster,
    maxConnectedClusters: local.maxConnectedClusters,
    ttlMs: options.staleTtlMs,
    limits: remoteLimits(options.maps),
    onSynced: (clusterId, kind) => takeover.synced(clusterId, kind),
    onGone: (clusterId) => takeover.gone(clusterId),
  });
  const initialSync = new InitialSync({
    localCluster,
    remotes,
    clock,
    log: options.log,
    timeoutMs: options.syncTimeoutMs,
    onOver: () => takeover.giveUpUnknown((clusterId) => clusterIds.has(clusterId) || remotes.untold.length > 0),
  });
  const arePoliciesKnown = (): boolean =>
    localPolicies.isSynced &&
    localServices.isSynced &&
    localNamespaces.isSynced &&
    localCluster.feed.kinds.every(({ name, hasSynced }) => name !== 'identities' || hasSynced);
  return {
    clusterIds,
    localNamespaces,
    localServices,
    localPods,
    localPolicies,
    localCluster,
    remotes,
    initialSync,
    published: (cluster) =>
      cluster === local.cluster ? localCluster.feed : remotes.all().find(({ name }) => name === cluster)?.feed,
    arePoliciesKnown,
  };
}
