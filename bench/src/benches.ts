import type { BenchRow } from './bench.ts';

/** Every bench by name. A new one is a row here and a module of its own. */
export const benches: Readonly<Record<string, BenchRow>> = {
  agent: {
    summary: 'an agent begins in a mesh of 200 clusters with 3,000,000 addresses; then one backend of 5,000 changes',
    load: async () => (await import('./agent/agent.ts')).agent,
  },
  churn: {
    summary:
      'ten clusters make 1,000 changes a second: how late the cache has them, what waits, and how many it may be',
    load: async () => (await import('./churn/churn.ts')).churn,
  },
  clusters: {
    summary:
      'a chained cache of 511 clusters is mirrored: what each of them costs, and whether one is as fast as one of ten',
    load: async () => (await import('./clusters/clusters.ts')).clusters,
  },
  mirror: {
    summary: 'ten clusters with 500,000 addresses are mirrored into an empty cache; then all connections are lost',
    load: async () => (await import('./mirror/mirror.ts')).mirror,
  },
  'mirror-redis': {
    summary: 'the same into a Redis',
    load: async () => (await import('./mirror-redis/mirror-redis.ts')).mirrorRedis,
  },
  policy: {
    summary:
      "one new identity among 10,000 with 1,000 policies: how long until it is in the kernel's map; what a packet costs",
    load: async () => (await import('./policy/policy.ts')).policy,
  },
  propagation: {
    summary: "one endpoint changes in a cluster's etcd or API: how long until another cluster's map has it",
    load: async () => (await import('./propagation/propagation.ts')).propagation,
  },
  publish: {
    summary:
      'a cluster of 50,000 pods from its Kubernetes API to its etcd: how long at the start, and how late changes are',
    load: async () => (await import('./publish/publish.ts')).publish,
  },
  restart: {
    summary: 'an agent with 10,000 services and 100,000 addresses is killed and started again under load',
    load: async () => (await import('./restart/restart.ts')).restart,
  },
};
