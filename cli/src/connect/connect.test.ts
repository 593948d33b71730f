import { configMaps, secrets, services } from '@clustermesh/kube';
import type { KubeClient, Node, Service } from '@clustermesh/kube';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, seededRandom } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { readAccessInfo } from './access-info.ts';
import type { AccessInfo } from './access-info.ts';
import { whyNotConnect } from './check.ts';
import { chooseEndpoints, parseEndpoints } from './endpoints.ts';
import { removeLink, writeLink } from './link.ts';
import { linksOf } from './mode.ts';
import { configuredClusters, remoteClusterFiles, remoteClustersSecret } from './remote-files.ts';

const namespace = 'kube-system';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const west: AccessInfo = {
  context: 'west-admin',
  clusterName: 'west',
  clusterId: 2,
  maxConnectedClusters: 255,
  isOfCiliumChart: false,
  endpoints: { ips: ['172.30.2.11'], port: 2379 },
  caCert: 'ca',
  authMode: 'legacy',
  clientCert: 'cert',
  clientKey: 'key',
  authorityKey: undefined,
};
const east: AccessInfo = { ...west, context: 'east-admin', clusterName: 'east', clusterId: 1 };

function emptyCluster(): KubeClient {
  return new KubeApiStore({ clock: new FakeClock(), random: seededRandom(1) }).client();
}

async function installedCluster(configMap = 'clustermesh-config'): Promise<KubeClient> {
  const kube = emptyCluster();
  const data = { 'cluster-name': 'west', 'cluster-id': '2', 'max-connected-clusters': '511' };
  await kube.create(configMaps, { metadata: { namespace, name: configMap }, data });
  await kube.create(services, {
    metadata: { namespace, name: 'clustermesh-apiserver' },
    spec: { type: 'LoadBalancer', ports: [{ port: 2379 }] },
  });
  const service = await kube.get(services, { namespace, name: 'clustermesh-apiserver' });
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } };
  await kube.update(services, { ...service, status }, { subresource: 'status' });
  const pems = { 'ca.crt': base64('CA'), 'tls.crt': base64('CERT'), 'tls.key': base64('KEY') };
  await kube.create(secrets, { metadata: { namespace, name: 'clustermesh-apiserver-remote-cert' }, data: pems });
  return kube;
}

describe('readAccessInfo', () => {
  it.each(['clustermesh-config', 'cilium-config'])('reads what others need, settings from %s', async (configMap) => {
    expect(await readAccessInfo(await installedCluster(configMap), 'ctx', namespace, undefined)).toEqual({
      context: 'ctx',
      clusterName: 'west',
      clusterId: 2,
      maxConnectedClusters: 511,
      isOfCiliumChart: configMap === 'cilium-config',
      endpoints: { ips: ['203.0.113.7'], port: 2379 },
      caCert: 'CA',
      authMode: 'legacy',
      clientCert: 'CERT',
      clientKey: 'KEY',
      authorityKey: undefined,
    });
  });

  it('takes endpoints that were given', async () => {
    const given = { ips: ['198.51.100.1'], port: 32379 };
    const { endpoints } = await readAccessInfo(await installedCluster(), 'ctx', namespace, given);
    expect(endpoints).toEqual(given);
  });

  it('resolves a load balancer that has only a name', async () => {
    const kube = await installedCluster();
    const service = await kube.get(services, { namespace, name: 'clustermesh-apiserver' });
    const status = { loadBalancer: { ingress: [{ hostname: 'localhost' }] } };
    await kube.update(services, { ...service, status }, { subresource: 'status' });
    expect((await readAccessInfo(kube, 'ctx', namespace, undefined)).endpoints.ips).toContain('127.0.0.1');
  });

  it('says what is missing where, and what to do', async () => {
    await expect(readAccessInfo(emptyCluster(), 'ctx', namespace, undefined)).rejects.toThrow(
      /ConfigMap kube-system\/clustermesh-config or cilium-config is missing in ctx: install/,
    );
    const kube = await installedCluster();
    await kube.delete(secrets, { namespace, name: 'clustermesh-apiserver-remote-cert' });
    await expect(readAccessInfo(kube, 'ctx', namespace, undefined)).rejects.toThrow(/remote-cert is missing in ctx/);
  });
});

describe('whyNotConnect', () => {
  it('has nothing against two clusters that fit', () => {
    expect(whyNotConnect(east, west)).toEqual([]);
  });

  it.each<{ name: string; change: Partial<AccessInfo>; want: RegExp }>([
    { name: 'the same name', change: { clusterName: 'east' }, want: /same cluster name "east"/ },
    { name: 'the same id', change: { clusterId: 1 }, want: /same cluster id 1/ },
    { name: 'id 0', change: { clusterId: 0 }, want: /west-admin has the cluster id 0: it must be 1 to 255/ },
    { name: 'an id that is no number', change: { clusterId: NaN }, want: /cluster id NaN/ },
    { name: 'the name default', change: { clusterName: 'default' }, want: /"default": it needs one of its own/ },
    { name: 'a name of capitals', change: { clusterName: 'West' }, want: /"West"/ },
    {
      name: 'another number of clusters',
      change: { maxConnectedClusters: 511 },
      want: /max-connected-clusters differs/,
    },
  ])('refuses $name', ({ change, want }) => {
    expect(whyNotConnect(east, { ...west, ...change }).join('; ')).toMatch(want);
  });

  it('lets clusters of Cilium’s chart be read, and says how they read others', () => {
    const ofCilium = { ...west, isOfCiliumChart: true };
    expect(whyNotConnect(east, ofCilium)).toEqual([]);
    expect(whyNotConnect(ofCilium, east)).toEqual([expect.stringMatching(/^west-admin .*values .* add east there/)]);
  });
});

describe('chooseEndpoints', () => {
  const node = (address: string, type = 'InternalIP'): Node => ({
    metadata: { name: address },
    status: { addresses: [{ type, address }] },
  });
  const service = (spec: Service['spec'], ingress: { ip: string }[] = []): Service => ({
    metadata: { name: 's', namespace: 'n' },
    ...(spec === undefined ? {} : { spec }),
    status: { loadBalancer: { ingress } },
  });

  it('takes every address of a load balancer', () => {
    const balanced = service({ type: 'LoadBalancer', ports: [{ port: 2379 }] }, [{ ip: '1.2.3.4' }, { ip: '1.2.3.5' }]);
    expect(chooseEndpoints(balanced, [], 'ctx')).toEqual({ ips: ['1.2.3.4', '1.2.3.5'], port: 2379 });
  });

  it('takes every node of a node port, not only the first', () => {
    const ported = service({ type: 'NodePort', ports: [{ port: 2379, nodePort: 32379 }] });
    const { ips, port } = chooseEndpoints(ported, [node('10.0.0.1'), node('10.0.0.2')], 'ctx');
    expect([ips, port]).toEqual([['10.0.0.1', '10.0.0.2'], 32379]);
  });

  it.each([
    { name: 'a load balancer without an address', spec: { type: 'LoadBalancer', ports: [{ port: 1 }] } as const },
    { name: 'a node port without nodes', spec: { type: 'NodePort', ports: [{ port: 1, nodePort: 2 }] } as const },
    { name: 'a service that is not exposed', spec: { type: 'ClusterIP', ports: [{ port: 1 }] } as const },
  ])('refuses $name and says how to go on', ({ spec }) => {
    expect(() => chooseEndpoints(service(spec), [], 'ctx')).toThrow(/ctx.*--destination-endpoint/);
  });
});

describe('parseEndpoints', () => {
  it.each([
    ['10.0.0.1:2379', { ips: ['10.0.0.1'], port: 2379 }],
    ['10.0.0.1:1,10.0.0.2:1', { ips: ['10.0.0.1', '10.0.0.2'], port: 1 }],
    ['[fd00::1]:2379', { ips: ['fd00::1'], port: 2379 }],
  ])('reads %s', (text, want) => {
    expect(parseEndpoints(text)).toEqual(want);
  });

  it.each(['10.0.0.1', ':2379', 'fd00::1:2379', '10.0.0.1:99999', ''])('refuses "%s"', (text) => {
    expect(() => parseEndpoints(text)).toThrow(/write ADDRESS:PORT/);
  });

  it('refuses endpoints with different ports', () => {
    expect(() => parseEndpoints('10.0.0.1:1,10.0.0.2:2')).toThrow(/same port/);
  });
});

describe('links', () => {
  it('are files that kvstoremesh reads: the remote, its CA, and a client certificate', () => {
    const files = remoteClusterFiles(west);
    expect(Object.keys(files)).toEqual([
      'west',
      'west.etcd-client-ca.crt',
      'west.etcd-client.crt',
      'west.etcd-client.key',
    ]);
    expect(parse(files['west'] ?? '')).toEqual({
      endpoints: ['https://west.mesh.cilium.io:2379'],
      'trusted-ca-file': '/var/lib/cilium/clustermesh/west.etcd-client-ca.crt',
      'key-file': '/var/lib/cilium/clustermesh/west.etcd-client.key',
      'cert-file': '/var/lib/cilium/clustermesh/west.etcd-client.crt',
      'cilium-host-aliases': [{ hostname: 'west.mesh.cilium.io', ips: ['172.30.2.11'] }],
    });
  });

  it('are written once, kept beside others, and removed alone', async () => {
    const kube = emptyCluster();
    const target = { kube, namespace, isDryRun: false };
    const configured = async (): Promise<readonly string[]> =>
      configuredClusters((await kube.get(secrets, { namespace, name: remoteClustersSecret })).data);
    expect(await writeLink(target, west)).toBe('configured');
    expect(await writeLink(target, west)).toBe('unchanged');
    expect(await writeLink(target, { ...west, clusterName: 'north', clusterId: 3 })).toBe('configured');
    expect(await configured()).toEqual(['north', 'west']);
    expect(await writeLink(target, { ...west, endpoints: { ips: ['172.30.2.12'], port: 2379 } })).toBe('configured');
    expect(await removeLink(target, 'west')).toBe('removed');
    expect(await removeLink(target, 'west')).toBe('absent');
    const { data } = await kube.get(secrets, { namespace, name: remoteClustersSecret });
    expect(Object.keys(data ?? {}).filter((name) => name.startsWith('west'))).toEqual([]);
    expect(await configured()).toEqual(['north']);
  });

  it('are told and not changed by a dry run', async () => {
    const kube = emptyCluster();
    const target = { kube, namespace, isDryRun: false };
    const dryRun = { ...target, isDryRun: true };
    expect(await writeLink(dryRun, west)).toBe('configured');
    expect(await removeLink(dryRun, 'west')).toBe('absent');
    await writeLink(target, west);
    expect(await writeLink(dryRun, west)).toBe('unchanged');
    expect(await removeLink(dryRun, 'west')).toBe('removed');
    expect(await removeLink(target, 'west')).toBe('removed');
  });

  it.each([
    ['unicast', ['a<b', 'a<c']],
    ['bidirectional', ['a<b', 'a<c', 'b<a', 'c<a']],
    ['mesh', ['a<b', 'a<c', 'b<a', 'b<c', 'c<a', 'c<b']],
  ] as const)('in mode %s are %j (reader<remote)', (mode, want) => {
    expect(linksOf(mode, ['a', 'b', 'c']).map(([reader, remote]) => `${reader}<${remote}`)).toEqual(want);
  });
});
