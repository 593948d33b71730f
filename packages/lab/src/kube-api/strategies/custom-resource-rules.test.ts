import { describe, expect, it } from '@jest/globals';

import type { CustomResourceDefinition, JsonSchema } from '@clustermesh/kube';

import { checkCrd, crdWarnings } from './custom-resource-rules.ts';

function crd(spec: object = {}, schema: JsonSchema = { type: 'object' }): CustomResourceDefinition {
  return {
    metadata: { name: 'things.x.io' },
    spec: {
      group: 'x.io',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      ...spec,
    },
  };
}

function withProperty(part: JsonSchema): CustomResourceDefinition {
  return crd({}, { type: 'object', properties: { p: part } });
}

const version = { name: 'v1', served: true, schema: { openAPIV3Schema: { type: 'object' } } };
const at = 'spec.versions[0].schema.openAPIV3Schema';

describe('a CustomResourceDefinition', () => {
  it.each<[string, CustomResourceDefinition, string[]]>([
    ['that is right', crd(), []],
    ['of another name', crd({ group: 'y.io' }), ['metadata.name']],
    ['of an odd scope', crd({ scope: 'World' }), ['spec.scope']],
    ['without storage version', crd({ versions: [{ ...version, storage: false }] }), ['spec.versions']],
    [
      'with a version twice',
      crd({
        versions: [
          { ...version, storage: true },
          { ...version, storage: false },
        ],
      }),
      ['spec.versions'],
    ],
    ['without schema', crd({ versions: [{ ...version, storage: true, schema: {} }] }), [at]],
    ['that is no object', crd({}, { type: 'string' }), [`${at}.type`]],
    ['with a field of no type', withProperty({}), [`${at}.properties[p].type`]],
    [
      'with a keyed list without keys',
      withProperty({ type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } }),
      [`${at}.properties[p].x-kubernetes-list-map-keys`],
    ],
    ['with a pattern that is none', withProperty({ type: 'string', pattern: '(' }), [`${at}.properties[p].pattern`]],
    ['with a webhook', crd({ conversion: { strategy: 'Webhook' } }), ['spec.conversion.strategy']],
  ])('%s', (_, object, fields) => {
    expect(checkCrd(object, undefined).map(({ field }) => field)).toEqual(fields);
  });

  it('cannot change what objects are stored by', () => {
    const old = { ...crd(), status: { storedVersions: ['v1', 'v0'] } };
    const changed = crd({ scope: 'Cluster', names: { plural: 'things', kind: 'Other' } });
    expect(checkCrd(changed, old).map(({ field }) => field)).toEqual([
      'spec.scope',
      'spec.names.kind',
      'status.storedVersions[0]',
    ]);
  });

  it('is told that its rules in CEL do nothing', () => {
    const rules = [{ rule: 'self.size() < 3' }];
    const deep = withProperty({ type: 'array', items: { type: 'string', 'x-kubernetes-validations': rules } });
    expect(crdWarnings(crd())).toEqual([]);
    expect(crdWarnings(deep)).toEqual([
      `${at}.properties[p].items.x-kubernetes-validations: rules in CEL are not evaluated here`,
    ]);
  });
});
