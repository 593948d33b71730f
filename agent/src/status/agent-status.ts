import type { AttachMethod } from '@clustermesh/ebpf';

import type { AgeOf } from '../ingest/cluster-way.ts';

/**
 * What status.proto says, as TypeScript: one shape for gRPC, for GET /v1/status and for metrics.
 * Times are RFC 3339 in UTC, '' when there is none.
 */
export interface AgentStatus {
  readonly cluster: string;
  readonly clusterId: number;
  readonly node: string;
  readonly version: string;
  readonly startedAt: string;
  readonly datapath: DatapathStatus;
  readonly clusters: readonly ClusterStatus[];
  readonly health: readonly { readonly name: string; readonly state: string; readonly reason: string }[];
  readonly local: LocalStatus;
  /** The first few; there is one a kind and pair of clusters. */
  readonly conflicts: readonly Conflict[];
  readonly conflictCount: number;
  /** Why nodes of other clusters are not probed; '' when they are. */
  readonly probesOff: string;
  readonly policy: PolicyStatus;
  readonly cache: CacheStatus;
}

/** Where the copies of other clusters are read. */
export interface CacheStatus {
  /** '' where this agent reads the clusters themselves. */
  readonly store: 'etcd' | 'redis' | '';
  /** Without credentials; '' for our own cluster's etcd. */
  readonly address: string;
  /** Why it cannot be read now; '' while it can. */
  readonly problem: string;
}

/** How the policies of this cluster are enforced on this node. */
export interface PolicyStatus {
  readonly scope: 'none' | 'mesh' | 'all';
  /** All policies are known, and who is who in this cluster. */
  readonly synced: boolean;
  /** Objects. */
  readonly policies: number;
  /** Identities of this node's pods, each with rows of its own. */
  readonly subjects: number;
  readonly rows: number;
  /** Rows that the maps did not take; tried again every ten seconds. */
  readonly refusedRows: number;
  readonly refusedRules: number;
  /** The first few. */
  readonly refused: readonly RefusedRule[];
}

/** What of a policy cannot be served, and what holds instead. */
export interface RefusedRule {
  readonly kind: string;
  /** '' for a policy of the whole cluster. */
  readonly namespace: string;
  readonly name: string;
  /** Where in the object. */
  readonly at: string;
  readonly message: string;
}

export interface PolicyEntry {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** In which it says something. */
  readonly directions: readonly ('ingress' | 'egress')[];
  readonly rules: number;
  readonly problems: readonly string[];
}

/** Something that two clusters claim. */
export interface Conflict {
  readonly kind: 'cluster-name' | 'cluster-id' | 'pod-cidr' | 'address' | 'backend';
  /** Whose claim does not count. */
  readonly cluster: string;
  readonly holder: string;
  /** How many of them. */
  readonly count: number;
  /** One of them: an address, a range, an id or a name. */
  readonly subject: string;
  /** Where its claim was read; '' where it is in no entry of its own. */
  readonly key: string;
  readonly message: string;
}

export interface DatapathMode {
  readonly mode: 'ebpf' | 'memory';
  /** Why not ebpf. */
  readonly reason: string;
  /** Absent in memory. */
  readonly programs?: ProgramsStatus;
}

/** Which programs and layouts are in the kernel. */
export interface ProgramsStatus {
  readonly abiVersion: number;
  /** Of all objects, hexadecimal. */
  readonly objectSha256: string;
  /** Of programs at devices. */
  readonly attachMethod: AttachMethod;
  /** What of the maps is not as configured. */
  readonly notices: readonly string[];
}

export interface DatapathStatus extends Omit<DatapathMode, 'programs'> {
  /** Of the maps' layouts; 0 in memory. */
  readonly abiVersion: number;
  /** Of all programs, hexadecimal; '' in memory. */
  readonly objectSha256: string;
  /** Leftovers of an earlier process have been looked through. */
  readonly swept: boolean;
  readonly maps: readonly { readonly name: string; readonly entries: number; readonly maxEntries: number }[];
  readonly problems: readonly string[];
  /** What the maps did not take, for lack of room mostly; tried again every ten seconds. */
  readonly refusedServices: number;
  readonly refusedAddresses: number;
  /** Of programs at devices; '' in memory. */
  readonly attachMethod: AttachMethod | '';
  /** Interfaces of pods, known ones or not, with programs. */
  readonly attachedInterfaces: number;
}

export interface LocalStatus {
  readonly servicesSynced: boolean;
  readonly podsSynced: boolean;
  readonly services: number;
  readonly endpoints: number;
  readonly kinds: readonly KindStatus[];
}

export interface KindStatus {
  readonly name: string;
  readonly synced: boolean;
  readonly entries: number;
}

export interface FreshnessStatus {
  readonly connected: boolean;
  readonly since: string;
  /** '' when the mirror never reached the cluster; its age is then nobody's to tell. */
  readonly lastContact: string;
  readonly ageMs: number;
  readonly sourceRevision: string;
  readonly storeId: string;
  readonly writtenAt: string;
  readonly overQuota: number;
  /** Whose word or contact that is. */
  readonly ageOf: AgeOf;
}

/** How the nodes of a cluster answer through the tunnel. */
export interface NodeProbesStatus {
  readonly reachable: number;
  readonly unreachable: number;
  /** Never answered: not judged. */
  readonly unanswered: number;
  /** Names of the first few. */
  readonly unreachableNodes: readonly string[];
}

export interface ClusterStatus {
  readonly name: string;
  readonly clusterId: number;
  readonly state: string;
  readonly reason: string;
  /** What is done with its backends: fresh, stale, withdrawn; '' while there are none. */
  readonly datapath: string;
  /** Absent when the mirror writes none. */
  readonly freshness?: FreshnessStatus;
  readonly kinds: readonly KindStatus[];
  readonly rejected: number;
  readonly rejections: readonly { readonly key: string; readonly reason: string }[];
  /** Keys that are refused now; `rejected` counts all since the start. */
  readonly rejectedNow: number;
  readonly rejectionReasons: readonly { readonly reason: string; readonly count: number; readonly key: string }[];
  /** Entries that wait for room: over the limit of a cluster, or a map was full. */
  readonly noRoom: number;
  readonly conflicts: number;
  readonly lastError: string;
  readonly lastErrorAt: string;
  readonly withheld: number;
  readonly probes: NodeProbesStatus;
}

export interface ServiceEntry {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly portName: string;
  readonly global: boolean;
  readonly affinity: string;
  readonly sessionAffinitySeconds: number;
  readonly chosen: number;
  readonly total: number;
  readonly serviceId: number;
  readonly sources: readonly { readonly cluster: string; readonly key: string; readonly backends: number }[];
  readonly problem: string;
}

export interface BackendEntry {
  readonly namespace: string;
  readonly name: string;
  readonly frontend: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly state: string;
  readonly chosen: boolean;
  readonly backendId: number;
  readonly cluster: string;
  readonly key: string;
}

export interface IpcacheEntry {
  readonly address: string;
  readonly identity: number;
  readonly nodeAddress: string;
  readonly cluster: string;
  readonly key: string;
  readonly state: string;
  readonly reason: string;
}

export interface NodeEntry {
  readonly cluster: string;
  readonly name: string;
  readonly address: string;
  readonly podCidrs: readonly string[];
  readonly nodeIndex: number;
  readonly key: string;
  /** reachable, unreachable, unknown; '' when it is not probed. */
  readonly path: string;
  /** Of the last answer; 0 when there was none. */
  readonly rttMs: number;
}

export interface IdentityEntry {
  readonly id: number;
  readonly cluster: string;
  readonly labels: readonly string[];
  readonly key: string;
  readonly addresses: number;
}
