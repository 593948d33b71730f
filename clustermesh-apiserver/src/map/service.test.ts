import { describe, expect, it } from '@jest/globals';

import type { Endpoint, EndpointSlice, Service } from '@clustermesh/kube';
import { serviceCodec } from '@clustermesh/wire';

import { aService, aSlice, east } from '../testing/objects.ts';
import { vector } from '../testing/vectors.ts';
import type { LocalCluster } from './local-cluster.ts';
import { clusterService, serviceOfSlice } from './service.ts';

function json(service: Service, slices: readonly EndpointSlice[] = []): Record<string, unknown> {
  const bytes = serviceCodec.encode(clusterService(service, slices, east));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

function withSpec(spec: Service['spec']): Service {
  return { ...aService('web'), spec: { ...aService('web').spec, ...spec } };
}

function withEndpoint(endpoint: Partial<Endpoint>): EndpointSlice {
  return { ...aSlice('web-a', 'web', []), endpoints: [{ addresses: ['10.1.0.5'], ...endpoint }] };
}

const http = { http: { Protocol: 'TCP', Port: 8080 } };

describe('clusterService', () => {
  it('has the fields of protocol.md §2.7', () => {
    const service = { ...aService('web'), metadata: { ...aService('web').metadata, labels: { app: 'web' } } };
    const bytes = serviceCodec.encode(
      clusterService(service, [aSlice('web-a', 'web', ['10.1.0.23', '10.1.1.4'])], east),
    );
    expect(new TextDecoder().decode(bytes)).toBe(
      '{"cluster":"east","namespace":"default","name":"web",' +
        '"frontends":{"10.101.0.5":{"http":{"Protocol":"TCP","Port":80}}},' +
        '"backends":{"10.1.0.23":{"http":{"Protocol":"TCP","Port":8080}},"10.1.1.4":{"http":{"Protocol":"TCP","Port":8080}}},' +
        '"labels":{"app":"web"},"selector":{"app":"web"},"includeExternal":true,"shared":true,"clusterID":1}',
    );
  });

  it.each([
    { name: 'a headless service', service: withSpec({ clusterIP: 'None', clusterIPs: ['None'] }) },
    {
      name: 'a service labelled headless',
      service: { ...aService('web'), metadata: { name: 'web', labels: { 'service.kubernetes.io/headless': '' } } },
    },
    {
      name: 'an ExternalName service',
      service: { metadata: { name: 'web' }, spec: { type: 'ExternalName' as const, externalName: 'example.com' } },
    },
    { name: 'a service whose cluster IP is empty', service: withSpec({ clusterIP: '', clusterIPs: [''] }) },
  ])('has no frontends for $name, not one with an empty key', ({ service }) => {
    expect(json(service, [aSlice('web-a', 'web', ['10.1.0.5'])])).toMatchObject({
      frontends: {},
      backends: { '10.1.0.5': http },
    });
  });

  it('has the only cluster IP where the list of them is empty', () => {
    const ports = { http: { Protocol: 'TCP', Port: 80 } };
    expect(json(withSpec({ clusterIP: '10.101.0.9', clusterIPs: [] }))).toMatchObject({
      frontends: { '10.101.0.9': ports },
    });
  });

  it('has a frontend for each cluster IP', () => {
    const service = withSpec({ clusterIPs: ['10.101.0.5', 'fd00:101::5'], ports: [{ port: 53, protocol: 'UDP' }] });
    const ports = { '': { Protocol: 'UDP', Port: 53 } };
    expect(json(service)).toMatchObject({ frontends: { '10.101.0.5': ports, 'fd00:101::5': ports } });
  });

  it.each<{ name: string; conditions: Endpoint['conditions']; isListed: boolean }>([
    { name: 'ready', conditions: { ready: true }, isListed: true },
    { name: 'without conditions', conditions: undefined, isListed: true },
    { name: 'neither ready nor serving', conditions: { ready: false, serving: false }, isListed: false },
    { name: 'not ready, serving unsaid', conditions: { ready: false }, isListed: false },
    {
      name: 'terminating but serving',
      conditions: { ready: false, serving: true, terminating: true },
      isListed: true,
    },
  ])('decides about a backend that is $name', ({ conditions, isListed }) => {
    const { backends } = json(aService('web'), [withEndpoint(conditions === undefined ? {} : { conditions })]);
    expect(backends).toEqual(isListed ? { '10.1.0.5': http } : {});
  });

  it('keeps several port names of one number, and unnamed ports', () => {
    const slice: EndpointSlice = {
      ...aSlice('web-a', 'web', ['10.1.0.5']),
      ports: [
        { name: 'http', port: 8080 },
        { name: 'metrics', port: 8080, protocol: 'TCP' },
        { port: 53, protocol: 'UDP' },
      ],
    };
    expect(json(aService('web'), [slice])).toMatchObject({
      backends: {
        '10.1.0.5': {
          '': { Protocol: 'UDP', Port: 53 },
          http: { Protocol: 'TCP', Port: 8080 },
          metrics: { Protocol: 'TCP', Port: 8080 },
        },
      },
    });
  });

  it('unites the ports of one IP that two slices list, whatever their order', () => {
    const one = aSlice('web-a', 'web', ['10.1.0.5']);
    const two: EndpointSlice = { ...aSlice('web-b', 'web', ['10.1.0.5']), ports: [{ name: 'admin', port: 9090 }] };
    expect(json(aService('web'), [one, two])).toEqual(json(aService('web'), [two, one]));
    expect(json(aService('web'), [one, two])).toMatchObject({
      backends: { '10.1.0.5': { admin: { Port: 9090 }, http: { Port: 8080 } } },
    });
  });

  it('takes null for anything unsaid: ready, without host name and zone, TCP', () => {
    const object = {
      ...aSlice('web-a', 'web', []),
      ports: [{ name: null, protocol: null, port: 8080 }, { port: null }],
    };
    const said = { addresses: ['10.1.0.5'], hostname: null, zone: null, hints: null };
    const endpoints = [
      { ...said, conditions: null },
      { ...said, addresses: ['10.1.0.6'], conditions: { ready: null, serving: null } },
      { ...said, addresses: ['10.1.0.7'], conditions: { ready: false, serving: null } },
    ];
    const value = json(aService('web'), [{ ...object, endpoints } as unknown as EndpointSlice]);
    const port = { '': { Protocol: 'TCP', Port: 8080 } };
    expect(value).toMatchObject({ backends: { '10.1.0.5': port, '10.1.0.6': port } });
    expect(Object.keys(value['backends'] ?? {})).toHaveLength(2);
    expect(value).not.toHaveProperty('zones');
    expect(value).not.toHaveProperty('hostnames');
  });

  it('keeps zones and hints of each backend in each slice, as it says there', () => {
    const hinted = (ip: string, zone: string, zones: readonly string[]): Endpoint => ({
      ...{ addresses: [ip], zone, hints: { forZones: zones.map((name) => ({ name })) } },
    });
    const four: EndpointSlice = { ...aSlice('web-4', 'web', []), endpoints: [hinted('10.1.0.5', 'a', ['a', 'b'])] };
    const six: EndpointSlice = {
      ...aSlice('web-6', 'web', []),
      ...{ addressType: 'IPv6', endpoints: [hinted('FD00::5', 'b', [])] },
    };
    expect(json(aService('web'), [four, six])).toMatchObject({
      zones: {
        '10.1.0.5': { zone: 'a', forZones: [{ name: 'a' }, { name: 'b' }] },
        'fd00::5': { zone: 'b', forZones: [] },
      },
    });
  });

  it('tells host names and zones only of backends that have them; no hints are an empty list', () => {
    const plain = json(aService('web'), [withEndpoint({})]);
    expect(plain).not.toHaveProperty('hostnames');
    expect(plain).not.toHaveProperty('zones');
    const rich = withEndpoint({ hostname: 'web-0', zone: 'a', hints: { forZones: [{ name: 'b' }] } });
    expect(json(aService('web'), [rich])).toMatchObject({
      hostnames: { '10.1.0.5': 'web-0' },
      zones: { '10.1.0.5': { zone: 'a', forZones: [{ name: 'b' }] } },
    });
    expect(json(aService('web'), [withEndpoint({ zone: 'a' })])).toMatchObject({
      zones: { '10.1.0.5': { zone: 'a', forZones: [] } },
    });
  });
});

describe('the golden values of Cilium', () => {
  const cluster1: LocalCluster = { ...east, name: 'cluster1' as LocalCluster['name'] };
  const bytes = (service: Service, slices: readonly EndpointSlice[]): string =>
    Buffer.from(serviceCodec.encode(clusterService(service, slices, cluster1))).toString();
  const slice = (
    addressType: 'IPv4' | 'IPv6',
    ips: readonly string[],
    ports: EndpointSlice['ports'],
  ): EndpointSlice => ({
    ...{ metadata: { name: addressType }, addressType, ports: ports ?? [] },
    endpoints: ips.map((ip) => ({ addresses: [ip] })),
  });
  const dual = [
    { name: 'dns', protocol: 'UDP', port: 5353 },
    { name: 'http', protocol: 'TCP', port: 8080 },
    { name: 'sctp', protocol: 'SCTP', port: 9 },
  ] as const;

  it.each<{ name: string; service: Service; slices: readonly EndpointSlice[] }>([
    {
      name: 'service-dual-stack',
      service: {
        metadata: { namespace: 'kube-system', name: 'dual' },
        spec: {
          clusterIPs: ['10.96.0.10', 'fd00:96::a'],
          ports: [
            { name: 'http', protocol: 'TCP', port: 80 },
            { name: 'dns', protocol: 'UDP', port: 53 },
            { name: 'sctp', protocol: 'SCTP', port: 9 },
          ],
        },
      },
      slices: [slice('IPv4', ['10.244.1.10', '10.244.1.9'], dual), slice('IPv6', ['fd00:10:244:1::a'], dual)],
    },
    {
      name: 'service-headless-hostnames',
      service: {
        metadata: { namespace: 'default', name: 'headless' },
        spec: { clusterIP: 'None', clusterIPs: ['None'] },
      },
      slices: [
        {
          ...slice('IPv4', [], [{ name: 'pg', protocol: 'TCP', port: 5432 }]),
          endpoints: [
            { addresses: ['10.244.1.10'], hostname: 'db-0' },
            { addresses: ['10.244.2.10'], hostname: 'db-1' },
          ],
        },
      ],
    },
    {
      name: 'service-unnamed-port',
      service: {
        metadata: { namespace: 'default', name: 'unnamed' },
        spec: { clusterIP: '10.96.0.11', ports: [{ port: 80 }] },
      },
      slices: [slice('IPv4', ['10.244.1.10'], [{ port: 8080 }])],
    },
    { name: 'service-no-backends', service: { metadata: { namespace: 'default', name: 'empty' } }, slices: [] },
  ])('$name, from the objects that it stands for', ({ name, service, slices }) => {
    expect(bytes(service, slices)).toBe(vector(`${name}.value`).toString());
  });
});

describe('serviceOfSlice', () => {
  it.each([
    { name: 'names its service', slice: aSlice('a', 'web', []), want: 'default/web' },
    {
      name: 'without the label says nothing',
      slice: { ...aSlice('a', '', []), metadata: { name: 'a' } },
      want: undefined,
    },
    {
      name: 'of host names says nothing',
      slice: { ...aSlice('a', 'web', []), addressType: 'FQDN' as const },
      want: undefined,
    },
    {
      name: 'written for another cluster’s endpoints says nothing',
      slice: {
        ...aSlice('a', 'web', []),
        metadata: {
          name: 'a',
          labels: {
            'kubernetes.io/service-name': 'web',
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-mesh-controller.cilium.io',
          },
        },
      },
      want: undefined,
    },
  ])('a slice that $name', ({ slice, want }) => {
    expect(serviceOfSlice(slice)).toBe(want);
  });
});
