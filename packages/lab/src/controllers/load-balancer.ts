import type { Pod, Service } from '@clustermesh/kube';
import { isDeepStrictEqual } from 'node:util';

import type { Action } from './action.ts';
import { matches } from './daemon-set.ts';
import { isReady, isTerminating } from './owned-pods.ts';

/**
 * The lab has no load balancer. A LoadBalancer service of pods in the host's network gets the addresses of nodes
 * with a ready one: there its ports are open. While none is ready it keeps what it had, as a real one does.
 */
export function reconcileLoadBalancers(services: readonly Service[], pods: readonly Pod[]): readonly Action[] {
  return services
    .filter(({ spec }) => spec?.type === 'LoadBalancer')
    .flatMap((service) => {
      const status = { loadBalancer: { ingress: nodeAddresses(service, pods).map((ip) => ({ ip })) } };
      const before = service.status?.loadBalancer?.ingress ?? [];
      const { ingress } = status.loadBalancer;
      return ingress.length === 0 || isDeepStrictEqual(before, ingress)
        ? []
        : [{ kind: 'status', type: 'services', object: service, status } satisfies Action];
    });
}

function nodeAddresses({ metadata, spec }: Service, pods: readonly Pod[]): readonly string[] {
  const serving = pods.filter(
    (pod) =>
      pod.spec.hostNetwork === true &&
      pod.metadata.namespace === metadata.namespace &&
      matches(spec?.selector, pod.metadata.labels) &&
      isReady(pod) &&
      !isTerminating(pod),
  );
  return [...new Set(serving.flatMap(({ status }) => status?.hostIP ?? []))].sort();
}
