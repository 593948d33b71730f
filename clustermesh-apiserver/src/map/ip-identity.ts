import type { IpIdentity, NumericIdentity } from '@clustermesh/wire';

import type { PodFacts } from './pod.ts';

/** As the 1.20 apiserver writes it (protocol.md §7.4): a host entry without ports. */
export function ipIdentity(ip: string, pod: PodFacts, id: NumericIdentity): IpIdentity {
  return {
    ip,
    mask: null,
    hostIp: pod.hostIp,
    id,
    key: 0,
    metadata: '',
    k8sNamespace: pod.namespace,
    k8sPodName: pod.name,
    k8sServiceAccount: pod.serviceAccount,
    namedPorts: [],
  };
}
