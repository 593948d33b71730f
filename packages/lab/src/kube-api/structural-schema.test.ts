import { describe, expect, it } from '@jest/globals';

import type { JsonSchema } from '@clustermesh/kube';

import { applySchema, validateSchema } from './structural-schema.ts';

const schema: JsonSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer', minimum: 0, maximum: 10, default: 1 },
        mode: { type: 'string', enum: ['a', 'b'] },
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 3, nullable: true },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        items: { type: 'array', maxItems: 1, items: { type: 'object', properties: { x: { type: 'number' } } } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        port: { 'x-kubernetes-int-or-string': true },
      },
    },
  },
};

describe('validateSchema', () => {
  it.each<[string, unknown, string[]]>([
    [
      'a right object',
      { spec: { replicas: 1, mode: 'a', name: 'abc', labels: { l: 'v' }, items: [{ x: 1.5 }], port: 'http' } },
      [],
    ],
    ['null where it may be', { spec: { name: null } }, []],
    ['a missing field', {}, ['spec']],
    [
      'wrong types',
      { spec: { replicas: 1.5, mode: 1, labels: { l: 1 }, items: [{ x: 'y' }], port: true } },
      ['spec.replicas', 'spec.mode', 'spec.labels.l', 'spec.items[0].x', 'spec.port'],
    ],
    ['null where it may not be', { spec: { mode: null } }, ['spec.mode']],
    [
      'values out of their limits',
      { spec: { replicas: 11, mode: 'c', name: 'ABCD', items: [{}, {}] } },
      ['spec.replicas', 'spec.mode', 'spec.name', 'spec.name', 'spec.items'],
    ],
    ['fields that only a prototype has', { spec: { labels: { toString: 1 } } }, ['spec.labels.toString']],
  ])('%s', (_, value, fields) => {
    expect(validateSchema(value, schema).map(({ field }) => field)).toEqual(fields);
  });
});

describe('applySchema', () => {
  it('fills in defaults', () => {
    expect(applySchema({ spec: {} }, schema, true)).toEqual({ spec: { replicas: 1 } });
    expect(applySchema({ spec: { replicas: 0 } }, schema, true)).toEqual({ spec: { replicas: 0 } });
  });

  it('prunes what the schema does not know, but not where it is told to keep it', () => {
    const value = {
      spec: { replicas: 1, odd: 1, free: { any: { thing: 1 } }, labels: { l: 'v' }, items: [{ x: 1, y: 2 }] },
      odd: 1,
    };
    const pruned = { spec: { replicas: 1, free: { any: { thing: 1 } }, labels: { l: 'v' }, items: [{ x: 1 }] } };
    expect(applySchema(value, schema, true)).toEqual(pruned);
    expect(applySchema(value, schema, false)).toEqual(value);
  });
});
