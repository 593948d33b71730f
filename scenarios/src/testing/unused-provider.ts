import type { KubeClient } from '@clustermesh/kube';

import type { Provider } from '../provider.ts';

const unused = (): Promise<never> => Promise.reject(new Error('not used in this test'));
const noWatch = (): AsyncIterable<never> => {
  throw new Error('not used in this test');
};
const noKube: KubeClient = {
  get: unused,
  list: unused,
  watch: noWatch,
  create: unused,
  update: unused,
  patch: unused,
  delete: unused,
};

/** For tests: a provider that can do everything, in words only; what a test needs it replaces. */
export const unusedProvider: Provider = {
  up: unused,
  down: unused,
  kubeconfig: () => '/kubeconfig',
  kube: () => noKube,
  samples: () => ({ linkFiles: unused, change: unused, podAddress: () => '' }),
  cannot: () => undefined,
  startProbe: unused,
  clustermesh: unused,
  troubleshoot: unused,
  cut: unused,
  restore: unused,
  kill: unused,
  memory: unused,
  collectLogs: unused,
  commands: {
    up: ({ clusters }) => [`up ${clusters.map(({ name }) => name).join(' ')}`],
    cut: ({ cluster }) => [`cut ${cluster}`],
    restore: (cluster) => [`restore ${cluster}`],
    kill: ({ cluster = '-', program }) => [`kill ${cluster} ${program}`],
    memory: (cluster) => [`memory ${cluster}`],
    probe: (cluster, { namespace, name }, { program }) => [`probe ${cluster} ${namespace}/${name} ${program}`],
    collectLogs: (_topology, directory) => [`collect ${directory}`],
    down: () => ['down'],
  },
};
