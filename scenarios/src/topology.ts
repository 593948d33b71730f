import { z } from 'zod';

const ipFamily = z.enum(['IPv4', 'IPv6']);

/** The clusters of a scenario; every provider makes them with the same names, ids and numbers of nodes. */
export const topology = z.strictObject({
  clusters: z
    .array(
      z.strictObject({
        name: z.string(),
        id: z.number().int().positive(),
        nodes: z.number().int().positive().default(1),
        /** Of pods and Services; dual stack is both. */
        ipFamilies: z
          .array(ipFamily)
          .refine((families) => families[0] === 'IPv4', 'begins with IPv4')
          .default(['IPv4']),
        /** `cilium`: its state is published from Cilium's objects. */
        source: z.enum(['kubernetes', 'cilium']).optional(),
        /** Where copies of the others are kept: in the cluster's etcd, or in a Redis of its own. */
        cache: z.enum(['etcd', 'redis']).optional(),
      }),
    )
    .min(1),
  /** Keys of the ConfigMap `clustermesh-config` of all clusters. */
  settings: z.record(z.string(), z.string()).optional(),
  /** Members that are nothing but samples of another implementation in an etcd; `folder` is one of packages/wire/testdata/samples. */
  samples: z.array(z.strictObject({ cluster: z.string(), folder: z.string() })).optional(),
});

export type Topology = z.output<typeof topology>;
export type ClusterTopology = Topology['clusters'][number];

/** Clusters that have a Kubernetes API, and those that have not. */
export function clusterNamesOf({ clusters, samples = [] }: Topology): readonly string[] {
  return [...clusters.map(({ name }) => name), ...samples.map(({ cluster }) => cluster)];
}
