import { describe, expect, it } from '@jest/globals';

import type { Service, ServiceExport } from '@clustermesh/kube';
import { serviceExportCodec } from '@clustermesh/wire';

import { east } from '../testing/objects.ts';
import { vector } from '../testing/vectors.ts';
import type { LocalCluster } from './local-cluster.ts';
import { exportValidity, serviceExport } from './service-export.ts';

function anExport(namespace: string, name: string, rest: Partial<ServiceExport> = {}): ServiceExport {
  return { metadata: { namespace, name, creationTimestamp: '2026-01-01T00:00:00Z' }, ...rest };
}

function text(object: ServiceExport, spec: Service['spec'], cluster: string): string {
  const service: Service = { metadata: object.metadata, ...(spec && { spec }) };
  const local: LocalCluster = { ...east, name: cluster as LocalCluster['name'] };
  return Buffer.from(serviceExportCodec.encode(serviceExport(object, service, local))).toString();
}

describe('serviceExport', () => {
  it.each<{ name: string; cluster: string; object: ServiceExport; spec: Service['spec'] }>([
    {
      name: 'mcs-basic',
      cluster: 'cluster1',
      object: anExport('default', 'basic', {
        spec: { exportedAnnotations: { 'my-annotation': 'foo' }, exportedLabels: { 'my-label': 'test' } },
      }),
      spec: {
        ...{ type: 'ClusterIP', clusterIP: '10.96.0.9', ports: [{ name: 'my-port-1', port: 80, protocol: 'TCP' }] },
        ...{ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 42 } } },
      },
    },
    {
      name: 'mcs-headless',
      cluster: 'cluster1',
      object: anExport('default', 'headless'),
      spec: { clusterIP: 'None', ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    },
    {
      name: 'mcs-no-ports',
      cluster: 'c1',
      object: { metadata: { namespace: 'ns', name: 'n', creationTimestamp: '2026-01-01T01:00:00+02:00' } },
      spec: { clusterIP: '10.96.0.9', ipFamilies: ['IPv6'], sessionAffinity: 'None' },
    },
  ])('is, byte for byte, the vector $name', ({ name, object, spec, cluster }) => {
    expect(text(object, spec, cluster)).toBe(vector(`${name}.value`).toString());
  });

  it('tells of traffic policy, families and application protocols; an unnamed port is of TCP', () => {
    const spec: Service['spec'] = {
      ...{ internalTrafficPolicy: 'Local', trafficDistribution: 'PreferClose', ipFamilies: ['IPv6', 'IPv4'] },
      ports: [{ port: 80, targetPort: 8080, nodePort: 30_080, appProtocol: 'kubernetes.io/h2c' }],
    };
    expect(JSON.parse(text(anExport('default', 'web'), spec, 'east'))).toMatchObject({
      ports: [{ protocol: 'TCP', appProtocol: 'kubernetes.io/h2c', port: 80 }],
      ...{ ipFamilies: ['IPv6', 'IPv4'], internalTrafficPolicy: 'Local', trafficDistribution: 'PreferClose' },
    });
  });
});

describe('exportValidity', () => {
  it.each<{ name: string; service: Service | undefined; want: object }>([
    { name: 'no Service', service: undefined, want: { status: 'False', reason: 'NoService' } },
    {
      name: 'an ExternalName',
      service: { metadata: { name: 'web' }, spec: { type: 'ExternalName', externalName: 'example.com' } },
      want: { status: 'False', reason: 'InvalidServiceType' },
    },
    { name: 'a Service', service: { metadata: { name: 'web' } }, want: { status: 'True', reason: 'Valid' } },
    {
      name: 'a headless Service',
      service: { metadata: { name: 'web' }, spec: { clusterIP: 'None' } },
      want: { status: 'True', reason: 'Valid' },
    },
  ])('judges $name', ({ service, want }) => {
    expect(exportValidity(service)).toMatchObject({ type: 'Valid', ...want });
  });
});
