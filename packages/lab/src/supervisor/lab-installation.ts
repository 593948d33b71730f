import type { Clock } from '@clustermesh/runtime';

import type { Installation } from '../install/install.ts';
import type { CacheRedis } from '../cache/cache-redis.ts';
import type { ClusterPlan, LabMode } from '../mesh-plan.ts';

/** What takes minutes in production is short here, and maps are no larger than a lab fills. */
const labSettings: Readonly<Record<string, string>> = {
  'contact-interval': '1s',
  'heartbeat-interval': '60s',
  'drain-grace': '2s',
  'clustermesh-sync-timeout': '10s',
  'backend-drain': '5s',
  'bpf-service-map-max': '4096',
  'bpf-slot-map-max': '65536',
  'bpf-backend-map-max': '16384',
  'bpf-node-map-max': '1024',
  'bpf-ipcache-map-max': '65536',
};

export interface LabInstallationDeps {
  readonly mode: LabMode;
  readonly clock: Clock;
  readonly settings: Installation['settings'];
  /** Holds the cache, and is prepared; absent: the cluster's own etcd does. */
  readonly redis: CacheRedis | undefined;
}

/** How the mesh is installed in a lab cluster: the manifests of real clusters, with these values. */
export async function labInstallation(
  cluster: ClusterPlan,
  { mode, clock, settings, redis }: LabInstallationDeps,
): Promise<Installation> {
  const namespace = 'kube-system';
  const [first] = cluster.nodes;
  return {
    secrets: {
      clusterName: cluster.name,
      namespace,
      serverIps: cluster.nodes.map(({ address }) => address),
      // Users of other clusters are wanted for nothing else.
      authMode: settings['cluster-users-enabled'] === 'true' ? 'cluster' : 'legacy',
      clock,
    },
    moreSecrets: redis === undefined ? [] : await redis.secrets(namespace),
    // In rootless mode the machine's own cgroups and devices are none of our business, even if we are root.
    settings: {
      ...labSettings,
      ...(mode === 'root' ? {} : { datapath: 'memory' }),
      source: cluster.source,
      ...(redis === undefined ? {} : { cache: redis.url }),
      ...settings,
    },
    variables: {
      NAMESPACE: namespace,
      CLUSTER_NAME: cluster.name,
      CLUSTER_ID: String(cluster.id),
      IMAGE_REGISTRY: 'clustermesh',
      IMAGE_TAG: 'lab',
      APISERVER_SERVICE_TYPE: 'LoadBalancer',
      // A lab node has one address, and other clusters are told that of the first.
      APISERVER_HOST_NETWORK: 'true',
      APISERVER_STRATEGY: 'Recreate',
      APISERVER_NODE_SELECTOR: JSON.stringify({ 'kubernetes.io/hostname': first?.name }),
      // Nodes of a lab have neither DNS nor virtual addresses of services.
      AGENT_ETCD_ENDPOINT: `https://${first?.address ?? ''}:2379`,
    },
  };
}
