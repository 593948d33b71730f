import { describe, expect, it } from '@jest/globals';

import type { JsonSchema } from '@clustermesh/kube';

import { withDefaults } from './default-values.ts';
import { prune } from './prune.ts';
import { validateSchema } from './validate-schema.ts';

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

describe('validateSchema in the words of Kubernetes', () => {
  it.each<[string, unknown, JsonSchema, string]>([
    ['a type', 5, { type: 'string' }, 'Invalid value: "integer": f in body must be of type string: "integer"'],
    ['an enum', 'c', { enum: ['a', 'b'] }, 'Unsupported value: "c": supported values: "a", "b"'],
    ['a pattern', 'A', { pattern: '^a$' }, `Invalid value: "A": f in body should match '^a$'`],
    ['a maximum', 11, { maximum: 10 }, 'Invalid value: 11: f in body should be less than or equal to 10'],
    [
      'an open maximum',
      10,
      { maximum: 10, exclusiveMaximum: true },
      'Invalid value: 10: f in body should be less than 10',
    ],
    ['a minimum', 0, { minimum: 1 }, 'Invalid value: 0: f in body should be greater than or equal to 1'],
    ['a divisor', 3, { multipleOf: 2 }, 'Invalid value: 3: f in body should be a multiple of 2'],
    ['a length', 'abc', { maxLength: 2 }, 'Too long: may not be more than 2 bytes'],
    ['a least length', '', { minLength: 1 }, 'Invalid value: "": f in body should be at least 1 chars long'],
    [
      'a format',
      '10.0.0.0/40',
      { format: 'cidr' },
      'Invalid value: "10.0.0.0/40": f in body must be of type cidr: "10.0.0.0/40"',
    ],
    ['a count', [1, 2], { maxItems: 1 }, 'Too many: 2: must have at most 1 items'],
    ['a least count', [], { minItems: 1 }, 'Invalid value: []: f in body should have at least 1 items'],
    ['a size', {}, { minProperties: 1 }, 'Invalid value: {}: f in body should have at least 1 properties'],
    ['a set', ['a', 'a'], { 'x-kubernetes-list-type': 'set' }, 'Duplicate value: "a"'],
    [
      'a keyed list',
      [{ n: 'a' }, { n: 'a' }],
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] },
      'Duplicate value: {"n":"a"}',
    ],
    [
      'one of several',
      1,
      { anyOf: [{ type: 'string' }] },
      'Invalid value: 1: f in body must validate at least one schema (anyOf)',
    ],
    [
      'exactly one of several',
      1,
      { oneOf: [{ type: 'integer' }, { minimum: 0 }] },
      'Invalid value: 1: f in body must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
    ['a negation', 1, { not: { type: 'integer' } }, 'Invalid value: 1: f in body must not validate the schema (not)'],
  ])('%s', (_, value, part, message) => {
    expect(
      validateSchema({ f: value }, { type: 'object', properties: { f: part } }).map((cause) => cause.message),
    ).toEqual([message]);
  });
});

describe('withDefaults', () => {
  it('fills in defaults', () => {
    expect(withDefaults({ spec: {} }, schema)).toEqual({ spec: { replicas: 1 } });
    expect(withDefaults({ spec: { replicas: 0 } }, schema)).toEqual({ spec: { replicas: 0 } });
  });
});

describe('prune', () => {
  it('drops what the schema does not know, but not where it is told to keep it, and says what', () => {
    const value = {
      spec: { replicas: 1, odd: 1, free: { any: { thing: 1 } }, labels: { l: 'v' }, items: [{ x: 1, y: 2 }] },
      odd: 1,
    };
    const pruned = { spec: { replicas: 1, free: { any: { thing: 1 } }, labels: { l: 'v' }, items: [{ x: 1 }] } };
    const unknown: string[] = [];
    expect(prune(value, schema, (path) => void unknown.push(path))).toEqual(pruned);
    expect(unknown).toEqual(['spec.odd', 'spec.items[0].y', 'odd']);
  });
});
