import { describe, expect, it } from '@jest/globals';

import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic-merge-patch.ts';

describe('mergePatch (RFC 7386, appendix A)', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j = %j', (target, patch, want) => {
    expect(mergePatch(target, patch)).toEqual(want);
  });

  it('leaves its input alone', () => {
    const target = Object.freeze({ a: Object.freeze({ b: 1 }) });
    expect(mergePatch(target, { a: { c: 2 } })).toEqual({ a: { b: 1, c: 2 } });
    expect(target).toEqual({ a: { b: 1 } });
  });
});

describe('jsonPatch (RFC 6902)', () => {
  it.each<[string, unknown, object[], unknown]>([
    ['adds a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['inserts into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['appends to a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['removes a field', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['removes an item', { a: [1, 2] }, [{ op: 'remove', path: '/a/0' }], { a: [2] }],
    ['replaces deep inside', { a: [{ b: 1 }] }, [{ op: 'replace', path: '/a/0/b', value: 2 }], { a: [{ b: 2 }] }],
    [
      'unescapes names',
      { 'a/b': { 'm~n': 1 } },
      [{ op: 'replace', path: '/a~1b/m~0n', value: 2 }],
      { 'a/b': { 'm~n': 2 } },
    ],
    ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copies', { a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
    ['tests', { a: [1] }, [{ op: 'test', path: '/a', value: [1] }], { a: [1] }],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: 2 }], 2],
  ])('%s', (_, target, patch, want) => {
    expect(jsonPatch(target, patch)).toEqual(want);
  });

  it.each<[string, unknown, unknown]>([
    ['a test that fails', { a: 1 }, [{ op: 'test', path: '/a', value: 2 }]],
    ['replacing what is not there', {}, [{ op: 'replace', path: '/a', value: 2 }]],
    ['removing what is not there', {}, [{ op: 'remove', path: '/a' }]],
    ['an index behind the end', { a: [] }, [{ op: 'add', path: '/a/1', value: 2 }]],
    ['a path through nothing', {}, [{ op: 'add', path: '/a/b', value: 2 }]],
    ['an unknown operation', {}, [{ op: 'merge', path: '/a' }]],
    ['what is no list', {}, { op: 'add' }],
    ['a path without slash', {}, [{ op: 'add', path: 'a', value: 1 }]],
  ])('refuses %s', (_, target, patch) => {
    expect(() => jsonPatch(target, patch)).toThrow(expect.objectContaining({ code: 'KUBE_INVALID' }));
  });
});

describe('strategicMergePatch', () => {
  const pod = {
    spec: {
      containers: [
        { name: 'a', image: 'one', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80 }] },
        { name: 'b', image: 'two' },
      ],
      tolerations: [{ key: 'x' }],
    },
  };

  it.each<[string, object, object]>([
    [
      'merges list items by their key',
      { spec: { containers: [{ name: 'a', image: 'new', env: [{ name: 'Y', value: '2' }] }] } },
      {
        containers: [
          {
            name: 'a',
            image: 'new',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '2' },
            ],
            ports: [{ containerPort: 80 }],
          },
          { name: 'b', image: 'two' },
        ],
        tolerations: [{ key: 'x' }],
      },
    ],
    [
      'deletes a list item',
      { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
      { containers: [{ name: 'b', image: 'two' }], tolerations: [{ key: 'x' }] },
    ],
    [
      'replaces a list on demand, and lists without a key always',
      { spec: { containers: [{ $patch: 'replace' }, { name: 'c' }], tolerations: [{ key: 'y' }] } },
      { containers: [{ name: 'c' }], tolerations: [{ key: 'y' }] },
    ],
    [
      'removes by null, and keeps only what $retainKeys names',
      { spec: { $retainKeys: ['containers'], containers: null } },
      {},
    ],
    [
      'orders items as the client wants them',
      {
        spec: {
          '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }],
          containers: [{ name: 'c' }],
        },
      },
      {
        containers: [{ name: 'b', image: 'two' }, { name: 'c' }, pod.spec.containers[0]],
        tolerations: [{ key: 'x' }],
      },
    ],
  ])('%s', (_, patch, want) => {
    expect(strategicMergePatch(pod, patch)).toEqual({ spec: want });
  });

  it('tells ports of a Service from ports of an EndpointSlice', () => {
    const service = { spec: { ports: [{ port: 80, name: 'http' }] } };
    const slice = { ports: [{ port: 80, name: 'http' }] };
    const ports = [{ port: 81 }];
    expect(strategicMergePatch(service, { spec: { ports } })).toEqual({
      spec: { ports: [{ port: 80, name: 'http' }, { port: 81 }] },
    });
    expect(strategicMergePatch(slice, { ports })).toEqual({ ports });
  });

  it('treats finalizers as a set', () => {
    const object = { metadata: { finalizers: ['a', 'b'] } };
    expect(strategicMergePatch(object, { metadata: { finalizers: ['b', 'c'] } })).toEqual({
      metadata: { finalizers: ['a', 'b', 'c'] },
    });
    expect(strategicMergePatch(object, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    });
  });
});
