import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import {
  ciliumEndpoints,
  ciliumIdentities,
  ciliumNodes,
  customResourceDefinitions,
  serviceExports,
} from '@clustermesh/kube';
import type { KubeObject, Resource } from '@clustermesh/kube';
import { eventually } from '@clustermesh/testkit';

import { aDefinition } from './testing/cilium-objects.ts';
import { ClusterUnderFaults } from './testing/cluster-under-faults.ts';
import { failure } from './testing/kube-front.ts';
import {
  ciliumWorkloads,
  expectedKeys,
  ipKey,
  isMark,
  workloadIp,
  workloadName,
  workloads,
} from './testing/workloads.ts';

jest.setTimeout(120_000);

const patience = { timeoutMs: 60_000 };

describe('clustermesh-apiserver of 10,000 CiliumEndpoints, when the Kubernetes API', () => {
  let cluster: ClusterUnderFaults;
  beforeAll(async () => {
    cluster = await ClusterUnderFaults.start(ciliumWorkloads, ['--clustermesh-enable-mcs-api']);
  });
  afterEach(() => {
    cluster.fault = () => undefined;
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  function output(text: string): Promise<void> {
    return eventually(() => expect(cluster.program.output()).toContain(text), patience);
  }

  it('is as it should be, has all its objects published, without a definition of ServiceExports', async () => {
    const keys = cluster.writes.keys('cilium/state/');
    expect(keys.filter((key) => !key.includes('/identities/') && !isMark(key))).toEqual(expectedKeys());
    expect(keys.filter((key) => key.includes('/identities/') && !isMark(key))).toHaveLength(20);
    expect(cluster.writes.get('cilium/synced/east/cilium/state/serviceexports/v1')).toBeDefined();
    expect(await cluster.settled()).toEqual([]);
  });

  it('gets the definition of ServiceExports: one write for the one export', async () => {
    await cluster.kube.create(customResourceDefinitions, aDefinition(serviceExports, ['v1beta1', 'v1alpha1']));
    await cluster.kube.create(serviceExports, { metadata: { namespace: 'default', name: 's-1' } });
    await cluster.watching();
    expect(await cluster.settled()).toEqual(['put cilium/state/serviceexports/v1/east/default/s-1']);
  });

  it('serves ServiceExports in another version from now on: nothing is written', async () => {
    const { name } = aDefinition(serviceExports).metadata;
    const definition = await cluster.kube.get(customResourceDefinitions, { name });
    const versions = definition.spec.versions.map((version) => ({ ...version, served: version.name === 'v1alpha1' }));
    await cluster.kube.update(customResourceDefinitions, { ...definition, spec: { ...definition.spec, versions } });
    cluster.front.endWatches('serviceexports');
    await cluster.watching();
    expect(await cluster.settled()).toEqual([]);
  });

  it('does not know a type of Cilium’s for a while: nothing is withdrawn, and it is told (I4)', async () => {
    const unknown = { status: 404, body: failure(404, 'NotFound', { message: 'the server could not find it' }) };
    cluster.fault = ({ plural }) => (plural === 'ciliumendpoints' ? unknown : undefined);
    cluster.front.endWatches('ciliumendpoints');
    await output('the server could not find it');
    // Longer than an absence needs to be believed of types that need not exist.
    const since = performance.now();
    await eventually(() => expect(performance.now() - since).toBeGreaterThan(5_000), patience);
    expect(cluster.writes.keys(ipKey('')).filter((key) => !isMark(key))).toHaveLength(workloads);
    cluster.fault = () => undefined;
    expect(await cluster.settled()).toEqual([]);
  });

  it('tells unknown fields, and objects that nobody understands: the others go on, and what was said stays', async () => {
    const broken = (resource: Resource<KubeObject>, name: string, fields: object): Promise<KubeObject> => {
      const namespace = resource.namespaced ? { namespace: 'default' } : {};
      return cluster.kube.create(resource, { ...fields, metadata: { name, ...namespace } });
    };
    const networking = { node: '172.18.0.1', addressing: [{ ipv4: '10.201.0.1', ipv9: {} }] };
    await broken(ciliumEndpoints, 'newer', {
      future: [1],
      status: { identity: { id: 66_000 }, networking, more: null },
    });
    await broken(ciliumEndpoints, 'text', { status: 'nonsense' });
    await broken(ciliumEndpoints, 'no-list', { status: { networking: { addressing: 'x' } } });
    await broken(ciliumEndpoints, 'no-ip', { status: { networking: { addressing: [{ ipv4: 7 }, null] } } });
    await broken(ciliumIdentities, 'letters', { 'security-labels': { a: 1 } });
    await broken(ciliumIdentities, '66998', { 'security-labels': [1] });
    await broken(ciliumNodes, 'no-list', { spec: { addresses: 'x', ipam: null } });
    const known = await cluster.kube.get(ciliumEndpoints, { namespace: 'default', name: workloadName(3) });
    const status = { networking: { addressing: 5 } } as unknown as NonNullable<typeof known.status>;
    await cluster.kube.update(ciliumEndpoints, { ...known, status });
    expect(await cluster.settled()).toEqual([`put ${ipKey('10.201.0.1')}`]);
    await output('object not understood');
    await cluster.kube.update(ciliumEndpoints, {
      ...(await cluster.kube.get(ciliumEndpoints, known.metadata)),
      status: known.status ?? {},
    });
    await cluster.kube.delete(ciliumEndpoints, { namespace: 'default', name: 'newer' });
    expect(await cluster.settled()).toEqual([`delete ${ipKey('10.201.0.1')}`]);
  });

  it('is cut off half-open while an IP goes to another endpoint: one put, no delete', async () => {
    cluster.proxy.strand();
    await ciliumWorkloads.addWorkload(cluster.kube, 'heir', workloadIp(5));
    await ciliumWorkloads.removeWorkload(cluster.kube, workloadName(5));
    expect(await cluster.settled()).toEqual([`put ${ipKey(workloadIp(5))}`]);
  });

  it('has an object deleted and created again with the same contents, and forgets that it did: no write', async () => {
    await cluster.kill();
    await ciliumWorkloads.removeWorkload(cluster.kube, workloadName(0));
    await ciliumWorkloads.addWorkload(cluster.kube, workloadName(0), workloadIp(0));
    cluster.compact();
    await cluster.serve();
    expect(await cluster.settled()).toEqual([]);
  });

  it('deletes 10,000 objects while we are cut off, and forgets that it did: each is deleted, and nothing else', async () => {
    await cluster.kill();
    const { items } = await cluster.kube.list(ciliumEndpoints);
    const doomed = items.map(({ metadata }) => metadata.name).filter((name) => name !== 'mark');
    const before = cluster.writes.keys(ipKey('')).filter((key) => !isMark(key));
    expect(before).toHaveLength(workloads);
    for (const name of doomed) await ciliumWorkloads.removeWorkload(cluster.kube, name);
    cluster.compact();
    await cluster.serve();
    await eventually(() => expect(cluster.writes.keys(ipKey('')).filter((key) => !isMark(key))).toEqual([]), patience);
    expect(await cluster.settled()).toEqual(before.map((key) => `delete ${key}`));
  });

  it('loses a definition with all its objects, which it tells, and gets it back: what it tells counts', async () => {
    const { name } = aDefinition(ciliumNodes).metadata;
    const definition = await cluster.kube.get(customResourceDefinitions, { name });
    const nodes = cluster.writes.keys('cilium/state/nodes/').filter((key) => !isMark(key));
    await cluster.kube.delete(customResourceDefinitions, { name });
    await eventually(() => expect(cluster.writes.keys('cilium/state/nodes/')).toEqual([]), patience);
    await cluster.kube.create(customResourceDefinitions, { ...definition, metadata: { name } });
    await cluster.watching();
    expect(await cluster.settled()).toEqual(nodes.map((key) => `delete ${key}`));
  });
});
