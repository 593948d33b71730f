import { describe, expect, it } from '@jest/globals';
import { endpointSliceCodec } from '@clustermesh/wire';
import type { ClusterEndpointSlice } from '@clustermesh/wire';

import { sliceParts } from './slice-parts.ts';

function slice(
  endpoints: number,
  conditions = { ready: true, serving: true, terminating: false },
): ClusterEndpointSlice {
  return {
    ...{ cluster: 'east', clusterId: 1, namespace: 'shop', name: 'web-x7k2p', addressType: 'IPv4' },
    labels: {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
    annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-11-22T09:41:07Z' },
    endpoints: Array.from({ length: endpoints }, (_, at) => {
      const pod = (at * 7_919) % 65_536;
      return {
        addresses: [`10.2.${pod >> 8}.${pod & 255}`],
        conditions,
        deprecatedTopology: {},
        nodeName: `ip-10-9-${pod % 13}-${pod % 251}.eu-west-1.compute.internal`,
        zone: `eu-west-1${'abc'[pod % 3] ?? ''}`,
      };
    }),
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  };
}

describe('sliceParts', () => {
  it.each([
    { endpoints: 0, names: ['web-x7k2p'] },
    { endpoints: 32, names: ['web-x7k2p'] },
    { endpoints: 33, names: ['web-x7k2p', 'web-x7k2p_1'] },
    { endpoints: 100, names: ['web-x7k2p', 'web-x7k2p_1', 'web-x7k2p_2', 'web-x7k2p_3'] },
  ])('are, of $endpoints endpoints, $names', ({ endpoints, names }) => {
    expect(sliceParts(slice(endpoints)).map(({ name }) => name)).toEqual(names);
  });

  it('have all endpoints between them, each once, and say of all else the same, but for when it changed', () => {
    const whole = { ...slice(100), annotations: { ...slice(100).annotations, 'service.cilium.io/weight': '7' } };
    const parts = sliceParts(whole);
    const endpoints = parts.flatMap((part) => part.endpoints);
    expect(new Set(endpoints)).toEqual(new Set(whole.endpoints));
    expect(endpoints).toHaveLength(100);
    const { annotations: _, ...rest } = whole;
    const same = { ...rest, annotations: { 'service.cilium.io/weight': '7' } };
    for (const part of parts) expect({ ...part, name: whole.name, endpoints: whole.endpoints }).toEqual(same);
  });

  it('leave a slice that is one part as it is', () => {
    expect(sliceParts(slice(32))).toEqual([slice(32)]);
  });

  it('are as they were but for one, when an endpoint changes or goes', () => {
    const whole = slice(100);
    const before = sliceParts(whole);
    const [first, ...others] = whole.endpoints;
    const unready = {
      addresses: first?.addresses ?? [],
      conditions: { ready: false },
      deprecatedTopology: {},
    };
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-11-22T10:00:00Z' };
    for (const endpoints of [[unready, ...others], others]) {
      const after = sliceParts({ ...whole, annotations, endpoints });
      expect(after.filter((part, at) => JSON.stringify(part) !== JSON.stringify(before[at]))).toHaveLength(1);
    }
  });

  it('give only to new parts when there are twice as many', () => {
    const whole = slice(65);
    const before = sliceParts({ ...whole, endpoints: whole.endpoints.slice(0, 64) });
    const after = sliceParts(whole);
    expect([before.length, after.length]).toEqual([2, 4]);
    for (const [at, part] of before.entries()) {
      const kept = [...(after[at]?.endpoints ?? []), ...(after[at + 2]?.endpoints ?? [])];
      for (const endpoint of part.endpoints) expect(kept).toContain(endpoint);
    }
  });

  it('are small enough for one change to be a packet', () => {
    for (const part of sliceParts(slice(100))) expect(endpointSliceCodec.encode(part).length).toBeLessThan(800);
  });
});
