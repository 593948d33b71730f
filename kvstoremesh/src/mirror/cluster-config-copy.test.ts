import { describe, expect, it } from '@jest/globals';

import { clusterConfigCodec } from '@clustermesh/wire';

import { copyClusterConfig } from './cluster-config-copy.ts';

const copyOf = (text: string): string => {
  const bytes = Buffer.from(text);
  const config = clusterConfigCodec.decode(bytes);
  return config.ok ? Buffer.from(copyClusterConfig(bytes, config.value)).toString() : config.reason;
};

describe('copyClusterConfig', () => {
  it('is byte for byte what Cilium writes for a cached cluster', () => {
    const source =
      '{"id":3,"capabilities":{"syncedCanaries":true,"maxConnectedClusters":255,"serviceExportsEnabled":false}}';
    expect(copyOf(source)).toBe(
      '{"id":3,"capabilities":{"syncedCanaries":true,"cached":true,"maxConnectedClusters":255,"serviceExportsEnabled":false}}',
    );
  });

  it('carries unknown fields over', () => {
    expect(copyOf('{"id":3,"capabilities":{"new":{"x":[1,null]}},"other":"y"}')).toBe(
      '{"id":3,"capabilities":{"syncedCanaries":true,"cached":true,"new":{"x":[1,null]}},"other":"y"}',
    );
  });

  it.each(['12345678901234567890', '1.50', '1e3', '"\\u003c<\\/"', '{ "b": 1, "1": [ ] }', '{"a":1,"a":2}'])(
    'changes no byte of an unknown value: %s',
    (raw) => {
      expect(copyOf(`{"id":3,"capabilities":{"new":${raw}},"other":${raw}}`)).toBe(
        `{"id":3,"capabilities":{"syncedCanaries":true,"cached":true,"new":${raw}},"other":${raw}}`,
      );
    },
  );

  it.each([
    '{"id":3,"capabilities":{"cached":false,"CACHED":false,"syncedCanaries":false,"SyncedCanaries":false}}',
    '{"id":3,"capabilities":{},"CAPABILITIES":{"cached":false,"ſyncedCanaries":false}}',
    '{"id":3,"capabilities":null}',
  ])('cannot be talked out of being cached and having canaries: %s', (text) => {
    const decoded = clusterConfigCodec.decode(Buffer.from(copyOf(text)));
    expect(decoded).toMatchObject({ ok: true, value: { id: 3, capabilities: { cached: true, syncedCanaries: true } } });
    expect(copyOf(text)).not.toContain('false');
  });

  it('leaves the prototype of objects alone', () => {
    expect(copyOf('{"id":3,"capabilities":{"__proto__":{"cached":false}}}')).toContain('"__proto__":{"cached":false}');
    expect({}).not.toHaveProperty('cached');
  });
});
