import { z } from 'zod';

import { MeshError, defineConfig, durationSetting, logLevels } from '@clustermesh/runtime';
import type { ConfigInput } from '@clustermesh/runtime';
import { clusterId, clusterName, maxConnectedClusters, validateLocalCluster } from '@clustermesh/wire';
import type { Result } from '@clustermesh/runtime';

import type { EndpointSlicesExport } from './cluster-config.ts';
import { parseKvstoreOptions } from './kvstore-opt.ts';
import type { LocalCluster } from './map/local-cluster.ts';
import type { WriteRate } from './publish/write-pace.ts';

const seconds = 1_000;
const hours = 3_600_000;

/** `[HOST]:PORT` as Go's servers take it; undefined for ''. */
function serveAddress(
  text: string,
  context: z.RefinementCtx,
): { readonly host: string; readonly port: number } | undefined {
  if (text === '') return undefined;
  const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (port !== '' && Number(port) <= 65_535) return { host: host === '' ? '0.0.0.0' : host, port: Number(port) };
  context.addIssue({ code: 'custom', message: `must be [HOST]:PORT, not ${JSON.stringify(text)}` });
  return z.NEVER;
}

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
  kvstoreOpt: z
    .string()
    .default('')
    .describe(
      'Cilium’s options of the etcd client, KEY=VALUE: etcd.qps and etcd.bootstrapQps limit writes a second, etcd.config is --etcd-config',
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
  healthHost: z.string().default('0.0.0.0').describe('address of /healthz, /readyz and /metrics'),
  healthPort: z.coerce.number().int().min(0).max(65_535).default(9880).describe('port of --health-host'),
  prometheusServeAddr: z
    .string()
    .default('')
    .transform(serveAddress)
    .describe('[HOST]:PORT where /metrics is answered too, beside --health-port; by default nowhere'),
  logLevel: z
    .enum(logLevels)
    .default('info')
    .describe('least severity that is logged: trace, debug, info, warn, error or silent'),
});

export const apiserverConfig = defineConfig(schema);
export type ApiserverConfig = z.output<typeof schema> & {
  readonly cluster: LocalCluster;
  readonly writeRate: WriteRate | undefined;
};

/** Throws CONFIG_INVALID, also when name and number cannot be those of a mesh member. */
export function loadConfig(input: ConfigInput): ApiserverConfig {
  const config = apiserverConfig.load(input);
  const max = valid(maxConnectedClusters(config.maxConnectedClusters));
  const problem = validateLocalCluster(config.clusterName, config.clusterId, max);
  if (problem !== undefined) throw new MeshError('CONFIG_INVALID', problem);
  const name = valid(clusterName(config.clusterName));
  const id = valid(clusterId(config.clusterId, max));
  const { etcdConfig = config.etcdConfig, writeRate } = parseKvstoreOptions(config.kvstoreOpt);
  const cluster = { name, id, maxConnectedClusters: max };
  return { ...config, cluster, etcdConfig, writeRate, endpointslicesExport: slicesExport(config) };
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
