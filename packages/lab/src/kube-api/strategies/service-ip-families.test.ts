import type { ServiceSpec } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { ServiceIpAllocator } from './service-ip-allocator.ts';
import { serviceStrategy } from './service-strategy.ts';

const single = '10.101.0.0/16';
const dual = `${single},fd00:20:1::/112`;
const ports = [{ port: 80 }];

/** What the API makes of a Service and, perhaps, of its update; or the field that it refuses. */
function serve(cidrs: string, created: ServiceSpec, updated?: ServiceSpec): ServiceSpec | string | undefined {
  const strategy = serviceStrategy(new ServiceIpAllocator(cidrs));
  const first = strategy.onCreate?.({ metadata: { name: 'web' }, spec: { type: 'ClusterIP', ports, ...created } });
  if (first === undefined) throw new Error('the strategy creates');
  const second =
    updated === undefined
      ? first
      : strategy.onUpdate?.({ ...first, spec: { type: 'ClusterIP', ports, ...updated } }, first);
  if (second === undefined) throw new Error('the strategy updates');
  const [refusal] = strategy.validate?.(second, updated === undefined ? undefined : first) ?? [];
  return refusal?.field ?? second.spec;
}

const both = { ipFamilies: ['IPv4', 'IPv6'], clusterIP: '10.101.0.1', clusterIPs: ['10.101.0.1', 'fd00:20:1::1'] };
const four = { ipFamilies: ['IPv4'], clusterIP: '10.101.0.1', clusterIPs: ['10.101.0.1'] };
const six = { ipFamilies: ['IPv6'], clusterIP: 'fd00:20:1::1', clusterIPs: ['fd00:20:1::1'] };

describe('families of a service', () => {
  it.each<{ name: string; cidrs: string; spec: ServiceSpec; want: object }>([
    {
      name: 'are the first of the cluster by default',
      cidrs: dual,
      spec: {},
      want: { ...four, ipFamilyPolicy: 'SingleStack' },
    },
    { name: 'are those that it names', cidrs: dual, spec: { ipFamilies: ['IPv6'] }, want: six },
    { name: 'are both when it prefers both', cidrs: dual, spec: { ipFamilyPolicy: 'PreferDualStack' }, want: both },
    {
      name: 'are one when the cluster has no other',
      cidrs: single,
      spec: { ipFamilyPolicy: 'PreferDualStack' },
      want: four,
    },
    {
      name: 'keep the order that it names',
      cidrs: dual,
      spec: { ipFamilies: ['IPv6'], ipFamilyPolicy: 'RequireDualStack' },
      want: { ipFamilies: ['IPv6', 'IPv4'], clusterIP: 'fd00:20:1::1', clusterIPs: ['fd00:20:1::1', '10.101.0.1'] },
    },
    {
      name: 'are both when it names both and no policy',
      cidrs: dual,
      spec: { ipFamilies: ['IPv4', 'IPv6'] },
      want: { ...both, ipFamilyPolicy: 'RequireDualStack' },
    },
    {
      name: 'are those of its addresses',
      cidrs: dual,
      spec: { clusterIP: 'fd00:20:1::7' },
      want: { ipFamilies: ['IPv6'] },
    },
    {
      name: 'have no addresses when it is headless',
      cidrs: dual,
      spec: { clusterIP: 'None' },
      want: { clusterIPs: ['None'] },
    },
  ])('$name', ({ cidrs, spec, want }) => {
    expect(serve(cidrs, spec)).toMatchObject(want);
  });

  it('are none of an ExternalName service', () => {
    const spec = serve(dual, { type: 'ExternalName', externalName: 'x.io', ipFamilyPolicy: 'SingleStack' });
    expect(spec).toEqual({ type: 'ExternalName', externalName: 'x.io', ports });
  });

  it.each<{ name: string; cidrs: string; spec: ServiceSpec; want: string }>([
    {
      name: 'a family that the cluster lacks',
      cidrs: single,
      spec: { ipFamilies: ['IPv6'] },
      want: 'spec.ipFamilies[0]',
    },
    {
      name: 'two families where there is one',
      cidrs: single,
      spec: { ipFamilyPolicy: 'RequireDualStack' },
      want: 'spec.ipFamilyPolicy',
    },
    {
      name: 'two families of a single stack',
      cidrs: dual,
      spec: { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'SingleStack' },
      want: 'spec.ipFamilyPolicy',
    },
    { name: 'an address of neither range', cidrs: dual, spec: { clusterIP: 'fd00:99::1' }, want: 'spec.clusterIPs' },
  ])('refuse $name', ({ cidrs, spec, want }) => {
    expect(serve(cidrs, spec)).toBe(want);
  });

  it.each<{ name: string; before: ServiceSpec; after: ServiceSpec; want: object }>([
    {
      name: 'stay when an update does not name them',
      before: { ipFamilyPolicy: 'PreferDualStack' },
      after: {},
      want: both,
    },
    {
      name: 'become two',
      before: {},
      after: {
        ipFamilyPolicy: 'PreferDualStack',
        ipFamilies: ['IPv4'],
        clusterIPs: ['10.101.0.1'],
        clusterIP: '10.101.0.1',
      },
      want: both,
    },
    {
      name: 'become one',
      before: { ipFamilyPolicy: 'PreferDualStack' },
      after: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4', 'IPv6'] },
      want: four,
    },
  ])('$name', ({ before, after, want }) => {
    expect(serve(dual, before, after)).toMatchObject(want);
  });
});
