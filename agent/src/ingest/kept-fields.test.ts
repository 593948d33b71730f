import { expect, it } from '@jest/globals';
import type { EndpointSlice, Service } from '@clustermesh/kube';

import { keptService, keptSlice } from './kept-fields.ts';

const metadata = { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '7' };
const unread = { creationTimestamp: 'then', generation: 3, managedFields: [{ manager: 'kubectl' }] };

it('keeps of a service what makes its frontends, and what policies know it by', () => {
  const kept = {
    'service.cilium.io/global': 'true',
    'io.cilium/global-service': 'true',
    'service.kubernetes.io/topology-mode': 'Auto',
  };
  const service: Service = {
    metadata: {
      ...metadata,
      ...unread,
      labels: { app: 'web' },
      annotations: { ...kept, other: 'long' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.9',
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080, nodePort: 30_080 }],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    },
    status: { loadBalancer: {} },
  };
  expect(keptService(service)).toEqual({
    metadata: {
      ...metadata,
      annotations: kept,
      labels: { app: 'web' },
    },
    spec: {
      selector: { app: 'web' },
      clusterIPs: ['10.96.0.9'],
      ports: [{ name: '', protocol: 'TCP', port: 80 }],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    },
  });
  expect(keptService({ metadata })).toEqual({ metadata: { ...metadata, annotations: {}, labels: {} } });
});

const slice: EndpointSlice = {
  metadata: {
    ...metadata,
    ...unread,
    labels: {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      app: 'web',
    },
  },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }, { name: 'all' }],
  endpoints: [
    {
      addresses: ['10.1.0.1'],
      zone: 'a',
      nodeName: 'node-1',
      hints: { forZones: [{ name: 'b' }] },
      targetRef: { kind: 'Pod', name: 'web-1' },
    },
    { addresses: ['10.1.0.2'], conditions: { ready: true, serving: true, terminating: false } },
    { addresses: ['10.1.0.3'], conditions: { ready: false, serving: true, terminating: true } },
    { addresses: ['10.1.0.4'], conditions: { ready: false } },
    { addresses: ['10.1.0.5'], conditions: { ready: false, serving: false } },
  ],
};

it('keeps of a slice what makes backends', () => {
  const kept = keptSlice(slice);
  expect(kept.metadata).toEqual({
    ...metadata,
    labels: {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
  });
  expect(kept.ports).toEqual([
    { name: 'http', protocol: 'TCP', port: 8080 },
    { name: 'all', protocol: 'TCP' },
  ]);
  expect(kept.endpoints).toEqual([
    {
      addresses: ['10.1.0.1'],
      conditions: {},
      zone: 'a',
      nodeName: 'node-1',
      hints: { forZones: [{ name: 'b' }] },
    },
    { addresses: ['10.1.0.2'], conditions: {} },
    { addresses: ['10.1.0.3'], conditions: { ready: false, serving: true } },
    { addresses: ['10.1.0.4'], conditions: { ready: false, serving: false } },
    { addresses: ['10.1.0.5'], conditions: { ready: false, serving: false } },
  ]);
});

it('takes a slice without endpoints and ports', () => {
  expect(keptSlice({ metadata, addressType: 'IPv4', endpoints: null, ports: null })).toEqual({
    metadata: { ...metadata, labels: {} },
    addressType: 'IPv4',
    endpoints: [],
    ports: [],
  });
});
