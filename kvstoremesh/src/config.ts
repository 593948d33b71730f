import { z } from 'zod';

import { parseKvstoreOptions, redisPlace } from '@clustermesh/kvstore';
import type { EtcdClientConfig, EtcdTuning, RedisPlace, WriteRate } from '@clustermesh/kvstore';
import {
  MeshError,
  byteSizeSetting,
  defineConfig,
  durationSetting,
  formatByteSize,
  effectiveLogLevel,
  inertProcessSettings,
  inertSetting,
  portSetting,
  processSettings,
  serveAddressSetting,
} from '@clustermesh/runtime';
import type { ConfigInput, LogLevel } from '@clustermesh/runtime';
import { maxConnectedClusters, validateLocalCluster } from '@clustermesh/wire';

import type { KvstoremeshSettings } from './kvstoremesh.ts';
import { defaultLimits, parseOverrides } from './limits/remote-limits.ts';
import type { LimitSettings } from './limits/remote-limits.ts';

const { perRemote } = defaultLimits;
const count = (fallback: number, description: string) =>
  z.coerce.number().int().positive().default(fallback).describe(description);

/** Flags have Cilium's names where Cilium has them. */
export const kvstoremeshConfig = defineConfig(
  z.object({
    clusterName: z.string().describe('name of this cluster, unique in the mesh'),
    clusterId: z.coerce.number().int().describe('id of this cluster, unique in the mesh: 1 to max-connected-clusters'),
    maxConnectedClusters: z.coerce
      .number()
      .default(255)
      .describe('size of the mesh, 255 or 511; equal in all its clusters'),
    clustermeshConfig: z
      .string()
      .default('/var/lib/cilium/clustermesh/')
      .describe('directory of the remote clusters: one etcd client file each, named as the cluster'),
    etcdConfig: z
      .string()
      .default('/var/lib/cilium/etcd-config.yaml')
      .describe('etcd client file of this cluster’s etcd, which holds the cache (user admin-CLUSTER)'),
    cache: z
      .string()
      .default('etcd')
      .describe(
        'where the copies of remote clusters go: etcd (of --etcd-config) or a Redis, redis://HOST:6379/DATABASE, redis+sentinel://HOST:26379,HOST:26379/PRIMARY/DATABASE, rediss… with TLS',
      ),
    cacheCredentials: z
      .string()
      .default('')
      .describe(
        'folder of what is said to that Redis, as a Secret is mounted: username, password, ca.crt, tls.crt, tls.key, sentinel-username, sentinel-password; read again before each connection',
      ),
    kvstore: z.enum(['etcd']).default('etcd').describe('what kind of store the cache is in'),
    kvstoreOpt: z
      .string()
      .default('')
      .describe(
        'Cilium’s options of the etcd client, KEY=VALUE: etcd.config is --etcd-config, etcd.address an etcd without TLS; etcd.qps and etcd.bootstrapQps limit entries a second, etcd.maxInflight writes at a time; etcd.limit, etcd.keepaliveHeartbeat, etcd.keepaliveTimeout, of remote clusters too',
      )
      .meta({ repeatable: true }),
    leaderElection: z
      .enum(['auto', 'true', 'false'])
      .default('auto')
      .describe(
        'several replicas share the cache: whoever holds Cilium’s lock cilium/kvstoremesh-lock in it mirrors, the others wait; auto: where its etcd or Redis is not on this machine',
      ),
    etcdAuth: z
      .enum(['required', 'off'])
      .default('required')
      .describe(
        'required: where the client file has a certificate, write only while etcd checks users; off: write anyway',
      ),
    kvstoreLeaseTtl: durationSetting('15m', 'how long the cache outlives this process'),
    clustermeshCacheTtl: durationSetting(
      '0s',
      'delete the services of a cluster that was lost for so long from the cache; 0s = never',
    ),
    perClusterReadyTimeout: durationSetting(
      '15s',
      'readiness does not wait for clusters that are not connected by then',
    ),
    globalReadyTimeout: durationSetting('10m', 'readiness waits for nothing longer than this'),
    drainGrace: durationSetting('3m', 'how long the data of a removed cluster is kept'),
    disableDrainOnDisconnection: z
      .boolean()
      .default(false)
      .describe(
        'leave the data of a removed cluster in the cache: what it changes until it comes again is not noticed',
      ),
    contactInterval: durationSetting(
      '10s',
      'how often each remote cluster is asked whether it answers, and its freshness is written',
    ),
    heartbeatInterval: durationSetting(
      '60s',
      'how often remote clusters write their heartbeat; two missed ones are a lost connection',
    ),
    enableHeartbeat: z
      .boolean()
      .default(false)
      .describe('write the heartbeat of this cluster’s etcd, where no clustermesh-apiserver does'),
    remoteMaxKeys: count(perRemote.maxKeys, 'entries that one remote cluster may have in the cache'),
    remoteMaxBytes: byteSizeSetting(formatByteSize(perRemote.maxBytes), 'bytes that one remote cluster may have there'),
    remoteMaxValueBytes: byteSizeSetting(formatByteSize(perRemote.maxValueBytes), 'bytes of one value'),
    remoteMaxChangesPerSecond: count(
      perRemote.maxChangesPerSecond,
      'changes of one remote cluster that are written a second; more are coalesced and late',
    ),
    remoteMaxBytesPerSecond: byteSizeSetting(
      formatByteSize(perRemote.maxBytesPerSecond),
      'bytes of changes of one remote cluster that are written a second',
    ),
    remotesMaxBytes: byteSizeSetting(
      formatByteSize(defaultLimits.totalBytes),
      'bytes that all remote clusters together may have in the cache',
    ),
    remoteLimits: z
      .string()
      .default('')
      .describe('other limits for single clusters: CLUSTER/max-keys=1000000,CLUSTER/max-bytes=512Mi'),
    healthHost: z
      .string()
      .default('')
      .describe('address of /healthz, /readyz, /metrics and /v1/cluster; by default all'),
    healthPort: z.coerce.number().int().default(9881).describe('port of --health-host'),
    apiServeAddr: serveAddressSetting(
      'localhost:9889',
      '[HOST]:PORT where /v1/cluster is answered too, as Cilium’s tools look for it; empty: nowhere',
    ),
    ...processSettings,
    pprofPort: portSetting(6_064, 'port of --pprof'),
    clustermeshServiceV2: inertSetting('every form of services that a cluster publishes is mirrored'),
    kvstoreMaxConsecutiveQuorumErrors: inertSetting('a lost connection is made again at once'),
    ...inertProcessSettings,
  }),
);

export type KvstoremeshConfig = ReturnType<typeof kvstoremeshConfig.load> & {
  readonly settings: KvstoremeshSettings;
  /** Where the local etcd is: the path of a client file, or an address without TLS. */
  readonly etcd: string | EtcdClientConfig;
  /** Holds the cache; undefined: the local etcd does. */
  readonly redis: RedisPlace | undefined;
  /** Of the local etcd; of remote ones too, but for what concerns writing. */
  readonly etcdTuning: EtcdTuning;
  readonly writeRate: WriteRate | undefined;
  readonly logLevel: LogLevel;
};

/** @throws MeshError CONFIG_INVALID naming what is wrong. */
export function loadConfig(input: ConfigInput): KvstoremeshConfig {
  const config = kvstoremeshConfig.load(input);
  const max = maxConnectedClusters(config.maxConnectedClusters);
  if (!max.ok) throw new MeshError('CONFIG_INVALID', max.reason);
  const problem = validateLocalCluster(config.clusterName, config.clusterId, max.value);
  if (problem !== undefined) throw new MeshError('CONFIG_INVALID', problem);
  const limits = limitSettings(config);
  const settings = {
    limits,
    clusterName: config.clusterName,
    clusterId: config.clusterId,
    maxConnectedClusters: max.value,
    heartbeatIntervalMs: config.heartbeatInterval,
    contactIntervalMs: config.contactInterval,
    drainGraceMs: config.drainGrace,
    keepsRemoved: config.disableDrainOnDisconnection,
    cacheTtlMs: config.clustermeshCacheTtl,
    perClusterReadyTimeoutMs: config.perClusterReadyTimeout,
    globalReadyTimeoutMs: config.globalReadyTimeout,
  };
  const { at: etcd = config.etcdConfig, writeRate, tuning: etcdTuning } = parseKvstoreOptions(config.kvstoreOpt);
  const redis = config.cache === 'etcd' ? undefined : redisPlace('--cache', config.cache, config.cacheCredentials);
  return { ...config, settings, etcd, etcdTuning, redis, writeRate, logLevel: effectiveLogLevel(config) };
}

function limitSettings(config: ReturnType<typeof kvstoremeshConfig.load>): LimitSettings {
  const overrides = parseOverrides(config.remoteLimits);
  if (!overrides.ok) throw new MeshError('CONFIG_INVALID', `--remote-limits: ${overrides.reason}`);
  return {
    perRemote: {
      maxKeys: config.remoteMaxKeys,
      maxBytes: config.remoteMaxBytes,
      maxValueBytes: config.remoteMaxValueBytes,
      maxChangesPerSecond: config.remoteMaxChangesPerSecond,
      maxBytesPerSecond: config.remoteMaxBytesPerSecond,
    },
    overrides: overrides.value,
    totalBytes: config.remotesMaxBytes,
  };
}
