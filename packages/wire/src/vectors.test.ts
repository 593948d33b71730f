import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { clusterConfigCodec } from './cluster-config.ts';
import type { ClusterId, ClusterName } from './cluster.ts';
import type { Codec } from './codec.ts';
import { endpointSliceMessage } from './endpoint-slice.ts';
import { kindByName, kinds } from './kinds.ts';
import { parseKey } from './parse-key.ts';
import { parseRfc3339 } from './rfc3339.ts';

const testdata = new URL('../testdata/', import.meta.url);
const read = (path: string): Buffer => readFileSync(new URL(path, testdata));
const namesIn = (folder: string, extension: string): string[] =>
  readdirSync(new URL(folder, testdata))
    .filter((file) => file.endsWith(extension))
    .map((file) => folder + file.slice(0, -extension.length));

const sampleFolders = readdirSync(new URL('samples/', testdata)).map((folder) => `samples/${folder}/`);
const entries = [...namesIn('vectors/', '.key'), ...sampleFolders.flatMap((folder) => namesIn(folder, '.key'))].map(
  (name) => ({ name, key: read(`${name}.key`).toString('latin1') }),
);
const timestamps = entries.filter(({ key }) => /^cilium\/(synced\/|\.heartbeat)/.test(key));
const slices = entries.filter(({ key }) => key.startsWith('cilium/state/endpointslices/'));
const values = entries.filter((entry) => !timestamps.includes(entry) && !slices.includes(entry));

function codecOf(key: string): Codec<unknown> {
  const kind = kinds.find(({ name }) => key.split('/')[2] === name);
  return (kind?.codec ?? clusterConfigCodec) as Codec<unknown>;
}

function decoded<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const result = codec.decode(bytes);
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

describe('golden values', () => {
  it('are all here', () => {
    expect(entries.length).toBe(109);
    expect(slices).toHaveLength(8);
  });

  it.each(values)('$name decodes and encodes to the same bytes', ({ name, key }) => {
    const bytes = read(`${name}.value`);
    const again = codecOf(key).encode(decoded(codecOf(key), bytes));
    expect(Buffer.from(again).toString()).toBe(bytes.toString());
  });

  it.each(slices)('$name encodes to the same message and is read back from its frame', ({ name, key }) => {
    const message = read(`${name}.pb`);
    const value = decoded(endpointSliceMessage, message);
    expect(Buffer.from(endpointSliceMessage.encode(value)).toString('hex')).toBe(message.toString('hex'));
    expect(decoded(codecOf(key), read(`${name}.value`))).toEqual(value);
    expect(decoded(codecOf(key), codecOf(key).encode(value))).toEqual(value);
  });

  it.each(slices)('$name has the content of its JSON form', ({ name }) => {
    const shown = JSON.parse(read(`${name}.json`).toString()) as object;
    const { clusterId, endpoints, ports, ...rest } = decoded(endpointSliceMessage, read(`${name}.pb`));
    const slim = endpoints.map(({ addresses, conditions }) => ({ addresses, conditions: { ...conditions } }));
    expect({ labels: {}, annotations: {}, ...shown }).toEqual({
      ...rest,
      clusterID: clusterId,
      endpoints: slim.length === 0 ? null : slim,
      ports: ports.length === 0 ? null : ports,
    });
  });

  it.each(timestamps)('$name is a time', ({ name }) => {
    expect(parseRfc3339(read(`${name}.value`).toString())).toBeGreaterThan(0);
  });

  it.each(entries.filter(({ name }) => name !== 'vectors/mcs-zero'))('the key of $name is known', ({ key }) => {
    expect(parseKey(key)).toBeDefined();
  });
});

describe('entries of running clusters', () => {
  const ofClusters = sampleFolders.flatMap((folder) => {
    const own = parseKey(read(`${folder}cluster-config.key`).toString()) as { readonly cluster: ClusterName };
    return namesIn(folder, '.key').flatMap((name) => {
      const parsed = parseKey(read(`${name}.key`).toString());
      if (parsed?.kind !== 'entry') return [];
      const cluster = parsed.cluster ?? own.cluster;
      const clusterId = Number(cluster.split('-')[1]) as ClusterId; // these meshes number their clusters by name
      return [{ name, parsed, context: { cluster, clusterId, maxConnectedClusters: 255 } as const }];
    });
  });

  it.each(ofClusters)('$name is believed of its own cluster only', ({ name, context, parsed }) => {
    const kind = kindByName[parsed.resource];
    const bytes = read(`${name}.value`);
    expect(kind.read(context, parsed.name, bytes)).toMatchObject({ ok: true });
    const elsewhere = { ...context, cluster: 'elsewhere' as ClusterName, clusterId: 254 as ClusterId };
    expect(kind.read(elsewhere, parsed.name, bytes)).toMatchObject({ ok: false });
  });
});
