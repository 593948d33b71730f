import { MeshError } from '@clustermesh/runtime';
import { join } from 'node:path';

import { hasRedis, isDualStack } from './topology.ts';
import type { ClusterSource, ClusterTopology, SampleTopology, Topology } from './topology.ts';

/** `root`: network namespaces, cgroups and eBPF. `rootless`: the same control plane on loopback addresses. */
export type LabMode = 'root' | 'rootless';

/** What this machine offers a lab. */
export interface HostLayout {
  readonly mode: LabMode;
  /** Directory that holds one state directory per mesh. */
  readonly stateRoot: string;
  /** Where cgroup2 is mounted; only in root mode. */
  readonly cgroupRoot?: string;
}

/** Where one process, or one group of processes, lives. Without root all share the namespace of the caller. */
export interface Place {
  /** Name below /run/netns. */
  readonly netns?: string;
  /** Absolute directory in cgroup2. */
  readonly cgroup?: string;
}

/** Everything that has a name, an address or a path in one lab: a pure function of its topology and the machine. */
export interface MeshPlan {
  readonly mesh: string;
  readonly mode: LabMode;
  readonly stateDir: string;
  /** The switch between the nodes, and the one place that reaches every node and pod. */
  readonly underlay: Place & { readonly address: string };
  /** The cgroup of the whole mesh: killing it stops everything. */
  readonly cgroup?: string;
  /** Every network namespace of the mesh starts with it. */
  readonly netnsPrefix: string;
  /** A bpffs of the mesh's own. */
  readonly bpffs?: string;
  readonly clusters: readonly ClusterPlan[];
  /** The etcd of clusters that are nothing else; only where the topology has some. */
  readonly samples?: SamplesPlan;
}

export interface SamplesPlan extends Place {
  /** Where its etcd listens. */
  readonly address: string;
  readonly dir: string;
  readonly clusters: readonly SampleTopology[];
}

export interface ClusterPlan {
  readonly name: string;
  readonly id: number;
  readonly dir: string;
  /** Control plane: the Kubernetes API and, with the real one, its etcd and controllers. */
  readonly controlPlane: Place & { readonly address: string; readonly port: number; readonly socket: string };
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Both or neither. */
  readonly podCidr6?: string;
  readonly serviceCidr6?: string;
  readonly source: ClusterSource;
  /** Holds the cache; absent where the cluster's own etcd does. */
  readonly redis?: RedisPlan;
  readonly nodes: readonly NodePlan[];
}

export interface RedisPlan extends Place {
  readonly address: string;
  readonly port: number;
  /** Its data, certificates and users. */
  readonly dir: string;
}

export interface NodePlan extends Place {
  readonly name: string;
  readonly cluster: string;
  readonly address: string;
  readonly zone: string;
  /** A /24: the node is x.y.z.1, pods are .2 to .254. */
  readonly podCidr: string;
  /** A /64 beside it: a pod's last octet is also the end of its IPv6 address. */
  readonly podCidr6?: string;
  /** Comes up with the taint that its agent takes off. */
  readonly hasStartupTaint: boolean;
  readonly dir: string;
  readonly bpfDir?: string;
}

export const underlayPrefixLength = 16;
const firstNodeOctet = 10;

export function planMesh(topology: Topology, host: HostLayout): MeshPlan {
  const { mesh, clusters, startupTaint = false, samples = [] } = topology;
  const stateDir = join(host.stateRoot, mesh);
  const netnsPrefix = `cm-${mesh}-`;
  const cgroup = host.cgroupRoot === undefined ? undefined : join(host.cgroupRoot, `clustermesh-${mesh}`);
  const scope: Scope = { mode: host.mode, stateDir, netnsPrefix, cgroup, hasStartupTaint: startupTaint };
  return {
    mesh,
    mode: host.mode,
    stateDir,
    netnsPrefix,
    underlay: { address: `${base(host.mode)}.0.1`, ...place(scope, 'underlay', 'underlay') },
    ...(cgroup === undefined ? {} : { cgroup, bpffs: join(stateDir, 'bpf') }),
    clusters: clusters.map((cluster) => planCluster(cluster, scope)),
    ...(samples.length === 0 ? {} : { samples: planSamples(samples, scope) }),
  };
}

function planSamples(clusters: readonly SampleTopology[], scope: Scope): SamplesPlan {
  const dir = join(scope.stateDir, 'samples');
  return { clusters, dir, address: `${base(scope.mode)}.0.2`, ...place(scope, 'samples', 'samples') };
}

interface Scope {
  readonly mode: LabMode;
  readonly stateDir: string;
  readonly netnsPrefix: string;
  readonly cgroup: string | undefined;
  readonly hasStartupTaint: boolean;
}

function planCluster(topology: ClusterTopology, scope: Scope): ClusterPlan {
  const { name, id, nodes, source = 'kubernetes', cache, ...families } = topology;
  const dir = join(scope.stateDir, name);
  const address = `${base(scope.mode)}.${id}.1`;
  const controlPlane = place(scope, `${name}-cp`, `${name}/control-plane`);
  const isDual = isDualStack(families);
  return {
    name,
    id,
    dir,
    controlPlane: { address, port: 6443, socket: join(dir, 'kube-api.sock'), ...controlPlane },
    podCidr: `10.${id}.0.0/16`,
    serviceCidr: `10.${100 + id}.0.0/16`,
    ...(isDual ? { podCidr6: `${pods6(id)}::/48`, serviceCidr6: `fd00:20:${id}::/112` } : {}),
    source,
    ...(hasRedis({ cache }) ? { redis: { address, port: 6379, dir: join(dir, 'redis'), ...controlPlane } } : {}),
    nodes: Array.from({ length: nodes }, (_, index) => planNode({ name, id, dir, isDual }, index + 1, scope)),
  };
}

interface NodeCluster {
  readonly name: string;
  readonly id: number;
  readonly dir: string;
  readonly isDual: boolean;
}

function planNode(cluster: NodeCluster, index: number, scope: Scope): NodePlan {
  const name = `n${index}`;
  return {
    name,
    cluster: cluster.name,
    address: `${base(scope.mode)}.${cluster.id}.${firstNodeOctet + index}`,
    zone: `${cluster.name}-${index}`,
    podCidr: `10.${cluster.id}.${index}.0/24`,
    ...(cluster.isDual ? { podCidr6: `${pods6(cluster.id)}:${index}::/64` } : {}),
    hasStartupTaint: scope.hasStartupTaint,
    dir: join(cluster.dir, name),
    ...place(scope, `${cluster.name}-${name}`, `${cluster.name}/${name}`),
    ...(scope.mode === 'root' ? { bpfDir: join(scope.stateDir, 'bpf', cluster.name, name) } : {}),
  };
}

/** Decimal numbers as they are in the IPv4 addresses: read as hexadecimal they are no less unique. */
function pods6(id: number): string {
  return `fd00:10:${id}`;
}

/** The second address of a pod. @param address its first one, in the node's /24 */
export function secondAddress(address: string, podCidr6: string): string {
  return podCidr6.replace('::/64', `::${address.split('.')[3] ?? ''}`);
}

/** Loopback needs no set-up: on Linux all of 127/8 is local. */
function base(mode: LabMode): string {
  return mode === 'root' ? '172.30' : '127.30';
}

function place({ mode, netnsPrefix, cgroup }: Scope, netns: string, group: string): Place {
  return mode === 'rootless' || cgroup === undefined ? {} : { netns: netnsPrefix + netns, cgroup: join(cgroup, group) };
}

/** @throws MeshError LAB_INVALID_STATE listing the clusters that exist. */
export function clusterOf(plan: MeshPlan, name: string): ClusterPlan {
  const found = plan.clusters.find((cluster) => cluster.name === name);
  if (found !== undefined) return found;
  const names = plan.clusters.map((cluster) => cluster.name).join(', ');
  throw new MeshError('LAB_INVALID_STATE', `no cluster "${name}" in mesh ${plan.mesh} (it has ${names})`);
}

/** @throws MeshError LAB_INVALID_STATE listing the nodes that exist. */
export function nodeOf(cluster: ClusterPlan, name: string): NodePlan {
  const found = cluster.nodes.find((node) => node.name === name);
  if (found !== undefined) return found;
  const names = cluster.nodes.map((node) => node.name).join(', ');
  throw new MeshError('LAB_INVALID_STATE', `no node "${name}" in cluster ${cluster.name} (it has ${names})`);
}
