import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatIp } from './address.ts';
import { clusterConfigCodec } from './cluster-config.ts';
import type { ClusterId, ClusterName } from './cluster.ts';
import type { Codec } from './codec.ts';
import { endpointSliceCodec, endpointSliceMessage } from './endpoint-slice.ts';
import { freshnessCodec } from './freshness.ts';
import { identityCodec } from './identity.ts';
import { ipIdentityCodec } from './ip-identity.ts';
import { kinds } from './kinds.ts';
import { nodeCodec } from './node.ts';
import { serviceExportCodec } from './service-export.ts';
import { serviceCodec } from './service.ts';

const text = fc.string({ unit: 'binary' }).map((drawn) => drawn.toWellFormed());
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', '10.0.0.1', '7', ''));
const mapOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.array(fc.tuple(key, value)).map((entries) => {
    const members = Object.create(null) as Record<string, T>;
    for (const [name, member] of entries) members[name] = member;
    return members;
  });
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const orAbsent = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint8 = fc.integer({ min: 0, max: 0xff });
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const ip = fc.oneof(
  fc.constant(''),
  fc.ipV4(),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIp(bytes)),
);
const mask = orNull(fc.uint8Array({ minLength: 0, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)));
const cidr = fc.record({ ip, mask });
const ports = mapOf(fc.record({ protocol: text, port: uint16 }));

const codecs: readonly {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}[] = [
  {
    name: 'cluster config',
    codec: clusterConfigCodec as Codec<unknown>,
    values: fc.record({
      id: uint32,
      capabilities: fc.record({
        syncedCanaries: fc.boolean(),
        cached: fc.boolean(),
        maxConnectedClusters: uint32,
        serviceExportsEnabled: orAbsent(fc.boolean()),
        endpointSlicesExportMode: text,
      }),
    }),
  },
  {
    name: 'node',
    codec: nodeCodec as Codec<unknown>,
    values: fc.record({
      name: text,
      cluster: text,
      ipAddresses: orNull(fc.array(fc.record({ type: text, ip }))),
      ipv4AllocCidr: orNull(cidr),
      ipv4SecondaryAllocCidrs: orNull(fc.array(orNull(cidr))),
      ipv6AllocCidr: orNull(cidr),
      ipv6SecondaryAllocCidrs: orNull(fc.array(orNull(cidr))),
      ipv4HealthIp: ip,
      ipv6HealthIp: ip,
      ipv4IngressIp: ip,
      ipv6IngressIp: ip,
      clusterId: uint32,
      source: text,
      encryptionKey: uint8,
      labels: orNull(mapOf(text)),
      annotations: orNull(mapOf(text)),
      wireguardPubKey: text,
      bootId: text,
    }),
  },
  {
    name: 'ip identity',
    codec: ipIdentityCodec as Codec<unknown>,
    values: fc.record({
      ip,
      mask,
      hostIp: ip,
      id: uint32,
      key: uint8,
      metadata: text,
      k8sNamespace: text,
      k8sPodName: text,
      k8sServiceAccount: text,
      namedPorts: fc.array(fc.record({ name: text, port: uint16, protocol: text })),
    }),
  },
  {
    name: 'service',
    codec: serviceCodec as Codec<unknown>,
    values: fc.record({
      cluster: text,
      namespace: text,
      name: text,
      frontends: orNull(mapOf(orNull(ports))),
      backends: orNull(mapOf(orNull(ports))),
      hostnames: mapOf(text),
      zones: mapOf(fc.record({ zone: text, forZones: orNull(fc.array(fc.record({ name: text }))) })),
      labels: orNull(mapOf(text)),
      selector: orNull(mapOf(text)),
      includeExternal: fc.boolean(),
      shared: fc.boolean(),
      clusterId: uint32,
    }),
  },
  ...[
    { name: 'endpoint slice', codec: endpointSliceCodec },
    { name: 'endpoint slice message', codec: endpointSliceMessage },
  ].map(({ name, codec }) => ({
    name,
    codec: codec as Codec<unknown>,
    values: fc.record({
      cluster: text,
      clusterId: uint32,
      namespace: text,
      name: text,
      labels: mapOf(text),
      annotations: mapOf(text),
      addressType: text,
      endpoints: fc.array(
        fc.record({
          addresses: fc.array(text),
          conditions: fc.record({
            ready: orAbsent(fc.boolean()),
            serving: orAbsent(fc.boolean()),
            terminating: orAbsent(fc.boolean()),
          }),
          hostname: orAbsent(text),
          deprecatedTopology: mapOf(text),
          nodeName: orAbsent(text),
          zone: orAbsent(text),
          hints: orAbsent(fc.record({ forZones: fc.array(fc.record({ name: text })) })),
        }),
      ),
      ports: fc.array(fc.record({ name: orAbsent(text), protocol: orAbsent(text), port: orAbsent(int32) })),
    }),
  })),
  {
    name: 'service export',
    codec: serviceExportCodec as Codec<unknown>,
    values: fc.record({
      cluster: text,
      name: text,
      namespace: text,
      annotations: mapOf(text),
      labels: mapOf(text),
      exportCreationTimestamp: fc.constantFrom(null, '2026-01-01T00:00:00Z', '1969-12-31T23:59:59Z'),
      ports: orNull(fc.array(fc.record({ name: text, protocol: text, appProtocol: orAbsent(text), port: int32 }))),
      type: text,
      sessionAffinity: text,
      sessionAffinityConfig: orAbsent(
        fc.record({ clientIp: orAbsent(fc.record({ timeoutSeconds: orAbsent(int32) })) }),
      ),
      ipFamilies: fc.array(text),
      internalTrafficPolicy: text,
      trafficDistribution: text,
    }),
  },
  {
    name: 'freshness',
    codec: freshnessCodec as Codec<unknown>,
    values: fc.record({
      ...{ connected: fc.boolean(), since: text, lastContact: text, sourceRevision: text, storeId: text },
      ...{ writtenAt: text, overQuota: fc.integer({ min: 0, max: 0xffff_ffff }) },
    }),
  },
];

function expectStable(codec: Codec<unknown>, bytes: Uint8Array): void {
  const decoded = codec.decode(bytes);
  if (decoded.ok) expect(codec.decode(codec.encode(decoded.value))).toEqual(decoded);
  else expect(decoded.reason).not.toBe('');
}

describe.each(codecs)('$name', ({ codec, values }) => {
  it('is the same after encoding and decoding', () => {
    fc.assert(fc.property(values, (value) => expect(codec.decode(codec.encode(value))).toEqual({ ok: true, value })));
  });

  it('damaged bytes are refused, or decoded to a value that stays the same; never thrown at', () => {
    fc.assert(
      fc.property(values, fc.nat(), uint8, (value, at, byte) => {
        const bytes = Buffer.from(codec.encode(value));
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        expectStable(codec, bytes);
        expectStable(codec, bytes.subarray(0, at % (bytes.length + 1)));
      }),
    );
  });

  it('random bytes are decoded or refused, never thrown at', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(typeof codec.decode(bytes).ok).toBe('boolean')));
  });
});

describe('identity labels', () => {
  const plain = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019./_-é')), minLength: 1 });

  it('are the same after encoding and decoding, sorted by key', () => {
    const labels = fc.uniqueArray(fc.record({ source: plain, key: plain, value: plain }), {
      selector: ({ key: name }) => name,
    });
    fc.assert(
      fc.property(labels, (drawn) => {
        const sorted = drawn.toSorted((left, right) => Buffer.compare(Buffer.from(left.key), Buffer.from(right.key)));
        expect(identityCodec.decode(identityCodec.encode(drawn))).toEqual({ ok: true, value: sorted });
      }),
    );
  });

  it('random bytes are decoded or refused, never thrown at', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(typeof identityCodec.decode(bytes).ok).toBe('boolean')));
  });

  it('bytes that are no text are refused', () => {
    expect(identityCodec.decode(Uint8Array.of(0xff))).toMatchObject({ ok: false });
  });
});

describe('reading entries', () => {
  const context = { cluster: 'c1' as ClusterName, clusterId: 1 as ClusterId, maxConnectedClusters: 255 } as const;

  it.each(kinds)('of $name never throws', (kind) => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (keyName, bytes) => expect(typeof kind.read(context, keyName, bytes).ok).toBe('boolean'),
      ),
    );
  });
});
