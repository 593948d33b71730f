import { describe, expect, it } from '@jest/globals';
import {
  isNamespaceGlobal,
  namespaceAnnotationProblems,
  serviceAnnotationProblems,
  serviceSharing,
  type Annotations,
} from './annotations.ts';

const off = { global: false, shared: false, affinity: 'none' };
const on = { global: true, shared: true, affinity: 'none' };
const global = { 'service.cilium.io/global': 'true' };

describe('annotations of a Service', () => {
  it.each<[string, Annotations, object]>([
    ['none at all', undefined, off],
    ['others', { a: 'b' }, off],
    ['global', global, on],
    ['global in any case', { 'service.cilium.io/global': 'TRUE' }, on],
    ['global by its old name', { 'io.cilium/global-service': 'true' }, on],
    ['global: anything but true', { 'service.cilium.io/global': 'yes' }, off],
    ['global: the new name wins', { 'service.cilium.io/global': 'false', 'io.cilium/global-service': 'true' }, off],
    [
      'global: the new name wins even when empty',
      { 'service.cilium.io/global': '', 'io.cilium/global-service': 'true' },
      off,
    ],
    ['shared: false', { ...global, 'service.cilium.io/shared': 'false' }, { ...on, shared: false }],
    ['shared: false by its old name', { ...global, 'io.cilium/shared-service': 'False' }, { ...on, shared: false }],
    ['shared: anything but true is false', { ...global, 'service.cilium.io/shared': '1' }, { ...on, shared: false }],
    ['shared: True', { ...global, 'service.cilium.io/shared': 'True' }, on],
    ['shared without global', { 'service.cilium.io/shared': 'true' }, off],
    ['affinity: local', { ...global, 'service.cilium.io/affinity': 'local' }, { ...on, affinity: 'local' }],
    ['affinity: Remote', { ...global, 'service.cilium.io/affinity': 'Remote' }, { ...on, affinity: 'remote' }],
    ['affinity by its old name', { ...global, 'io.cilium/service-affinity': 'local' }, { ...on, affinity: 'local' }],
    ['affinity: none', { ...global, 'service.cilium.io/affinity': 'none' }, on],
    ['an empty affinity', { ...global, 'service.cilium.io/affinity': '' }, on],
    ['affinity without global', { 'service.cilium.io/affinity': 'local' }, off],
    ['an affinity that nobody knows', { ...global, 'service.cilium.io/affinity': 'Nearest' }, on],
    ['what an object inherits', Object.create({ 'service.cilium.io/global': 'true' }) as Annotations, off],
  ])('%s', (_name, annotations, want) => {
    expect(serviceSharing(annotations)).toEqual(want);
  });
});

describe('the annotation of a Namespace', () => {
  const key = 'clustermesh.cilium.io/global';

  it.each([
    ['true', { annotations: { [key]: 'true' } }, false, true],
    ['True', { annotations: { [key]: 'True' } }, false, true],
    ['false', { annotations: { [key]: 'false' } }, true, false],
    ['anything else', { annotations: { [key]: '' } }, true, false],
    ['absent, with default true', { annotations: {} }, true, true],
    ['absent, with default false', {}, false, false],
    ['of a namespace that is not known', undefined, true, undefined],
  ])('%s', (_name, namespace, byDefault, want) => {
    expect(isNamespaceGlobal(namespace, byDefault)).toBe(want);
  });
});

describe('what an annotation means that says something else', () => {
  const affinity = 'service.cilium.io/affinity';

  it.each<[string, Annotations, readonly string[]]>([
    ['nothing', undefined, []],
    ['what is right', { ...global, 'service.cilium.io/shared': 'False', [affinity]: '' }, []],
    [
      'another word for true',
      { 'service.cilium.io/global': 'yes' },
      ['service.cilium.io/global: "yes" is none of true, false, and counts as false'],
    ],
    [
      'an affinity that nobody knows',
      { ...global, [affinity]: 'Nearest' },
      ['service.cilium.io/affinity: "nearest" is none of local, remote, none, and counts as none'],
    ],
    [
      'an old name',
      { ...global, 'io.cilium/shared-service': '0' },
      ['service.cilium.io/shared: "0" is none of true, false, and counts as false'],
    ],
    [
      'no global service',
      { [affinity]: 'local' },
      ['service.cilium.io/affinity is ignored: the service is not global'],
    ],
  ])('of a Service: %s', (_name, annotations, want) => {
    expect(serviceAnnotationProblems(annotations)).toEqual(want);
  });

  it('of a Namespace', () => {
    const key = 'clustermesh.cilium.io/global';
    expect(namespaceAnnotationProblems({ [key]: 'True' })).toEqual([]);
    expect(namespaceAnnotationProblems({ [key]: 'on' })).toEqual([
      'clustermesh.cilium.io/global: "on" is none of true, false, and counts as false',
    ]);
  });
});
