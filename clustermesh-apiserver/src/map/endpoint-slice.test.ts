import { describe, expect, it } from '@jest/globals';
import { zstdDecompressSync } from 'node:zlib';

import type { Endpoint, EndpointSlice } from '@clustermesh/kube';
import { endpointSliceCodec } from '@clustermesh/wire';

import { east } from '../testing/objects.ts';
import { vector } from '../testing/vectors.ts';
import { clusterEndpointSlice } from './endpoint-slice.ts';
import type { LocalCluster } from './local-cluster.ts';

const c1: LocalCluster = { ...east, name: 'c1' as LocalCluster['name'] };

function message(slice: EndpointSlice): Buffer {
  return zstdDecompressSync(endpointSliceCodec.encode(clusterEndpointSlice(slice, c1)));
}

function slice(name: string, service: string, rest: Pick<EndpointSlice, 'endpoints' | 'ports'>): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': service };
  return { metadata: { namespace: 'default', name, labels }, addressType: 'IPv4', ...rest };
}

/** As a client may have written it: the API takes null for anything optional. */
function withNulls(object: object): EndpointSlice {
  return object as EndpointSlice;
}

const address = ['10.1.0.5'];

describe('clusterEndpointSlice', () => {
  it.each([
    {
      name: 'eps-spec-sample',
      object: slice('web-abc', 'web', {
        endpoints: [{ addresses: address, conditions: { ready: true } }],
        ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      }),
    },
    {
      name: 'eps-unnamed-port',
      object: slice('web-abc', 'web', {
        endpoints: [{ addresses: address }],
        ports: [{ name: '', protocol: 'TCP', port: 8080 }],
      }),
    },
    { name: 'eps-cond-nil', object: slice('s', 's', { endpoints: [{ addresses: address }], ports: [{ port: 1 }] }) },
    {
      name: 'eps-cond-notready',
      object: slice('s', 's', {
        endpoints: [{ addresses: address, conditions: { ready: false } }],
        ports: [{ port: 1 }],
      }),
    },
    {
      name: 'eps-cond-terminating-only',
      object: slice('s', 's', {
        endpoints: [{ addresses: address, conditions: { terminating: true } }],
        ports: [{ port: 1 }],
      }),
    },
    {
      name: 'eps-cond-nil',
      object: withNulls({
        ...slice('s', 's', { endpoints: [], ports: [] }),
        endpoints: [{ addresses: address, conditions: null, hostname: null, nodeName: null, zone: null, hints: null }],
        ports: [{ name: null, protocol: null, port: 1 }],
      }),
    },
  ])('is, byte for byte, the vector $name', ({ name, object }) => {
    expect(message(object)).toEqual(vector(`${name}.pb`));
  });

  it('keeps all labels and annotations, endpoints of any readiness, node, zone and hints', () => {
    const endpoints: Endpoint[] = [
      {
        ...{ addresses: address, hostname: 'web-0', nodeName: 'n1', zone: 'a' },
        conditions: { ready: true, serving: true, terminating: false },
        hints: { forZones: [{ name: 'a' }, { name: 'b' }] },
        deprecatedTopology: { rack: '1' },
      },
      { addresses: ['10.1.0.6'], conditions: { ready: false, serving: false, terminating: true } },
    ];
    const base = slice('web-a', 'web', { endpoints });
    const labels = { ...base.metadata.labels, app: 'web' };
    const annotations = { 'service.cilium.io/weight': '7' };
    const object = { ...base, metadata: { ...base.metadata, labels, annotations } };
    expect(clusterEndpointSlice(object, c1)).toMatchObject({
      ...{ cluster: 'c1', clusterId: 1, namespace: 'default', name: 'web-a', addressType: 'IPv4' },
      ...{ labels, annotations, endpoints, ports: [] },
    });
  });

  it('keeps hints of another kind as none that are known', () => {
    const hints = withNulls({ forNodes: [{ name: 'n1' }] }) as unknown as NonNullable<Endpoint['hints']>;
    const object = slice('web-a', 'web', { endpoints: [{ addresses: address, hints }] });
    expect(clusterEndpointSlice(object, c1).endpoints[0]?.hints).toEqual({ forZones: [] });
  });
});
