import { hostname } from 'node:os';
import { redisPlace } from '@clustermesh/kvstore';
import type { RedisPlace } from '@clustermesh/kvstore';
import { MeshError, defineConfig, durationSetting, logLevels } from '@clustermesh/runtime';
import type { ConfigInput } from '@clustermesh/runtime';
import { isIpv4, maxConnectedClusters, parseIp, validateLocalCluster } from '@clustermesh/wire';
import type { ClusterId, ClusterName } from '@clustermesh/wire';
import { z } from 'zod';

import { defaultMapSizes } from './maps/datapath-maps.ts';
import type { MapSizes } from './maps/datapath-maps.ts';
import { policyScopes } from './policy/policy-state.ts';
import type { AgentSettings } from './settings.ts';

const entries = (fallback: number, of: string): z.ZodDefault<z.ZodCoercedNumber> =>
  z.coerce.number().int().positive().default(fallback).describe(`room for so many ${of} in the maps`);

/** Flags have Cilium's names where Cilium has them. */
export const agentConfig = defineConfig(
  z.object({
    clusterName: z.string().describe('name of this cluster, unique in the mesh'),
    clusterId: z.coerce.number().int().describe('id of this cluster, unique in the mesh: 1 to max-connected-clusters'),
    maxConnectedClusters: z.coerce
      .number()
      .default(255)
      .describe('size of the mesh, 255 or 511; equal in all its clusters'),
    nodeName: z.string().default('').describe('name of this node in Kubernetes; by default the host name'),
    nodeIp: z
      .string()
      .default('')
      .describe('address of this node on the underlay, or IPv4,IPv6 of both; by default routing chooses'),
    cacheConfig: z
      .string()
      .default('/var/lib/cilium/etcd-config.yaml')
      .describe('etcd client file of this cluster’s etcd, which by default holds the cache (user agent-CLUSTER)'),
    cache: z
      .string()
      .default('etcd')
      .describe(
        'where kvstoremesh’s copies of remote clusters are read: etcd (of --cache-config) or the Redis that it writes to, redis://HOST:6379/DATABASE, redis+sentinel://HOST:26379,HOST:26379/PRIMARY/DATABASE, rediss… with TLS',
      ),
    cacheCredentials: z
      .string()
      .default('')
      .describe(
        'folder of what is said to that Redis, as a Secret is mounted: username, password, ca.crt, tls.crt, tls.key, sentinel-username, sentinel-password; read again before each connection',
      ),
    clustermeshConfig: z
      .string()
      .default('')
      .describe(
        'folder with an etcd client file per remote cluster, for agents that read them by themselves; by default they are read from the cache',
      ),
    contactInterval: durationSetting('30s', 'how often each store of --clustermesh-config is asked whether it answers'),
    heartbeatInterval: durationSetting(
      '60s',
      'how often those stores have a new heartbeat; two missed ones are a lost connection',
    ),
    kubeconfig: z
      .string()
      .optional()
      .describe('kubeconfig file; by default the pod’s service account, else $KUBECONFIG'),
    datapath: z
      .enum(['auto', 'ebpf', 'memory'])
      .default('auto')
      .describe('where the maps are: ebpf (the kernel), memory (no traffic is served), or auto (ebpf if it works)'),
    bpfFs: z
      .string()
      .default('/sys/fs/bpf/clustermesh')
      .describe('directory on a bpffs for this node’s pins; a bpffs is mounted if none is there'),
    cgroupRoot: z
      .string()
      .default('')
      .describe('cgroup v2 directory whose sockets are load-balanced; by default the root'),
    tunnelDevice: z.string().min(1).max(15).default('mesh_vxlan').describe('name of the VXLAN device'),
    tcAttach: z
      .enum(['auto', 'tcx', 'clsact'])
      .default('auto')
      .describe('how programs are attached to devices: tcx (kernel 6.6), clsact, or auto (tcx if the kernel has it)'),
    tunnelPort: z.coerce.number().int().min(1).max(65_535).default(8472).describe('UDP port of the overlay'),
    mtu: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe('MTU of the underlay, of which the tunnel takes 50 bytes (IPv6: 70); 0: as its devices have it'),
    podInterfaces: z
      .string()
      .default('')
      .describe(
        'names of pods’ interfaces, such as cali*,lxc*; by default veths into other namespaces, but not this node’s ways out',
      ),
    statusSocket: z
      .string()
      .default('/var/run/clustermesh/agent.sock')
      .describe('unix socket of the status API (clustermesh inspect)'),
    healthHost: z.string().default('0.0.0.0').describe('address of /healthz, /readyz, /metrics and /v1/status'),
    healthPort: z.coerce.number().int().default(9879).describe('port of --health-host'),
    startupTaint: z
      .string()
      .default('node.clustermesh.io/agent-not-ready')
      .describe('key of a taint to take off this node once remote clusters have been read; empty: none'),
    clustermeshSyncTimeout: durationSetting(
      '1m',
      'readiness waits for remote clusters no longer than this, once this cluster is known',
    ),
    staleTtl: durationSetting(
      '0s',
      'withdraw backends of a cluster that was lost for longer: used only where there are no others; 0s = never',
    ),
    clustermeshDefaultGlobalNamespace: z
      .boolean()
      .default(true)
      .describe(
        'namespaces without the annotation clustermesh.cilium.io/global take part; as clustermesh-apiserver has it',
      ),
    mirrorSilenceTimeout: durationSetting(
      '5m',
      'entries that vanish after the mirror was silent for so long are kept; at least 2m',
    ),
    nodeProbeInterval: durationSetting(
      '5s',
      'how often each node of other clusters is asked through the tunnel, at least 1s; 0s = never',
    ),
    backendDrain: durationSetting(
      '1m',
      'how long a removed backend stays in the maps, for connections that it has; then they are ended',
    ),
    policyScope: z
      .enum(policyScopes)
      .default('mesh')
      .describe(
        'whose traffic policies rule: mesh (what crosses clusters; the rest is the CNI’s), all (of all pods of this node), or none',
      ),
    policyDefaultLocalCluster: z
      .boolean()
      .default(true)
      .describe('selectors of policies that name no cluster select in this cluster alone, not in all of the mesh'),
    flowEventRate: z.coerce
      .number()
      .int()
      .min(0)
      .max(0xffff_ffff)
      .default(1_000)
      .describe('so many flow events a second and CPU; more are counted only'),
    bpfServiceMapMax: entries(defaultMapSizes.svc, 'service frontends'),
    bpfSlotMapMax: entries(defaultMapSizes.slot, 'slots: the backends of each frontend, rounded up to a power of two'),
    bpfBackendMapMax: entries(defaultMapSizes.backend, 'backends'),
    bpfLbAffinityMapMax: entries(defaultMapSizes.aff, 'clients with session affinity'),
    bpfSockRevMapMax: entries(defaultMapSizes.rev_udp, 'pairs of an unconnected UDP socket and a backend'),
    bpfNodeMapMax: entries(defaultMapSizes.node, 'nodes of the mesh'),
    bpfIpcacheMapMax: entries(defaultMapSizes.ipc_host, 'addresses of the mesh'),
    bpfPolicyMapMax: entries(
      defaultMapSizes.policy,
      'rows of policies: of each pod’s identity, for each peer and range of ports',
    ),
    bpfCtMapMax: entries(defaultMapSizes.ct, 'flows of pods'),
    onAbiMismatch: z
      .enum(['refuse', 'replace'])
      .default('refuse')
      .describe(
        'what to do about pinned maps of an unknown version: refuse (end, leave them as they are) or replace (fill new ones)',
      ),
    cleanup: z
      .boolean()
      .default(false)
      .describe('take all pins, links and devices of this node out of the kernel, and end'),
    logLevel: z
      .enum(logLevels)
      .default('info')
      .describe('least severity that is logged: trace, debug, info, warn, error or silent'),
  }),
);

export type AgentConfig = ReturnType<typeof agentConfig.load> & {
  readonly settings: Omit<AgentSettings, 'mode' | 'version'>;
  readonly sizes: MapSizes;
  /** Holds the cache; undefined: the own cluster's etcd does. */
  readonly redis: RedisPlace | undefined;
  readonly nodeAddresses: NodeAddresses;
};

/** This node's underlay addresses as others know them, 16 bytes each; all zero lets the routing table choose. */
export interface NodeAddresses {
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
}

/** Two heartbeats: with less, every writer would count as silent between them and no delete be believed. */
const shortestSilenceMs = 120_000;

/** The programs answer a node ten times a second at most (bpf/lib/probe.h): far below, so that no answer is missing. */
const shortestProbeMs = 1_000;

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
  if (config.nodeProbeInterval > 0 && config.nodeProbeInterval < shortestProbeMs) {
    throw new MeshError('CONFIG_INVALID', '--node-probe-interval must be 0s or at least 1s: nodes answer no faster');
  }
  const redis = config.cache === 'etcd' ? undefined : redisPlace('--cache', config.cache, config.cacheCredentials);
  const nodeName = config.nodeName === '' ? hostname() : config.nodeName;
  return {
    ...config,
    redis,
    nodeName,
    nodeAddresses: nodeAddresses(config.nodeIp),
    sizes: {
      ...defaultMapSizes,
      svc: config.bpfServiceMapMax,
      slot: config.bpfSlotMapMax,
      backend: config.bpfBackendMapMax,
      aff: config.bpfLbAffinityMapMax,
      rev_udp: config.bpfSockRevMapMax,
      node: config.bpfNodeMapMax,
      node_ip: config.bpfNodeMapMax,
      probe: config.bpfNodeMapMax,
      ipc_host: config.bpfIpcacheMapMax,
      policy: config.bpfPolicyMapMax,
      policy_len: config.bpfPolicyMapMax,
      ct: config.bpfCtMapMax,
    },
    settings: {
      clusterName: config.clusterName as ClusterName,
      clusterId: config.clusterId as ClusterId,
      maxConnectedClusters: max.value,
      nodeName,
      cacheAt: redis && { store: 'redis', address: redis.description },
      backendDrainMs: config.backendDrain,
      startupTaint: config.startupTaint,
      syncTimeoutMs: config.clustermeshSyncTimeout,
      mirrorSilenceMs: config.mirrorSilenceTimeout,
      staleTtlMs: config.staleTtl,
      defaultGlobalNamespace: config.clustermeshDefaultGlobalNamespace,
      policyScope: config.policyScope,
      policyDefaultLocalCluster: config.policyDefaultLocalCluster,
    },
  };
}

function nodeAddresses(nodeIp: string): NodeAddresses {
  const addresses = (nodeIp === '' ? [] : nodeIp.split(',')).map((text) => {
    const address = parseIp(text.trim());
    if (address === undefined) throw new MeshError('CONFIG_INVALID', `--node-ip: ${text} is no address`);
    return address;
  });
  const [ipv4, ipv6] = [addresses.filter(isIpv4), addresses.filter((address) => !isIpv4(address))];
  if (ipv4.length > 1 || ipv6.length > 1) {
    throw new MeshError('CONFIG_INVALID', `--node-ip: ${nodeIp} has two addresses of a family`);
  }
  return { ipv4: ipv4[0] ?? new Uint8Array(16), ipv6: ipv6[0] ?? new Uint8Array(16) };
}
