import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatIp } from './address.ts';
import type { ClusterId, ClusterName } from './cluster.ts';
import { ipEntry, ipEntryReader } from './ip-entry.ts';
import { ipIdentityCodec, ipKeyName } from './ip-identity.ts';
import type { IpIdentity } from './ip-identity.ts';
import { IpScanner } from './ip-scan.ts';
import { kindByName } from './kinds.ts';

const context = { cluster: 'c1' as ClusterName, clusterId: 1 as ClusterId, maxConnectedClusters: 255 } as const;

/** What the parser makes of it. */
function parsed(keyName: string, bytes: Uint8Array): unknown {
  const value = kindByName.ip.read(context, keyName, bytes);
  return value.ok ? { ok: true, value: ipEntry(value.value) } : value;
}

function scans(keyName: string, text: string): boolean {
  return new IpScanner().scan(keyName, Buffer.from(text));
}

const ip = fc.oneof(
  fc.ipV4(),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIp(bytes)),
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }).map((drawn) => drawn.toWellFormed()),
);
const value: fc.Arbitrary<IpIdentity> = fc.record({
  ip,
  mask: fc.option(fc.constantFrom(Uint8Array.of(255, 255, 255, 0), Uint8Array.of(255, 255, 255, 255)), { nil: null }),
  hostIp: fc.oneof(ip, fc.constant('')),
  id: fc.oneof(fc.constantFrom(0, 2, 6, 255, 65_666, 131_073), fc.nat()) as fc.Arbitrary<IpIdentity['id']>,
  key: fc.nat(255),
  metadata: text,
  k8sNamespace: text,
  k8sPodName: text,
  k8sServiceAccount: text,
  namedPorts: fc.constantFrom([], [{ name: 'http', port: 80, protocol: 'TCP' }]),
});
/** Small changes that keep most of a value: where the scanner may take for common what is not. */
const change = fc.record({
  at: fc.nat(400),
  drop: fc.nat(4),
  insert: fc.constantFrom(
    '',
    ' ',
    '0',
    '"',
    '\\',
    ',',
    '}',
    ':',
    '-',
    'null',
    '\u0000',
    'é',
    '"ID":7,',
    ',"id":7',
    ',"X":1',
  ),
});

describe('an IP read by scanning', () => {
  const typical =
    '{"IP":"10.1.0.5","Mask":null,"HostIP":"172.18.0.2","ID":65666,"Key":0,"Metadata":"","K8sNamespace":"ns","K8sPodName":"web-0"';

  it.each([
    ['before service accounts', `${typical}}`, true],
    ['1.20', `${typical},"K8sServiceAccount":"sa"}`, true],
    ['without a mask, with a pod UID', `${typical.replace('"Mask":null,', '')},"K8sPodUID":"7f"}`, true],
    ['without a node', `${typical.replace('172.18.0.2', '')}}`, true],
    ['with named ports', `${typical},"NamedPorts":[]}`, false],
    ['a member twice', `${typical},"ID":7}`, false],
    ['an escape', `${typical},"K8sServiceAccount":"\\u0041"}`, false],
    ['a number with a leading zero', `${typical.replace('65666', '065666')}}`, false],
    ['something behind it', `${typical}} `, false],
    ['half of it', typical, false],
  ])('%s: %s', (_name, json, isScanned) => {
    expect(scans('10.1.0.5', json)).toBe(isScanned);
  });

  it('is scanned for IPv6 too, in its one spelling', () => {
    const v6 = (text: string): string => typical.replace('10.1.0.5', text).replace('172.18.0.2', 'fd00::1') + '}';
    expect(scans('fd00::5', v6('fd00::5'))).toBe(true);
    expect(scans('fd00:0::5', v6('fd00:0::5'))).toBe(false);
    expect(scans('::ffff:10.1.0.5', v6('::ffff:10.1.0.5'))).toBe(false);
  });

  it('stands under its own key, whatever that looks like', () => {
    expect(scans('10.1.0.6', `${typical}}`)).toBe(false);
    expect(scans('10.1.0', `${typical}}`)).toBe(false);
    expect(scans('10.1.0.5","Mask', `${typical}}`)).toBe(false);
  });

  it('is what the parser makes of it, be it as it may', () => {
    const read = ipEntryReader(context);
    fc.assert(
      fc.property(value, fc.array(change, { maxLength: 2 }), fc.boolean(), (entry, changes, isKeyed) => {
        let json = Buffer.from(ipIdentityCodec.encode(entry)).toString();
        for (const { at, drop, insert } of changes) json = json.slice(0, at) + insert + json.slice(at + drop);
        const keyName = isKeyed ? ipKeyName(entry) : '10.1.0.5';
        expect(read(keyName, Buffer.from(json))).toEqual(parsed(keyName, Buffer.from(json)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is what the parser makes of the golden values', () => {
    const vectors = new URL('../testdata/vectors/', import.meta.url);
    const read = ipEntryReader(context);
    const names = readdirSync(vectors).filter((name) => name.startsWith('ip-') && name.endsWith('.value'));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const bytes = readFileSync(new URL(name, vectors));
      const decoded = ipIdentityCodec.decode(bytes);
      const keyName = decoded.ok ? ipKeyName(decoded.value) : '';
      expect([name, read(keyName, bytes)]).toEqual([name, parsed(keyName, bytes)]);
    }
  });
});
