import { z } from 'zod';

import { parseKvstoreOptions } from '@clustermesh/kvstore';
import type { EtcdClientConfig, EtcdTuning, WriteRate } from '@clustermesh/kvstore';
import {
  MeshError,
  defineConfig,
  durationSetting,
  effectiveLogLevel,
  inertProcessSettings,
  portSetting,
  processSettings,
} from '@clustermesh/runtime';
import type { ConfigInput, LogLevel, Rate } from '@clustermesh/runtime';
import { clusterId, clusterName, maxConnectedClusters, validateLocalCluster } from '@clustermesh/wire';
import type { Result } from '@clustermesh/runtime';

import type { EndpointSlicesExport } from './cluster-config.ts';
import { inertCiliumSettings } from './inert-settings.ts';
import type { LocalCluster } from './map/local-cluster.ts';

const seconds = 1_000;
const hours = 3_600_000;

/** Cilium's names where it has the flag. */
const schema = z.object({
  clusterName: z.string().describe('name of this cluster, unique in the mesh'),
  clusterId: z.coerce.number().int().describe('id of this cluster, unique in the mesh: 1 to max-connected-clusters'),
  maxConnectedClusters: z.coerce
    .number()
    .default(255)
    .describe('size of the mesh, 255 or 511; equal in all its clusters'),
  source: z
    .enum(['kubernetes', 'cilium'])
    .default('kubernetes')
    .describe('where nodes, identities and IPs are learnt from: Node and Pod, or the objects of a running Cilium'),
  enableCiliumEndpointSlice: z
    .boolean()
    .default(false)
    .describe('with --source=cilium: read CiliumEndpointSlice instead of CiliumEndpoint, as Cilium itself is set'),
  etcdConfig: z
    .string()
    .default('/var/lib/cilium/etcd-config.yaml')
    .describe('etcd client file of this cluster’s etcd, which holds what is published (user admin-CLUSTER)'),
  kvstore: z.enum(['etcd']).default('etcd').describe('what kind of store is published into'),
  kvstoreOpt: z
    .string()
    .default('')
    .describe(
      'Cilium’s options of the etcd client, KEY=VALUE: etcd.config is --etcd-config, etcd.address an etcd without TLS; etcd.qps and etcd.bootstrapQps limit writes a second, etcd.maxInflight those at a time; etcd.limit, etcd.keepaliveHeartbeat, etcd.keepaliveTimeout',
    )
    .meta({ repeatable: true }),
  etcdAuth: z
    .enum(['required', 'off'])
    .default('required')
    .describe(
      'required: where the client file has a certificate, publish only while etcd checks users, which are set up again if they are gone; off: publish anyway',
    ),
  clusterUsersEnabled: z
    .boolean()
    .default(false)
    .describe('keep the etcd users of other clusters as --cluster-users-config-path has them'),
  clusterUsersConfigPath: z
    .string()
    .default('/var/lib/cilium/etcd-config/users.yaml')
    .describe('file of the users that other clusters come as: users: [{ name: remote-PEER, role: remote }]'),
  leaderElection: z
    .boolean()
    .default(false)
    .describe('several replicas publish into one external etcd: one does, the others are ready to'),
  kvstoreLeaseTtl: durationSetting('15m', 'how long published entries outlive this process, 25s to 24h').refine(
    (ms) => ms >= 25 * seconds && ms <= 24 * hours,
    'must be between 25s and 24h',
  ),
  clustermeshDefaultGlobalNamespace: z
    .boolean()
    .default(true)
    .describe('publish namespaces without the annotation clustermesh.cilium.io/global'),
  endpointslicesExport: z
    .enum(['off', 'services-and-endpointslices', 'endpointslices-only'])
    .default('off')
    .describe(
      'publish the endpoint slices of global services beside the services or, where all readers know them, instead',
    ),
  clustermeshServiceV2: z
    .enum(['prefer-legacy', 'prefer-endpointslice', 'only-endpointslice'])
    .optional()
    .describe(
      'Cilium’s name for --endpointslices-export: prefer-legacy and prefer-endpointslice publish both, only-endpointslice slices alone',
    ),
  clustermeshEnableMcsApi: z
    .boolean()
    .default(false)
    .describe('publish ServiceExports of the Multi-Cluster Services API, and say at each whether it is valid'),
  heartbeatInterval: durationSetting(
    '60s',
    'how often the heartbeat is written; readers take two missed ones for a lost connection',
  ).refine((ms) => ms > 0, 'must not be 0'),
  identityGracePeriod: durationSetting('15m', 'how long an identity that no pod has is kept').refine(
    (ms) => ms > 0,
    'must not be 0',
  ),
  kubeconfig: z.string().optional().describe('kubeconfig file; by default the pod’s service account, else $KUBECONFIG'),
  kubeWatchIdleTimeout: durationSetting(
    '150s',
    'a watch of Kubernetes that says nothing for so long, not even a bookmark, counts as dead; API servers send one a minute',
  ).refine((ms) => ms >= seconds, 'must be at least 1s'),
  k8sKubeconfigPath: z.string().default('').describe('Cilium’s name for --kubeconfig'),
  k8sApiServer: z
    .string()
    .default('')
    .describe('URL of the Kubernetes API, instead of the one that the pod or the kubeconfig knows'),
  k8sApiServerUrls: z
    .string()
    .default('')
    .describe('the same, of several; they are tried in turn')
    .meta({ repeatable: true }),
  k8sClientQps: z.coerce.number().min(0).default(0).describe('requests to Kubernetes a second; 0 = as it takes them'),
  k8sClientBurst: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('of --k8s-client-qps, at once after a pause; 0 = twice as many'),
  k8sServiceProxyName: z
    .string()
    .default('')
    .describe(
      'publish services whose label service.kubernetes.io/service-proxy-name says so; by default those without',
    ),
  healthHost: z.string().default('').describe('address of /healthz, /readyz and /metrics; by default all'),
  healthPort: z.coerce.number().int().min(0).max(65_535).default(9880).describe('port of --health-host'),
  ...processSettings,
  pprofPort: portSetting(6_063, 'port of --pprof'),
  ...inertCiliumSettings,
  ...inertProcessSettings,
});

export const apiserverConfig = defineConfig(schema);
export type ApiserverConfig = Omit<z.output<typeof schema>, 'kubeconfig'> & {
  readonly cluster: LocalCluster;
  /** Where our etcd is: the path of a client file, or an address without TLS. */
  readonly etcd: string | EtcdClientConfig;
  readonly etcdTuning: EtcdTuning;
  readonly writeRate: WriteRate | undefined;
  readonly kube: KubeSettings;
  readonly logLevel: LogLevel;
};

export interface KubeSettings {
  readonly kubeconfig: string | undefined;
  /** Instead of the one that the pod or the kubeconfig knows; in turn. */
  readonly servers: readonly URL[];
  /** Undefined: as fast as it answers. */
  readonly rate: Rate | undefined;
}

/** Throws CONFIG_INVALID, also when name and number cannot be those of a mesh member. */
export function loadConfig(input: ConfigInput): ApiserverConfig {
  const config = apiserverConfig.load(input);
  const max = valid(maxConnectedClusters(config.maxConnectedClusters));
  const problem = validateLocalCluster(config.clusterName, config.clusterId, max);
  if (problem !== undefined) throw new MeshError('CONFIG_INVALID', problem);
  const name = valid(clusterName(config.clusterName));
  const id = valid(clusterId(config.clusterId, max));
  const { at: etcd = config.etcdConfig, writeRate, tuning: etcdTuning } = parseKvstoreOptions(config.kvstoreOpt);
  return {
    ...config,
    ...{ cluster: { name, id, maxConnectedClusters: max }, etcd, etcdTuning, writeRate, kube: kubeSettings(config) },
    ...{ logLevel: effectiveLogLevel(config), endpointslicesExport: slicesExport(config) },
  };
}

function kubeSettings(config: z.output<typeof schema>): KubeSettings {
  const { k8sClientQps: perSecond, k8sClientBurst: burst } = config;
  const urls = [...config.k8sApiServerUrls.split(','), config.k8sApiServer].map((text) => text.trim());
  return {
    kubeconfig: config.kubeconfig ?? (config.k8sKubeconfigPath || undefined),
    servers: urls.filter((text) => text !== '').map(apiServer),
    rate: perSecond === 0 ? undefined : { perSecond, burst: burst || Math.ceil(2 * perSecond) },
  };
}

function apiServer(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return url;
  const name = '--k8s-api-server (or --k8s-api-server-urls)';
  throw new MeshError('CONFIG_INVALID', `${name}: must be https://HOST:PORT, not ${JSON.stringify(text)}`);
}

/** By either name. Cilium publishes both forms unless it is told to publish slices only. */
function slicesExport(config: z.output<typeof schema>): EndpointSlicesExport {
  const { endpointslicesExport: own, clustermeshServiceV2: theirs } = config;
  if (theirs === undefined) return own;
  const meant = theirs === 'only-endpointslice' ? 'endpointslices-only' : 'services-and-endpointslices';
  if (own === 'off' || own === meant) return meant;
  throw new MeshError('CONFIG_INVALID', `--clustermesh-service-v2=${theirs} and --endpointslices-export=${own} differ`);
}

function valid<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new MeshError('CONFIG_INVALID', result.reason);
}
