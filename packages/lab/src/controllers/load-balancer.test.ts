import type { Pod, Service } from '@clustermesh/kube';
import { expect, it } from '@jest/globals';

import { reconcileLoadBalancers } from './load-balancer.ts';

const service: Service = {
  metadata: { name: 'etcd', namespace: 'kube-system' },
  spec: { type: 'LoadBalancer', selector: { app: 'etcd' } },
};

function pod(hostIP: string, ready: boolean, hostNetwork = true): Pod {
  return {
    metadata: { name: hostIP, namespace: 'kube-system', labels: { app: 'etcd' } },
    spec: { containers: [], hostNetwork },
    status: { hostIP, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function withIngress(...ips: readonly string[]): Service {
  return { ...service, status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } } };
}

it.each([
  {
    name: 'takes the nodes of ready pods',
    of: service,
    pods: [pod('2', true), pod('1', true), pod('3', false)],
    want: ['1', '2'],
  },
  {
    name: 'passes over pods whose ports are not the node’s',
    of: service,
    pods: [pod('1', true, false)],
    want: undefined,
  },
  { name: 'keeps its address while no pod is ready', of: withIngress('1'), pods: [pod('1', false)], want: undefined },
  { name: 'says nothing twice', of: withIngress('1'), pods: [pod('1', true)], want: undefined },
])('$name', ({ of, pods, want }) => {
  const [action] = reconcileLoadBalancers([of], pods);
  const status = action?.kind === 'status' ? action.status : undefined;
  const expected = want === undefined ? undefined : { loadBalancer: { ingress: want.map((ip) => ({ ip })) } };
  expect(status).toEqual(expected);
});
