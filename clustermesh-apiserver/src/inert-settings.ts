import { inertFlag, inertSetting } from '@clustermesh/runtime';

/**
 * Settings of Cilium's clustermesh-apiserver, 1.16 to 1.20, that charts and people go on giving: taken, and told at the
 * start, because without effect.
 */
export const inertCiliumSettings = {
  crdWaitTimeout: inertSetting('definitions are waited for without end'),
  enableExternalWorkloads: inertFlag('external workloads are not served'),
  clustermeshMcsApiInstallCrds: inertFlag('definitions are installed by whoever installs the mesh'),
  enableK8s: inertFlag('Kubernetes is always read'),
  enableK8sApiDiscovery: inertFlag('what is served is always asked for'),
  enableK8sEndpointSlice: inertFlag('endpoint slices are always read'),
  k8sHeartbeatTimeout: inertSetting('silence of a connection is always noticed'),
  k8sClientConnectionTimeout: inertSetting('a request has 60 s'),
  k8sClientConnectionKeepAlive: inertSetting('connections are kept alive'),
  kvstoreMaxConsecutiveQuorumErrors: inertSetting('a lost connection is made again at once'),
  kvstoreConnectivityTimeout: inertSetting('the etcd is waited for without end'),
  kvstorePeriodicSync: inertSetting('what a lost lease took along is written again at once'),
  identityAllocationMode: inertSetting('identities are objects of Kubernetes'),
  allocatorListTimeout: inertSetting('lists are waited for without end'),
  enableWellKnownIdentities: inertFlag('identities are as their objects say'),
};
