import { describe, expect, it } from '@jest/globals';

import { inInstallOrder, parseManifests, renderTemplate, resourceOf } from './manifests.ts';

describe('renderTemplate', () => {
  it('replaces placeholders, and leaves the variables of containers alone', () => {
    expect(renderTemplate('ns: ${NAMESPACE} ip: $(POD_IP)', { NAMESPACE: 'mesh' })).toBe('ns: mesh ip: $(POD_IP)');
  });

  it('refuses a placeholder without a value', () => {
    expect(() => renderTemplate('${NAME}', {})).toThrow('no value for ${NAME}');
  });
});

describe('parseManifests', () => {
  it('reads several documents, empty ones passed over', () => {
    const objects = parseManifests('kind: A\nmetadata: { name: a }\n---\n---\nkind: B\nmetadata: { name: b }\n');
    expect(objects.map(({ kind }) => kind)).toEqual(['A', 'B']);
  });

  it('refuses what is not YAML', () => {
    expect(() => parseManifests('a: b: c')).toThrow('parse a manifest');
  });
});

it('installs what others need first', () => {
  const kinds = ['DaemonSet', 'ConfigMap', 'CustomResourceDefinition', 'Deployment', 'Namespace'];
  const objects = kinds.map((kind) => ({ kind, metadata: { name: kind } }));
  expect(inInstallOrder(objects).map(({ kind }) => kind)).toEqual([
    'Namespace',
    'CustomResourceDefinition',
    'ConfigMap',
    'Deployment',
    'DaemonSet',
  ]);
});

it('refuses a kind that it does not know', () => {
  expect(() => resourceOf({ kind: 'Job', metadata: { name: 'j' } })).toThrow('unexpected kind Job');
});
