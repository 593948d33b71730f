import { describe, expect, it } from '@jest/globals';
import type { ClusterId, ClusterName } from './cluster.ts';
import type { ClusterEndpointSlice } from './endpoint-slice.ts';
import { parseLabel } from './identity.ts';
import { kindByName } from './kinds.ts';
import type { IpIdentity } from './ip-identity.ts';
import { ipMask } from './cidr.ts';
import type { NumericIdentity } from './numeric-identity.ts';
import type { ServiceExport } from './service-export.ts';
import { validateEndpointSlice, validateIdentity, validateIpIdentity, validateServiceExport } from './validate.ts';

/** Nodes, services and IPs against real readers: validate-255.test.ts. */
const context = { cluster: 'c1' as ClusterName, clusterId: 1 as ClusterId, maxConnectedClusters: 255 } as const;
const accepted = undefined;

describe('identities (I6)', () => {
  const ours = 'k8s:io.cilium.k8s.policy.cluster=c1';
  const validate = (keyName: string, ...labels: string[]): string | undefined =>
    validateIdentity(context, keyName, labels.map(parseLabel));

  it.each([
    ['the first of the range', '65536', [ours]],
    ['the last of the range', '131071', [ours, 'k8s:app=web']],
  ])('%s is taken', (_name, keyName, labels) => {
    expect(validate(keyName, ...labels)).toBe(accepted);
  });

  it.each([
    ['a number below the range', '65535', [ours], /not one of cluster c1/],
    ['a number above the range', '131072', [ours], /not one of cluster c1/],
    ['a reserved number', '1', [ours], /not one of cluster c1/],
    ['a node-local number', '16777217', [ours], /not one of cluster c1/],
    ['a second spelling of a number', '065666', [ours], /plain/],
    ['no cluster label', '65536', ['k8s:app=web'], /not labelled/],
    ['the label of another cluster', '65536', ['k8s:io.cilium.k8s.policy.cluster=c2'], /not labelled/],
    ['the label from another source', '65536', ['x:io.cilium.k8s.policy.cluster=c1'], /not labelled/],
    ['a second label that would win', '65536', [ours, 'k8s:io.cilium.k8s.policy.cluster=c2'], /not labelled/],
    ['a reserved label', '65536', [ours, 'reserved:host'], /claims a reserved label: "host"/],
    ['more labels than anybody has', '65536', [ours, ...Array<string>(512).fill('k8s:a=b')], /more than 512 labels/],
    ['one of another source that would win', '65536', [ours, 'x:io.cilium.k8s.policy.cluster=c2'], /not labelled/],
  ])('%s is refused', (_name, keyName, labels, reason) => {
    expect(validate(keyName, ...labels)).toMatch(reason);
  });
});

describe('IPs (I6)', () => {
  const pair: IpIdentity = {
    ip: '10.0.0.1',
    mask: null,
    hostIp: '',
    id: 65_666 as NumericIdentity,
    key: 0,
    metadata: '',
    k8sNamespace: '',
    k8sPodName: '',
    k8sServiceAccount: '',
    namedPorts: [],
  };
  const withId = (id: number): string | undefined =>
    validateIpIdentity(context, '10.0.0.1', { ...pair, id: id as NumericIdentity });

  it.each([2, 9, 10])(
    'identity %i is the world, which nobody publishes: it would lie in no network of a policy',
    (id) => {
      expect(withId(id)).toBe(`identity ${id} is the world`);
    },
  );

  it.each([0, 1, 6, 128, 255, 65_536, 131_071])('identity %i may be behind an IP of cluster 1', (id) => {
    expect(withId(id)).toBe(accepted);
  });

  it.each([256, 65_535, 131_072, 16_777_217, 33_554_432])('identity %i may not', (id) => {
    expect(withId(id)).toMatch(/not one of cluster c1/);
  });

  it('an IPv4 mask on an IPv6 address is refused', () => {
    expect(validateIpIdentity(context, 'fd00::/24', { ...pair, ip: 'fd00::', mask: ipMask(24, 4) })).toMatch(
      /no address/,
    );
  });
});

describe('endpoint slices (I6)', () => {
  const slice: ClusterEndpointSlice = {
    cluster: 'c1',
    clusterId: 1,
    namespace: 'ns',
    name: 'web-abc',
    labels: { 'kubernetes.io/service-name': 'web' },
    annotations: {},
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: {}, deprecatedTopology: {} }],
    ports: [],
  };
  const at = (addressType: string, ...addresses: string[]): Partial<ClusterEndpointSlice> => ({
    addressType,
    endpoints: [{ addresses, conditions: {}, deprecatedTopology: {} }],
  });
  const validate = (overrides: Partial<ClusterEndpointSlice>): string | undefined =>
    validateEndpointSlice(context, 'ns/web-abc', { ...slice, ...overrides });

  it.each<[string, Partial<ClusterEndpointSlice>]>([
    ['IPv4', {}],
    ['IPv6', at('IPv6', 'fd00::1', 'FD00:0::2', '::ffff:10.0.0.1')],
    ['no endpoints', at('IPv4')],
  ])('%s is taken', (_name, overrides) => {
    expect(validate(overrides)).toBe(accepted);
  });

  it.each<[string, Partial<ClusterEndpointSlice>, RegExp]>([
    ['another cluster', { cluster: 'c2' }, /cluster is "c2"/],
    ['another cluster id', { clusterId: 2 }, /cluster id is "2"/],
    ['another key', { name: 'x' }, /namespace and name/],
    ['no namespace', { namespace: '' }, /no name/],
    ['domain names', at('FQDN', 'example.org'), /address type/],
    ['an address type in another case', at('ipv4'), /address type/],
    ['an IPv6 address in an IPv4 slice', at('IPv4', 'fd00::1'), /not an IPv4 address/],
    ['a mapped address in an IPv4 slice', at('IPv4', '::ffff:10.0.0.1'), /not an IPv4 address/],
    ['an IPv4 address in an IPv6 slice', at('IPv6', '10.0.0.1'), /not an IPv6 address/],
    ['a zone', at('IPv6', 'fe80::1%eth0'), /not an IPv6 address/],
    ['no address', at('IPv4', ''), /not an IPv4 address/],
  ])('%s is refused', (_name, overrides, reason) => {
    expect(validate(overrides)).toMatch(reason);
  });
});

describe('what peers choose', () => {
  const service = (namespace: string, name: string): string | undefined =>
    kindByName.services.validate(context, `${namespace}/${name}`, {
      cluster: 'c1',
      namespace,
      name,
      frontends: {},
      backends: {},
      hostnames: {},
      zones: {},
      labels: {},
      selector: {},
      includeExternal: true,
      shared: true,
      clusterId: 1,
    });

  it('two spellings of one key are not two services', () => {
    expect(service('ns', 'n')).toBe(accepted);
    expect(service('a/b', 'c')).toMatch(/no name/);
    expect(service('a', 'b/c')).toMatch(/no name/);
  });

  it('names are bounded, and so are the messages about them', () => {
    expect(service('ns', 'n'.repeat(253))).toBe(accepted);
    expect(service('ns', 'n'.repeat(254))).toMatch(/no name/);
    const reason = validateIdentity(context, '9'.repeat(100_000), []);
    expect(reason?.length).toBeLessThan(200);
  });
});

describe('service exports (I6)', () => {
  const spec: ServiceExport = {
    cluster: 'c1',
    name: 'n',
    namespace: 'ns',
    annotations: {},
    labels: {},
    exportCreationTimestamp: '2026-01-01T00:00:00Z',
    ports: [],
    type: 'ClusterSetIP',
    sessionAffinity: 'None',
    ipFamilies: ['IPv4', 'IPv6'],
    internalTrafficPolicy: '',
    trafficDistribution: '',
  };
  const validate = (overrides: Partial<ServiceExport>): string | undefined =>
    validateServiceExport(context, 'ns/n', { ...spec, ...overrides });

  it.each<[string, Partial<ServiceExport>]>([
    ['cluster IP', {}],
    ['headless', { type: 'Headless' }],
    ['session affinity', { sessionAffinity: 'ClientIP' }],
    ['no families, as before 1.20', { ipFamilies: [] }],
    ['an unknown family', { ipFamilies: ['IPv5'] }],
    ['a family twice', { ipFamilies: ['IPv4', 'IPv4'] }],
    ['an unknown policy', { internalTrafficPolicy: 'Near' }],
    ['policies', { internalTrafficPolicy: 'Local', trafficDistribution: 'PreferSameZone' }],
    ['the other policies', { internalTrafficPolicy: 'Cluster', trafficDistribution: 'PreferSameNode' }],
    ['the oldest distribution', { trafficDistribution: 'PreferClose' }],
  ])('%s is taken', (_name, overrides) => {
    expect(validate(overrides)).toBe(accepted);
  });

  it.each<[string, Partial<ServiceExport>, RegExp]>([
    ['another cluster', { cluster: 'c2' }, /cluster/],
    ['another key', { name: 'x' }, /namespace and name/],
    ['no name', { name: '' }, /no name/],
    ['no creation time', { exportCreationTimestamp: null }, /creation time/],
    ['another type', { type: 'ExternalName' }, /type/],
    ['no session affinity', { sessionAffinity: '' }, /session affinity/],
    ['an unknown distribution', { trafficDistribution: 'Random' }, /distribution/],
  ])('%s is refused', (_name, overrides, reason) => {
    expect(validate(overrides)).toMatch(reason);
  });
});
