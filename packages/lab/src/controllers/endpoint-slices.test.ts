import type { EndpointSlice, Node, Pod, Service } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { reconcileEndpointSlices } from './endpoint-slices.ts';

const nodes: readonly Node[] = [{ metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'east-1' } } }];
const service: Service = {
  metadata: { name: 'web', namespace: 'shop', uid: 's1', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'serve' }] },
};

interface PodOptions {
  readonly ips?: readonly [string, ...string[]];
  readonly ready?: boolean;
  readonly terminating?: boolean;
  readonly port?: number;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
}

function pod(name: string, options: PodOptions = {}): Pod {
  const {
    ips = ['10.1.1.2'],
    ready = true,
    terminating = false,
    port = 8080,
    namespace = 'shop',
    labels = { app: 'web' },
  } = options;
  return {
    metadata: { name, namespace, uid: `u-${name}`, labels, ...(terminating ? { deletionTimestamp: 'now' } : {}) },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ name: 'serve', containerPort: port }] }] },
    status: {
      podIP: ips[0],
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

function slicesOf(pods: readonly Pod[], of: Service = service): readonly EndpointSlice[] {
  return reconcileEndpointSlices({ services: [of], pods, nodes, slices: [] }).map(
    ({ object }) => object as EndpointSlice,
  );
}

describe('reconcileEndpointSlices', () => {
  it('lists a ready pod with its port by name, zone and node', () => {
    expect(slicesOf([pod('a')])).toEqual([
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: 'web-0',
          namespace: 'shop',
          labels: {
            team: 'a',
            'kubernetes.io/service-name': 'web',
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: 's1', controller: true }],
        },
        addressType: 'IPv4',
        ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
        endpoints: [
          {
            addresses: ['10.1.1.2'],
            conditions: { ready: true, serving: true, terminating: false },
            targetRef: { kind: 'Pod', namespace: 'shop', name: 'a', uid: 'u-a' },
            nodeName: 'n1',
            zone: 'east-1',
          },
        ],
      },
    ]);
  });

  it.each([
    { name: 'not ready', options: { ready: false }, want: { ready: false, serving: false, terminating: false } },
    {
      name: 'terminating but serving',
      options: { terminating: true },
      want: { ready: false, serving: true, terminating: true },
    },
  ])('says of a pod that it is $name', ({ options, want }) => {
    expect(slicesOf([pod('a', options)])[0]?.endpoints?.[0]?.conditions).toEqual(want);
  });

  it.each([
    { name: 'of another namespace', other: pod('b', { namespace: 'bank' }) },
    { name: 'with other labels', other: pod('b', { labels: { app: 'db' } }) },
    { name: 'without an address', other: { ...pod('b'), status: {} } },
    { name: 'that has ended', other: { ...pod('b'), status: { podIP: '10.1.1.9', phase: 'Succeeded' as const } } },
  ])('leaves out a pod $name', ({ other }) => {
    expect(slicesOf([pod('a'), other]).flatMap(({ endpoints }) => endpoints)).toHaveLength(1);
  });

  it('puts pods that give a named port different numbers into different slices', () => {
    const slices = slicesOf([pod('a'), pod('b', { port: 9090 })]);
    expect(slices.map(({ ports }) => ports?.[0]?.port)).toEqual([8080, 9090]);
  });

  it('fills slices up to 100 endpoints', () => {
    const pods = Array.from({ length: 101 }, (_, index) => pod(`p${index}`));
    expect(slicesOf(pods).map(({ endpoints }) => endpoints?.length)).toEqual([100, 1]);
  });

  it('keeps an empty slice of a service without pods', () => {
    expect(slicesOf([]).map(({ endpoints }) => endpoints)).toEqual([[]]);
  });

  it('makes nothing for a service without a selector: its slices are somebody else’s', () => {
    expect(slicesOf([pod('a')], { ...service, spec: { ports: [] } })).toEqual([]);
  });

  it('touches neither what is right nor what others manage', () => {
    const right = slicesOf([pod('a')]).map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, resourceVersion: '1' },
    }));
    const foreign: EndpointSlice = { metadata: { name: 'mine', namespace: 'shop' }, addressType: 'IPv4' };
    const slices = [...right, foreign];
    expect(reconcileEndpointSlices({ services: [service], pods: [pod('a')], nodes, slices })).toEqual([]);
  });

  it('updates what changed at the version it saw, and deletes what is no longer wanted', () => {
    const slices = slicesOf([pod('a')]).map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, resourceVersion: '1' },
    }));
    const changed = reconcileEndpointSlices({ services: [service], pods: [], nodes, slices });
    expect(changed).toMatchObject([{ kind: 'update', object: { metadata: { resourceVersion: '1' }, endpoints: [] } }]);
    expect(reconcileEndpointSlices({ services: [], pods: [], nodes, slices })).toMatchObject([
      { kind: 'delete', object: { metadata: { name: 'web-0' } } },
    ]);
  });

  it('keeps the families of a dual-stack service in slices of their own', () => {
    const dual: Service = { ...service, spec: { ...service.spec, ipFamilies: ['IPv4', 'IPv6'] } };
    const both = pod('a', { ips: ['10.1.1.2', 'fd00:10:1:1::2'] });
    const hostNetwork = pod('b', { ips: ['172.30.1.11'] });
    expect(
      slicesOf([both, hostNetwork], dual).map(({ metadata, addressType, endpoints }) => ({
        name: metadata.name,
        addressType,
        addresses: endpoints?.flatMap(({ addresses }) => addresses),
      })),
    ).toEqual([
      { name: 'web-0', addressType: 'IPv4', addresses: ['10.1.1.2', '172.30.1.11'] },
      { name: 'web-v6-0', addressType: 'IPv6', addresses: ['fd00:10:1:1::2'] },
    ]);
  });

  it('has no slice of a family that a service does not have', () => {
    const six: Service = { ...service, spec: { ...service.spec, ipFamilies: ['IPv6'] } };
    const slices = slicesOf([pod('a', { ips: ['10.1.1.2', 'fd00:10:1:1::2'] })], six);
    expect(slices.map(({ addressType }) => addressType)).toEqual(['IPv6']);
  });
});
