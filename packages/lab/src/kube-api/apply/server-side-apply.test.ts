import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { JsonSchema } from '@clustermesh/kube';
import { FakeClock, seededRandom } from '@clustermesh/runtime';

import type { ApiObject } from '../api-object.ts';
import { KubeApiStore } from '../kube-api-store.ts';
import type { PatchOptions } from '../object-writer.ts';
import type { TypeRef } from '../resource-slot.ts';

const namespace = 'default';
const ref = { namespace, name: 'x' };
const services: TypeRef = { group: '', version: 'v1', plural: 'services' };
const configMaps: TypeRef = { group: '', version: 'v1', plural: 'configmaps' };
const deployments: TypeRef = { group: 'apps', version: 'v1', plural: 'deployments' };
const widgets: TypeRef = { group: 'x.io', version: 'v1', plural: 'widgets' };

/** A store with one object `x`, which several managers write. */
class Bench {
  readonly clock = new FakeClock();
  readonly store = new KubeApiStore({ clock: this.clock, random: seededRandom(1) });
  readonly type: TypeRef;
  readonly kind: string;

  constructor(type: TypeRef, kind: string, schema?: JsonSchema) {
    this.type = type;
    this.kind = kind;
    if (schema !== undefined) this.#define(schema);
  }

  #define(openAPIV3Schema: JsonSchema): void {
    const { group, version, plural } = this.type;
    const versions = [
      { name: version, served: true, storage: true, schema: { openAPIV3Schema }, subresources: { status: {} } },
    ];
    const spec = { group, scope: 'Namespaced', names: { plural, kind: this.kind }, versions };
    const crds = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
    this.store.write.create(crds, undefined, { metadata: { name: `${plural}.${group}` }, spec });
  }

  apply(fieldManager: string, content: object, options: Partial<PatchOptions> = {}): ApiObject {
    const { group, version } = this.type;
    const typeMeta = { apiVersion: group === '' ? version : `${group}/${version}`, kind: this.kind };
    const body = { ...typeMeta, metadata: { name: ref.name }, ...content };
    return this.store.write.patch(this.type, ref, body, { kind: 'apply', fieldManager, ...options });
  }

  merge(fieldManager: string, patch: object, options: Partial<PatchOptions> = {}): ApiObject {
    return this.store.write.patch(this.type, ref, patch, { kind: 'merge', fieldManager, ...options });
  }

  get object(): ApiObject {
    return this.store.read.get(this.type, ref);
  }

  /** What each manager owns. */
  get owners(): Record<string, unknown> {
    const entries = this.object.metadata.managedFields ?? [];
    return Object.fromEntries(
      entries.map(({ manager = '', operation = '', subresource, fieldsV1 }) => [
        `${manager} ${operation}${subresource === undefined ? '' : ` ${subresource}`}`,
        fieldsV1,
      ]),
    );
  }
}

function configMapBench(): Bench {
  return new Bench(configMaps, 'ConfigMap');
}

describe('server-side apply', () => {
  it('records what a manager applies, with its time, and not what the server adds', () => {
    const bench = new Bench(services, 'Service');
    bench.apply('a', { metadata: { name: 'x', labels: { l: '1' } }, spec: { ports: [{ port: 80, name: 'http' }] } });
    expect(bench.object.metadata.managedFields).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        apiVersion: 'v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { 'f:l': {} } },
          'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} } } },
        },
      },
    ]);
  });

  it('removes what a manager no longer applies, but nothing that others own', () => {
    const bench = configMapBench();
    bench.apply('a', { data: { mine: '1', shared: '1' } });
    bench.apply('b', { data: { shared: '1', theirs: '1' } });
    bench.apply('a', { data: {} });
    expect(bench.object['data']).toEqual({ shared: '1', theirs: '1' });
    bench.apply('b', {});
    expect(bench.object['data']).toEqual({}); // which the first one still applies
    bench.apply('a', {});
    expect(bench.object['data']).toBeUndefined();
  });

  it('refuses to change what another manager owns, and names it', () => {
    const bench = configMapBench();
    bench.apply('a', { data: { x: '1', y: '1' } });
    expect(() => bench.apply('b', { data: { x: '2' } })).toThrow(
      'Apply failed with 1 conflict: conflict with "a": .data.x',
    );
    expect(() => bench.apply('b', { data: { x: '2', y: '2' } })).toThrow(
      'Apply failed with 2 conflicts: conflicts with "a":\n- .data.x\n- .data.y',
    );
    expect(bench.object['data']).toEqual({ x: '1', y: '1' });
  });

  it('tells a program which fields are in conflict', () => {
    const bench = configMapBench();
    bench.store.write.create(
      configMaps,
      namespace,
      { metadata: { name: 'x' }, data: { x: '1' } },
      { fieldManager: 'c' },
    );
    const conflict = (): unknown => bench.apply('b', { data: { x: '2' } });
    expect(conflict).toThrow(
      expect.objectContaining({
        code: 'KUBE_CONFLICT',
        status: expect.objectContaining({
          code: 409,
          reason: 'Conflict',
          details: {
            causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "c" using v1', field: '.data.x' }],
          },
        }),
      }),
    );
  });

  it('takes a field over where it is forced to', () => {
    const bench = configMapBench();
    bench.apply('a', { data: { x: '1', y: '1' } });
    bench.apply('b', { data: { x: '2' } }, { force: true });
    expect(bench.object['data']).toEqual({ x: '2', y: '1' });
    expect(bench.owners).toEqual({
      'a Apply': { 'f:data': { 'f:y': {} } },
      'b Apply': { 'f:data': { 'f:x': {} } },
    });
    expect(() => bench.apply('a', { data: { x: '1', y: '1' } })).toThrow('conflict with "b"');
  });

  it('shares a field between managers that apply the same', () => {
    const bench = configMapBench();
    bench.apply('a', { data: { x: '1' } });
    bench.apply('b', { data: { x: '1' } });
    expect(Object.keys(bench.owners)).toEqual(['a Apply', 'b Apply']);
    expect(() => bench.apply('a', { data: { x: '2' } })).toThrow('conflict with "b"');
  });

  it('is nothing when nothing changes: no new version, no new time', async () => {
    const bench = configMapBench();
    const first = bench.apply('a', { data: { x: '1' } });
    await bench.clock.advance(60_000);
    expect(bench.apply('a', { data: { x: '1' } })).toBe(first);
  });

  it('merges lists by the keys of their items', () => {
    const bench = new Bench(deployments, 'Deployment');
    const deployment = (containers: object[]): object => ({
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
      },
    });
    const main = { name: 'main', image: 'i:1', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] };
    bench.apply('a', deployment([main]));
    bench.apply('b', { spec: { template: { spec: { containers: [{ name: 'side', image: 's' }] } } } });
    bench.apply('b2', {
      spec: { template: { spec: { containers: [{ name: 'main', env: [{ name: 'B', value: '2' }] }] } } },
    });
    bench.apply('a', deployment([{ name: 'main', image: 'i:2', ports: [{ containerPort: 81 }] }]));
    expect(bench.object['spec']).toMatchObject({
      template: {
        spec: {
          containers: [
            { name: 'main', image: 'i:2', env: [{ name: 'B', value: '2' }], ports: [{ containerPort: 81 }] },
            { name: 'side', image: 's' },
          ],
        },
      },
    });
    bench.apply('b', { spec: {} });
    expect(bench.object['spec']).toMatchObject({ template: { spec: { containers: [{ name: 'main' }] } } });
  });

  it('conflicts with an update of the same field, through whichever subresource', () => {
    const bench = new Bench(deployments, 'Deployment');
    const spec = {
      replicas: 1,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    bench.apply('a', { spec });
    bench.merge('scaler', { spec: { replicas: 3 } }, { subresource: 'scale' });
    expect(bench.owners['scaler Update scale']).toEqual({ 'f:spec': { 'f:replicas': {} } });
    expect(() => bench.apply('a', { spec })).toThrow(
      'conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas',
    );
    bench.apply('a', { spec: { ...spec, replicas: undefined } });
    expect(bench.object['spec']).toMatchObject({ replicas: 3 });
  });

  it('keeps the status apart', () => {
    const bench = new Bench(services, 'Service');
    bench.apply('a', { spec: { ports: [{ port: 80 }] }, status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } } });
    expect(bench.object['status']).toEqual({ loadBalancer: {} });
    bench.apply('s', { status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } } }, { subresource: 'status' });
    expect(bench.object['status']).toEqual({ loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } });
    expect(bench.owners['s Apply status']).toEqual({ 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } });
    bench.apply('a', { spec: { ports: [{ port: 80 }] } });
    expect(bench.object['status']).toEqual({ loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } });
    bench.apply('s2', { status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } } }, { subresource: 'status' });
    expect(bench.owners['s2 Apply status']).toEqual(bench.owners['s Apply status']);
  });

  it('goes by the list types of a custom resource, and treats other lists as one value', () => {
    const keyed: JsonSchema = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'integer' } } },
    };
    const bench = new Bench(widgets, 'Widget', {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            keyed,
            set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
            list: { type: 'array', items: { type: 'string' } },
            whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'string' } },
          },
        },
      },
    });
    bench.apply('a', { spec: { keyed: [{ id: 'a', n: 1 }], set: ['a'], list: ['a'], whole: { a: '1' } } });
    bench.apply('b', { spec: { keyed: [{ id: 'b', n: 2 }], set: ['b'] } });
    expect(bench.object['spec']).toEqual({
      keyed: [
        { id: 'a', n: 1 },
        { id: 'b', n: 2 },
      ],
      set: ['a', 'b'],
      list: ['a'],
      whole: { a: '1' },
    });
    expect(() => bench.apply('b', { spec: { list: ['b'] } })).toThrow('conflict with "a": .spec.list');
    expect(() => bench.apply('b', { spec: { whole: { b: '1' } } })).toThrow('conflict with "a": .spec.whole');
    bench.apply('a', { spec: { set: ['a'] } });
    expect(bench.object['spec']).toEqual({ keyed: [{ id: 'b', n: 2 }], set: ['a', 'b'] });
  });

  it.each<[string, (bench: Bench) => unknown, string]>([
    [
      'no manager',
      (b) => b.apply('a', {}, { fieldManager: undefined }),
      'fieldManager: Required value: is required for apply patch',
    ],
    [
      'managed fields',
      (b) => b.apply('a', { metadata: { name: 'x', managedFields: [{}] } }),
      'metadata.managedFields must be nil',
    ],
    [
      'an odd field',
      (b) => b.apply('a', { odd: 1 }),
      'failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .odd: field not declared in schema',
    ],
    ['another name', (b) => b.apply('a', { metadata: { name: 'y' } }), 'does not match the name on the URL'],
    [
      'a stale version',
      (b) => (b.apply('a', {}), b.apply('a', { metadata: { name: 'x', resourceVersion: '1' } })),
      'the object has been modified',
    ],
    [
      'a version of nothing',
      (b) => b.apply('a', { metadata: { name: 'x', resourceVersion: '1' } }),
      'Operation cannot be fulfilled',
    ],
    ['the status of nothing', (b) => b.apply('a', {}, { subresource: 'status' }), 'not found'],
  ])('refuses %s', (_, act, message) => {
    expect(() => act(configMapBench())).toThrow(message);
  });
});

describe('whatever managers apply without conflict', () => {
  const keys = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
  const step = fc.record({ manager: fc.constantFrom('x', 'y', 'z'), keys });

  it('the object has exactly what somebody still applies, and doing it again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const bench = configMapBench();
        const lastByManager = new Map<string, readonly string[]>();
        const content = (some: readonly string[]): object => ({
          data: Object.fromEntries(some.map((key) => [key, key])),
        });
        for (const { manager, keys: some } of steps) {
          const applied = bench.apply(manager, content(some));
          expect(bench.apply(manager, content(some))).toBe(applied);
          lastByManager.set(manager, some);
          const wanted = new Set([...lastByManager.values()].flat());
          expect(Object.keys(bench.object['data'] ?? {}).sort()).toEqual([...wanted].sort());
        }
      }),
    );
  });
});

describe('managed fields of other writes', () => {
  it('say who set what, and who changed it since', () => {
    const bench = configMapBench();
    bench.store.write.create(
      configMaps,
      namespace,
      { metadata: { name: 'x' }, data: { x: '1', y: '1' } },
      { fieldManager: 'c' },
    );
    bench.merge('editor', { data: { x: '2' } });
    expect(bench.owners).toEqual({
      'c Update': { 'f:data': { '.': {}, 'f:y': {} } },
      'editor Update': { 'f:data': { 'f:x': {} } },
    });
    bench.merge('editor', { data: null });
    expect(bench.owners).toEqual({});
  });

  it('can be rewritten, and forgotten by one empty entry', () => {
    const bench = configMapBench();
    bench.apply('a', { data: { x: '1' } });
    const [entry] = bench.object.metadata.managedFields ?? [];
    bench.merge('b', { metadata: { managedFields: [{ ...entry, manager: 'renamed' }] } });
    expect(Object.keys(bench.owners)).toEqual(['renamed Apply']);
    bench.merge('b', { metadata: { managedFields: [{}] } });
    expect(bench.owners).toEqual({});
  });
});
