import { z } from 'zod';

import { defineConfig, durationSetting } from '@clustermesh/runtime';

/** Cilium's flags, and what tests and several etcds on one host need. */
const schema = z.object({
  clusterName: z.string().default('default').describe('name of this cluster; users are named after it'),
  etcdDataDir: z.string().default('/var/run/etcd').describe('data directory of etcd; what is in it is deleted first'),
  etcdInitialClusterToken: z
    .string()
    .default('clustermesh-apiserver')
    .describe('makes the etcd cluster id; must differ between pods, or readers take one for the other'),
  etcdClusterName: z.string().default('clustermesh-apiserver').describe('name of the etcd member'),
  etcdBinary: z.string().default('etcd').describe('etcd program, looked up in PATH'),
  etcdClientUrl: z.url().default('http://127.0.0.1:2379').describe('where etcd listens while it is set up'),
  etcdPeerUrl: z.url().default('http://127.0.0.1:2380').describe('where etcd would listen for other members'),
  timeout: durationSetting('2m', 'how long setting up may take'),
  debug: z.boolean().default(false).describe('log from debug on').meta({ short: 'D' }),
});

export const etcdinitConfig = defineConfig(schema);
export type EtcdinitConfig = z.output<typeof schema>;
