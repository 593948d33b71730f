import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { clusterConfigCodec, validateClusterConfig } from './cluster-config.ts';
import { validateLocalCluster, type ClusterId, type ClusterName, type MaxConnectedClusters } from './cluster.ts';
import { identityCodec, type Label } from './identity.ts';
import { kindByName } from './kinds.ts';
import {
  clusterOfIdentity,
  identityRange,
  isReservedIdentity,
  isUserReservedIdentity,
  numericIdentity,
  reservedIdentities,
} from './numeric-identity.ts';

const text = readFileSync(new URL('../testdata/vectors/validate-255.tsv', import.meta.url), 'utf8');
/** A row begins with its section; one value has line ends in it. */
const rows = text
  .split(/\n(?=(?:service|node|ip|config\(max=255\)|clusterinfo|buggy|labels|range|numid|reserved)\t)/)
  .map((row) => row.replace(/\n$/, '').split('\t'));
const section = (name: string): string[][] => rows.filter(([first]) => first === name).map(([, ...cells]) => cells);

const context = {
  cluster: 'c1' as ClusterName,
  clusterId: 1 as ClusterId,
  maxConnectedClusters: 255,
} as const;

/** What Cilium takes and we refuse on purpose (docs/spec/kvstore-keys.md). */
const refusedByUs = [
  '{"http":null}', // a null port crashes its consumers
  'fe80::1%eth0', // a zone means nothing on another machine
  '"Mask":"",', // an empty mask is not "everything"
  '"Mask":"/wD/AA=="', // nor is one with a hole
  '{"ID":1}', // no address at all
];

const entries = (['service', 'node', 'ip'] as const).flatMap((name) =>
  section(name).map(([keyName = '', value = '', verdict = '', printed = '']) => ({
    kind: name === 'service' ? kindByName.services : name === 'node' ? kindByName.nodes : kindByName.ip,
    keyName,
    value,
    printed,
    isAccepted: verdict === 'ACCEPT' && !refusedByUs.some((part) => value.includes(part)),
  })),
);

describe('entries as a real reader takes them', () => {
  it.each(entries)('$kind.name $keyName $value', ({ kind, keyName, value, isAccepted, printed }) => {
    const result = kind.read(context, keyName, Buffer.from(value));
    expect(result.ok).toBe(isAccepted);
    if (result.ok) expect(Buffer.from(kind.codec.encode(result.value as never)).toString()).toBe(printed);
  });

  it.each(section('config(max=255)'))('config %s %s is %s', (_name = '', value = '', verdict = '', printed = '') => {
    const result = clusterConfigCodec.decode(Buffer.from(value));
    const reason = result.ok ? validateClusterConfig(result.value, 255) : result.reason;
    expect(reason === undefined).toBe(verdict === 'ACCEPT');
    if (result.ok) expect(Buffer.from(clusterConfigCodec.encode(result.value)).toString()).toBe(printed);
  });
});

describe('cluster names and ids', () => {
  const strict = section('clusterinfo').map(([info = '', , verdict = '']) => {
    const [, id, name = '', max] = /ID:(\d+) Name:(\S+) MaxConnectedClusters:(\d+)/.exec(info) ?? [];
    return { id: Number(id), name, max: Number(max), isAccepted: verdict === 'ValidateStrict=<nil>' };
  });

  it.each(strict)('cluster $name with id $id of $max', ({ id, name, max, isAccepted }) => {
    expect(validateLocalCluster(name, id, max as MaxConnectedClusters) === undefined).toBe(isAccepted);
  });
});

describe('labels', () => {
  const print = ({ source, key, value }: Label): string => `${source}:${key}${value === '' ? '' : `=${value}`}`;

  it.each(section('labels'))('%s is %s', (quoted = '', listed = '', mapped = '') => {
    const result = identityCodec.decode(Buffer.from(JSON.parse(quoted) as string));
    const labels = result.ok ? result.value : [];
    expect(`array=${labels.length} [${labels.map(print).join(' ')}]`).toBe(listed);
    const byKey = new Map(labels.map((label) => [label.key, label]));
    const encoded = Buffer.from(identityCodec.encode([...byKey.values()])).toString();
    expect(`map->${JSON.stringify(encoded)}`).toBe(mapped);
  });
});

describe('numeric identities', () => {
  it.each(section('range'))('%s %s has %s', (_max, cluster = '', span = '', first = '') => {
    const range = identityRange(Number(cluster.slice('cluster='.length)) as ClusterId, 255);
    expect(`${range.first}..${range.last}`).toBe(span);
    expect(`clusterOf(first)=${clusterOfIdentity(range.first, 255)}`).toBe(first);
  });

  it.each(section('numid'))(
    '%s in a key is read as %s or, not being its plain spelling, refused',
    (quoted = '', id) => {
      const spelling = JSON.parse(quoted) as string;
      const result = numericIdentity(spelling);
      expect(result).toEqual(
        spelling === id ? { ok: true, value: Number(id) } : expect.objectContaining({ ok: false }),
      );
    },
  );

  it.each(section('reserved'))('%s is %s: %s', (number, name, flags = '') => {
    const id = Number(number);
    const [reserved, userReserved] = [isReservedIdentity(id), isUserReservedIdentity(id)];
    expect(`isReserved=${reserved} userReserved=${userReserved}`).toBe(flags.replace(/ lookup=.*/, ''));
    expect(reservedIdentities.get(id) ?? String(id)).toBe(name);
  });

  it('covers every row but those about the packet mark of other CNIs', () => {
    expect(rows.length - section('buggy').length).toBe(
      entries.length +
        ['config(max=255)', 'clusterinfo', 'labels', 'range', 'numid', 'reserved'].flatMap(section).length,
    );
    expect(rows.length).toBeGreaterThan(160);
  });
});
