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
      }),
    )
    .min(1),
});

export type Topology = z.output<typeof topology>;
export type ClusterTopology = Topology['clusters'][number];
