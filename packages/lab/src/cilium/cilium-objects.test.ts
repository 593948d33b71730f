import type { Namespace, Node, Pod } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { ciliumObjects } from './cilium-objects.ts';
import type { CiliumObjects } from './cilium-objects.ts';

const cluster = { name: 'north', id: 4 };
const node: Node = {
  metadata: { name: 'n1', labels: { zone: 'a' }, uid: 'u1' },
  spec: { podCIDRs: ['10.4.1.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address: '172.30.4.11' }] },
};
const shop: Namespace = { metadata: { name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } } };

function pod(name: string, labels: Record<string, string>, more: Partial<Pod['spec']> = {}, ip = '10.4.1.2'): Pod {
  const ports = [{ name: 'http', containerPort: 8080 }, { containerPort: 9090 }];
  return {
    metadata: { name, namespace: 'shop', uid: name, labels },
    spec: { containers: [{ name: 'c', image: 'i', ports }], serviceAccountName: 'seller', ...more },
    status: { podIP: ip, podIPs: [{ ip }], hostIP: '172.30.4.11' },
  };
}

function objects(pods: readonly Pod[], identities: CiliumObjects['identities'] = []): CiliumObjects {
  return ciliumObjects({ cluster, nodes: [node], namespaces: [shop], pods, identities });
}

it('has a CiliumNode as an agent of Cilium registers it', () => {
  expect(objects([]).nodes).toMatchObject([
    {
      metadata: { name: 'n1', labels: { zone: 'a' } },
      spec: {
        addresses: [
          { type: 'InternalIP', ip: '172.30.4.11' },
          { type: 'CiliumInternalIP', ip: '10.4.1.1' },
        ],
        health: { ipv4: '10.4.1.255' },
        ipam: { podCIDRs: ['10.4.1.0/24'] },
      },
    },
  ]);
});

describe('identities', () => {
  it('are of the labels of pod and namespace, cluster and account, without what differs from pod to pod', () => {
    const [identity] = objects([
      pod('web', { app: 'web', 'pod-template-hash': 'x', 'app.kubernetes.io/name': 'w' }),
    ]).identities;
    expect(identity?.metadata.name).toBe(String((4 << 16) + 256));
    expect(identity?.['security-labels']).toEqual({
      'k8s:app': 'web',
      'k8s:app.kubernetes.io/name': 'w',
      'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'shop',
      'k8s:io.cilium.k8s.policy.cluster': 'north',
      'k8s:io.cilium.k8s.policy.serviceaccount': 'seller',
      'k8s:io.kubernetes.pod.namespace': 'shop',
    });
  });

  it('are one for all pods of the same labels, the one that is there, and stay when nobody has them', () => {
    const before = objects([pod('a', { app: 'web' })]).identities;
    const { identities, endpoints } = objects(
      [pod('b', { app: 'db' }), pod('c', { app: 'web' }, {}, '10.4.1.3')],
      before,
    );
    expect(identities.map(({ metadata }) => metadata.name)).toEqual(['262400', '262401']);
    expect(endpoints.map(({ status }) => status?.identity?.id)).toEqual([262_401, 262_400]);
    expect(objects([], identities).identities).toEqual(identities);
  });
});

describe('endpoints', () => {
  it('tell of addresses, node, account and named ports', () => {
    expect(objects([pod('web', { app: 'web' })]).endpoints).toMatchObject([
      {
        metadata: { name: 'web', namespace: 'shop', ownerReferences: [{ kind: 'Pod', name: 'web', uid: 'web' }] },
        status: {
          networking: { addressing: [{ ipv4: '10.4.1.2' }], node: '172.30.4.11' },
          'service-account': 'seller',
          'named-ports': [{ name: 'http', port: 8080, protocol: 'TCP' }],
        },
      },
    ]);
  });

  it.each([
    { name: 'on the network of their node', one: pod('a', {}, { hostNetwork: true }) },
    { name: 'without an address', one: { ...pod('a', {}), status: {} } },
    {
      name: 'that end',
      one: { ...pod('a', {}), metadata: { name: 'a', namespace: 'shop', deletionTimestamp: 'now' } },
    },
  ])('are not there for pods $name', ({ one }) => {
    expect(objects([one])).toMatchObject({ endpoints: [], slices: [] });
  });

  it('are in one slice a namespace, too', () => {
    expect(objects([pod('web', { app: 'web' })]).slices).toEqual([
      {
        apiVersion: 'cilium.io/v2alpha1',
        kind: 'CiliumEndpointSlice',
        metadata: { name: 'ces-shop' },
        namespace: 'shop',
        endpoints: [
          {
            ...{ name: 'web', id: 262_400, encryption: {}, 'service-account': 'seller' },
            networking: { addressing: [{ ipv4: '10.4.1.2' }], node: '172.30.4.11' },
          },
        ],
      },
    ]);
  });
});
