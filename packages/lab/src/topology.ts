import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

/** What a lab consists of. Contexts of the kubeconfig are named after the clusters. */
export interface Topology {
  /** Prefix of everything the lab makes on this machine; two labs may run side by side under two names. */
  readonly mesh: string;
  readonly clusters: readonly ClusterTopology[];
  /** Nodes come up with a taint that keeps pods away until the agent takes it off. Default: they do not. */
  readonly startupTaint?: boolean;
  /** Keys of the ConfigMap `clustermesh-config` of all clusters, instead of the lab's own values. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Members of the mesh that are nothing but keys of one etcd, which all of them share. Default: none. */
  readonly samples?: readonly SampleTopology[];
}

/** A cluster that another implementation published: docs/adr/0191. */
export interface SampleTopology {
  /** As its own config names it. */
  readonly cluster: string;
  /** Below packages/wire/testdata/samples. */
  readonly folder: string;
}

export interface ClusterTopology {
  readonly name: string;
  /** The cluster id of the mesh, and the second octet of the cluster's pod addresses. */
  readonly id: number;
  readonly nodes: number;
  /** Of pods and services; nodes have IPv4 addresses in any case. Default: IPv4 only. */
  readonly ipFamilies?: readonly IpFamily[];
  /** `cilium`: its state is published from Cilium's objects, which the lab writes as Cilium would. Default: `kubernetes`. */
  readonly source?: ClusterSource;
  /** Where kvstoremesh writes and agents read the copies of other clusters. Default: the cluster's own etcd. */
  readonly cache?: ClusterCache;
}

export type ClusterCache = 'etcd' | 'redis';

export type ClusterSource = 'kubernetes' | 'cilium';

export type IpFamily = 'IPv4' | 'IPv6';

/** Addresses are 10.<id> for pods and 10.<100 + id> for services: above 99 the two would meet. */
const largestClusterId = 99;
const largestNodeCount = 9;
const singleStack = 'IPv4';
const dualStack = 'IPv4,IPv6';

const cluster = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$/, 'must be at most 16 of a-z, 0-9 and inner dashes'),
  id: z.number().int().min(1).max(largestClusterId),
  nodes: z.number().int().min(1).max(largestNodeCount).default(2),
  ipFamilies: z
    .array(z.enum(['IPv4', 'IPv6']))
    .refine((families) => [singleStack, dualStack].includes(families.join()), `must be ${singleStack} or ${dualStack}`)
    .default(['IPv4']),
  source: z.enum(['kubernetes', 'cilium']).default('kubernetes'),
  cache: z.enum(['etcd', 'redis']).default('etcd'),
});

const sample = z.strictObject({
  cluster: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/),
  folder: z.string().regex(/^[a-z0-9-]+$/, 'must be the name of a folder of samples'),
});

const topology = z
  .strictObject({
    mesh: z
      .string()
      .regex(/^[a-z0-9]{1,12}$/, 'must be at most 12 of a-z and 0-9')
      .default('lab'),
    clusters: z.array(cluster).min(1).max(16),
    startupTaint: z.boolean().default(false),
    settings: z.record(z.string(), z.string()).default({}),
    samples: z.array(sample).default([]),
  })
  .refine(
    ({ clusters, samples }) =>
      isUnique([...clusters.map(({ name }) => name), ...samples.map(({ cluster: name }) => name)]),
    'two clusters have the same name',
  )
  .refine(({ clusters }) => isUnique(clusters.map(({ id }) => id)), 'two clusters have the same id');

/** @throws MeshError CONFIG_INVALID naming everything that is wrong. */
export function parseTopology(input: unknown): Topology {
  const parsed = topology.safeParse(input);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new MeshError('CONFIG_INVALID', `topology of the lab: ${issues.join('; ')}`);
}

export function hasRedis({ cache }: { readonly cache?: ClusterCache | undefined }): boolean {
  return cache === 'redis';
}

export function isDualStack({ ipFamilies }: Pick<ClusterTopology, 'ipFamilies'>): boolean {
  return ipFamilies?.includes('IPv6') === true;
}

function isUnique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

/** What a caller may leave out has a default. */
export type TopologyInput = z.input<typeof topology>;

/** The command line that brings up, or takes over, a lab of this topology; clusters differ in no more than their names. */
export function upCommand({ mesh, clusters, startupTaint }: Topology): string {
  const names = clusters.map(({ name }) => name).join(',');
  const flags = [
    ...(clusters.some(isDualStack) ? [' --dual-stack'] : []),
    ...(clusters.some(hasRedis) ? [' --cache redis'] : []),
    ...(startupTaint === true ? [' --startup-taint'] : []),
  ].join('');
  return `clustermesh lab up --mesh ${mesh} --clusters ${names} --nodes ${clusters[0]?.nodes ?? 1}${flags}`;
}
