import { describe, expect, it } from '@jest/globals';

import { skim } from '@clustermesh/kube';
import type { EndpointSlice, Fields, KubeObject, Node, Pod, Service } from '@clustermesh/kube';

import { aNode, aPod, aService, aSlice, east } from '../testing/objects.ts';
import { clusterEndpointSlice } from './endpoint-slice.ts';
import { meshNode } from './node.ts';
import { podFacts } from './pod.ts';
import { nodeFields, podFields, serviceFields, sliceFields } from './read-fields.ts';
import { exportValidity, serviceExport } from './service-export.ts';
import { clusterService, serviceOfSlice } from './service.ts';

/** As it comes when no more is asked for. */
const read =
  (fields: Fields) =>
  <T extends KubeObject>(object: T): T =>
    JSON.parse(Buffer.from(skim(Buffer.from(JSON.stringify(object)), fields)).toString()) as T;

const readPod = read(podFields);
const readNode = read(nodeFields);
const readService = read(serviceFields);
const readSlice = read(sliceFields);

/** As the API server has it. */
function grown<T extends KubeObject>(object: T): T {
  const managedFields = [{ manager: 'kubelet', operation: 'Update', fieldsV1: { 'f:status': {} } }] as const;
  const ids = {
    uid: `uid-of-${object.metadata.name}`,
    resourceVersion: '17',
    creationTimestamp: '2026-01-05T08:00:00Z',
  };
  return { ...object, metadata: { ...object.metadata, ...ids, managedFields } };
}

const pod = grown({
  ...aPod('web-1', '10.1.0.5'),
  spec: { ...aPod('web-1', '10.1.0.5').spec, nodeName: 'n1', volumes: [{ name: 'token' }] },
});
const aWholeNode = aNode('n1', '172.18.0.2', ['10.1.0.0/24', 'fd00:10::/64']);
const annotations = { 'example.com/note': 'yes' };
const node = grown({ ...aWholeNode, metadata: { ...aWholeNode.metadata, annotations }, extra: 'field' });
const service = grown(aService('web'));
const endpoint = {
  ...{ addresses: ['10.1.0.5'], conditions: { ready: false, serving: true, terminating: true } },
  ...{ hostname: 'web-0', nodeName: 'n1', zone: 'a', deprecatedTopology: { rack: '7' } },
  ...{ hints: { forZones: [{ name: 'a' }] }, targetRef: { kind: 'Pod', name: 'web-1' } },
};
const slice: EndpointSlice = { ...grown(aSlice('web-1', 'web', [])), endpoints: [endpoint] };

describe('what is read of an object', () => {
  it.each<{ name: string; whole: Pod }>([
    {
      name: 'with two families',
      whole: { ...pod, status: { ...pod.status, podIPs: [{ ip: '10.1.0.5' }, { ip: 'fd00::5' }] } },
    },
    { name: 'on the host', whole: { ...pod, spec: { ...pod.spec, hostNetwork: true } } },
    { name: 'that has ended', whole: { ...pod, status: { ...pod.status, phase: 'Failed' } } },
    {
      name: 'without labels, status or account',
      whole: { metadata: { name: 'a', namespace: 'b' }, spec: { containers: [] } },
    },
  ])('says of a pod $name what the whole one says', ({ whole }) => {
    expect(podFacts(readPod(whole))).toEqual(podFacts(whole));
  });

  it('says of a node what the whole one says', () => {
    const old: Node = { ...node, spec: { podCIDR: '10.1.0.0/24' } };
    for (const whole of [node, old, { metadata: { name: 'n1' } }]) {
      expect(meshNode(readNode(whole), east)).toEqual(meshNode(whole, east));
    }
  });

  it('says of a service and its slices what the whole ones say', () => {
    const external: Service = { ...service, spec: { type: 'ExternalName' } };
    const bare: EndpointSlice = { ...slice, endpoints: null, ports: null };
    for (const whole of [service, external, { metadata: { name: 'web' } }]) {
      const part = readService(whole);
      expect(
        clusterService(
          part,
          [slice, bare].map((each) => readSlice(each)),
          east,
        ),
      ).toEqual(clusterService(whole, [slice, bare], east));
      expect(exportValidity(part)).toEqual(exportValidity(whole));
      expect(serviceExport({ metadata: { name: 'web' } }, part, east)).toEqual(
        serviceExport({ metadata: { name: 'web' } }, whole, east),
      );
    }
    for (const whole of [slice, bare]) {
      expect(clusterEndpointSlice(readSlice(whole), east)).toEqual(clusterEndpointSlice(whole, east));
      expect(serviceOfSlice(readSlice(whole))).toBe(serviceOfSlice(whole));
    }
  });

  it.each([
    ['pod', readPod(pod), pod],
    ['node', readNode(node), node],
    ['service', readService(service), service],
    ['slice', readSlice(slice), slice],
  ] as const)('is of a %s what a list-watch needs, and no managedFields', (_, part: KubeObject, whole: KubeObject) => {
    const { name, namespace, uid, resourceVersion } = whole.metadata;
    expect({ namespace, ...part.metadata }).toMatchObject({ name, namespace, uid, resourceVersion });
    expect(JSON.stringify(part)).not.toMatch(/managedFields|kubelet|volumes|extra/);
  });
});
