import type { BenchRow } from './bench.ts';

/** Every bench by name. A new one is a row here and a module of its own. */
export const benches: Readonly<Record<string, BenchRow>> = {
  policy: {
    summary:
      "one new identity among 10,000 with 1,000 policies: how long until it is in the kernel's map; what a packet costs",
    load: async () => (await import('./policy/policy.ts')).policy,
  },
  propagation: {
    summary: "one endpoint changes in a cluster's etcd or API: how long until another cluster's map has it",
    load: async () => (await import('./propagation/propagation.ts')).propagation,
  },
  restart: {
    summary: 'an agent with 10,000 services and 100,000 addresses is killed and started again under load',
    load: async () => (await import('./restart/restart.ts')).restart,
  },
};
