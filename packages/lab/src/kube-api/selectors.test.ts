import { describe, expect, it } from '@jest/globals';

import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { resourceType } from './resource-type.ts';

const labels = { app: 'web', tier: 'front', 'example.com/zone': 'a', empty: '' };

describe('parseLabelSelector', () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app=api', false],
    ['app!=api', true],
    ['missing!=x', true],
    ['empty=', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['!app', false],
    ['app in (api, web)', true],
    ['app in (api)', false],
    ['app notin (api)', true],
    ['missing notin (api)', true],
    ['example.com/zone=a,tier in (front,back),!missing', true],
    ['app=web,tier=back', false],
  ])('%s → %s', (text, want) => {
    expect(parseLabelSelector(text)(labels)).toBe(want);
  });

  it.each(['app=web=x', 'in (a)(b)', 'app>3', '=x'])('refuses %s', (text) => {
    expect(() => parseLabelSelector(text)).toThrow('unable to parse requirement');
  });
});

describe('parseFieldSelector', () => {
  const pods = resourceType({
    group: '',
    plural: 'pods',
    kind: 'Pod',
    namespaced: true,
    versions: [],
    selectableFields: ['spec.nodeName'],
  });
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop' }, spec: { nodeName: 'n1' } };

  it.each([
    ['metadata.name=a', true],
    ['metadata.namespace=other', false],
    ['spec.nodeName=n1,metadata.name!=b', true],
    ['spec.nodeName!=n1', false],
    ['spec.nodeName=', false],
  ])('%s → %s', (text, want) => {
    expect(parseFieldSelector(text, pods)(pod)).toBe(want);
  });

  it('takes an absent field for the empty text', () => {
    expect(parseFieldSelector('spec.nodeName=', pods)({ ...pod, spec: {} })).toBe(true);
  });

  it('refuses a field that the type cannot be selected by', () => {
    expect(() => parseFieldSelector('spec.image=x', pods)).toThrow('field label not supported: spec.image');
  });
});
