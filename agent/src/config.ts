import { hostname } from 'node:os';
import { MeshError, defineConfig, durationSetting, logLevels } from '@clustermesh/runtime';
import type { ConfigInput } from '@clustermesh/runtime';
import { maxConnectedClusters, parseIp, validateLocalCluster } from '@clustermesh/wire';
import type { ClusterId, ClusterName } from '@clustermesh/wire';
import { z } from 'zod';

import { defaultMapSizes } from './maps/datapath-maps.ts';
import type { MapSizes } from './maps/datapath-maps.ts';
import type { AgentSettings } from './settings.ts';

const entries = (fallback: number, of: string): z.ZodDefault<z.ZodCoercedNumber> =>
  z.coerce.number().int().positive().default(fallback).describe(`room for so many ${of}`);

/** Flags have Cilium's names where Cilium has them. */
export const agentConfig = defineConfig(
  z.object({
    clusterName: z.string().describe('name of the local cluster'),
    clusterId: z.coerce.number().int().describe('id of the local cluster'),
    maxConnectedClusters: z.coerce.number().default(255).describe('size of the mesh, 255 or 511, equal everywhere'),
    nodeName: z.string().default(hostname()).describe('name of this node in Kubernetes'),
    nodeIp: z.string().default('').describe('address of this node on the underlay; by default routing chooses'),
    cacheConfig: z
      .string()
      .default('/var/lib/cilium/etcd-config.yaml')
      .describe('etcd client file of the local etcd, which holds the cache (user agent-<cluster>)'),
    kubeconfig: z.string().optional().describe('kubeconfig file; by default the service account, else $KUBECONFIG'),
    datapath: z.enum(['auto', 'ebpf', 'memory']).default('auto').describe('where the maps are; auto: ebpf if it works'),
    bpfFs: z
      .string()
      .default('/sys/fs/bpf/clustermesh')
      .describe('folder on a bpffs for this node, mounted if need be'),
    cgroupRoot: z.string().default('').describe('cgroup v2 whose sockets are balanced; by default the root'),
    tunnelDevice: z.string().min(1).max(15).default('mesh_vxlan').describe('name of the VXLAN device'),
    tunnelPort: z.coerce.number().int().min(1).max(65_535).default(8472).describe('UDP port of the overlay'),
    statusSocket: z.string().default('/var/run/clustermesh/agent.sock').describe('unix socket of the status API'),
    healthHost: z.string().default('0.0.0.0').describe('address of /healthz, /readyz, /metrics and /v1/status'),
    healthPort: z.coerce.number().int().default(9879).describe('port of the same'),
    clustermeshSyncTimeout: durationSetting('1m', 'readiness waits for remote clusters no longer than this'),
    clustermeshCacheTtl: durationSetting(
      '0s',
      'use a cluster lost for longer only where there is no other; 0s = never',
    ),
    mirrorSilenceTimeout: durationSetting('5m', 'keys that vanish when the mirror was silent for so long are kept'),
    backendDrain: durationSetting('1m', 'how long the record of a removed backend stays'),
    bpfServiceMapMax: entries(defaultMapSizes.svc, 'service frontends'),
    bpfSlotMapMax: entries(defaultMapSizes.slot, 'backends of frontends, in powers of two each'),
    bpfBackendMapMax: entries(defaultMapSizes.backend, 'backends'),
    bpfNodeMapMax: entries(defaultMapSizes.node, 'nodes of the mesh'),
    bpfIpcacheMapMax: entries(defaultMapSizes.ipc_host, 'addresses of the mesh'),
    cleanup: z.boolean().default(false).describe('take everything out of the kernel, and end'),
    logLevel: z.enum(logLevels).default('info').describe('trace, debug, info, warn, error or silent'),
  }),
);

export type AgentConfig = ReturnType<typeof agentConfig.load> & {
  readonly settings: Omit<AgentSettings, 'mode' | 'version'>;
  readonly sizes: MapSizes;
  /** 16 bytes, all zero when none is configured. */
  readonly nodeAddress: Uint8Array;
};

/** Two heartbeats: with less, every writer would count as silent between them and no delete be believed. */
const shortestSilenceMs = 120_000;

/** @throws MeshError CONFIG_INVALID naming what is wrong. */
export function loadConfig(input: ConfigInput): AgentConfig {
  const config = agentConfig.load(input);
  const max = maxConnectedClusters(config.maxConnectedClusters);
  if (!max.ok) throw new MeshError('CONFIG_INVALID', max.reason);
  const problem = validateLocalCluster(config.clusterName, config.clusterId, max.value);
  if (problem !== undefined) throw new MeshError('CONFIG_INVALID', problem);
  if (config.mirrorSilenceTimeout < shortestSilenceMs) {
    throw new MeshError(
      'CONFIG_INVALID',
      '--mirror-silence-timeout must be at least 2m: heartbeats come once a minute',
    );
  }
  const nodeAddress = config.nodeIp === '' ? new Uint8Array(16) : parseIp(config.nodeIp);
  if (nodeAddress === undefined) throw new MeshError('CONFIG_INVALID', `--node-ip: ${config.nodeIp} is no address`);
  return {
    ...config,
    nodeAddress,
    sizes: {
      ...defaultMapSizes,
      svc: config.bpfServiceMapMax,
      slot: config.bpfSlotMapMax,
      backend: config.bpfBackendMapMax,
      node: config.bpfNodeMapMax,
      ipc_host: config.bpfIpcacheMapMax,
    },
    settings: {
      clusterName: config.clusterName as ClusterName,
      clusterId: config.clusterId as ClusterId,
      maxConnectedClusters: max.value,
      nodeName: config.nodeName,
      backendDrainMs: config.backendDrain,
      syncTimeoutMs: config.clustermeshSyncTimeout,
      mirrorSilenceMs: config.mirrorSilenceTimeout,
      cacheTtlMs: config.clustermeshCacheTtl,
    },
  };
}
