import { writeFile } from 'node:fs/promises';
import { join as pathOf } from 'node:path';

import { configMaps, secrets, services } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { connectEtcd, parseEtcdClientFile } from '@clustermesh/kvstore';
import type { EtcdKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, seededRandom, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { CertificateFiles } from '@clustermesh/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';

import { readAccessInfo } from './access-info.ts';
import { commonNameOf } from './auth-mode.ts';
import type { AuthMode } from './auth-mode.ts';
import { join, part } from './join.ts';
import type { LinkEnd } from './join.ts';
import { remoteUsersConfigMap } from './remote-users.ts';

jest.setTimeout(60_000);

const namespace = 'kube-system';
const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const { signal } = new AbortController();
const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');

/** A real etcd with an authority of its own, and the objects in which its cluster says how others come to it. */
class Cluster {
  readonly name: string;
  readonly etcd: TestEtcd;
  readonly kube: KubeClient;
  readonly #folder: string;

  constructor(name: string, etcd: TestEtcd, folder: string) {
    this.name = name;
    this.etcd = etcd;
    this.#folder = folder;
    this.kube = new KubeApiStore({ clock: new FakeClock(), random: seededRandom(1) }).client();
  }

  async install(id: number): Promise<void> {
    const data = { 'cluster-name': this.name, 'cluster-id': String(id) };
    await this.kube.create(configMaps, { metadata: { namespace, name: 'clustermesh-config' }, data });
    await this.kube.create(services, {
      metadata: { namespace, name: 'clustermesh-apiserver' },
      spec: { type: 'LoadBalancer', ports: [{ port: this.etcd.port }] },
    });
    const { ca } = this.etcd;
    const authority = { 'ca.crt': base64(ca.cert), 'ca.key': base64(ca.key) };
    await this.kube.create(secrets, { metadata: { namespace, name: 'cilium-ca' }, data: authority });
    await this.#certificateForOthers('remote');
  }

  /** As an installation of that mode has them: the certificate for others, and the list of users. */
  async setMode(mode: AuthMode): Promise<void> {
    if (mode !== 'legacy') await this.#createUserList();
    if (mode === 'cluster') await this.#certificateForOthers(`remote-${this.name}`);
  }

  async end(): Promise<LinkEnd> {
    const endpoints = { ips: ['127.0.0.1'], port: this.etcd.port };
    const info = await readAccessInfo(this.kube, this.name, namespace, endpoints);
    return { target: { kube: this.kube, namespace, isDryRun: false }, info };
  }

  /** What the apiserver does with its list of users. */
  async admitUsers(): Promise<void> {
    const { users } = parse(await this.userList()) as { readonly users: readonly { name: string; role: string }[] };
    const present = await this.etcd.ctl('user', 'list');
    for (const { name, role } of users) {
      if (present.includes(name)) continue;
      await this.etcd.ctl('user', 'add', name, '--no-password');
      await this.etcd.ctl('user', 'grant-role', name, role);
    }
  }

  async userList(): Promise<string> {
    const list = await this.kube.get(configMaps, { namespace, name: remoteUsersConfigMap });
    return list.data?.['users.yaml'] ?? '';
  }

  /** As kvstoremesh would, by the files of its Secret. */
  async read(remote: Cluster): Promise<{ readonly kv: EtcdKvStore; readonly user: string | undefined }> {
    const { data = {} } = await this.kube.get(secrets, { namespace, name: 'clustermesh-kvstoremesh' });
    for (const [name, text] of Object.entries(data)) {
      await writeFile(pathOf(this.#folder, name), Buffer.from(text, 'base64'));
    }
    const text = Buffer.from(data[remote.name] ?? '', 'base64').toString();
    const moved = text
      .replaceAll('/var/lib/cilium/clustermesh', this.#folder)
      .replaceAll(`${remote.name}.mesh.cilium.io`, 'etcd.test');
    const config = parseEtcdClientFile(moved, this.#folder);
    if (!config.ok) throw new Error(config.reason);
    const kv = await connectEtcd(config.value, { session: false }, deps, signal);
    const cert = Buffer.from(data[`${remote.name}.etcd-client.crt`] ?? '', 'base64').toString();
    return { kv, user: commonNameOf(cert) };
  }

  async #createUserList(): Promise<void> {
    const list = { metadata: { namespace, name: remoteUsersConfigMap }, data: { 'users.yaml': 'users: []\n' } };
    await this.kube.create(configMaps, list).catch(() => undefined);
  }

  async #certificateForOthers(commonName: string): Promise<void> {
    const metadata = { namespace, name: 'clustermesh-apiserver-remote-cert' };
    const data = secretData(await this.etcd.ca.issue({ commonName }), this.etcd);
    await this.kube.delete(secrets, metadata).catch(() => undefined);
    await this.kube.create(secrets, { metadata, data });
  }
}

function secretData({ cert, key }: CertificateFiles, { ca }: TestEtcd): Record<string, string> {
  return { 'ca.crt': base64(ca.cert), 'tls.crt': base64(cert), 'tls.key': base64(key) };
}

describe('two clusters with authorities of their own', () => {
  const etcds: TestEtcd[] = [];
  let stack: AsyncDisposableStack;
  let east: Cluster;
  let west: Cluster;

  beforeAll(async () => {
    for (let count = 0; count < 2; count++) {
      const etcd = await TestEtcd.start({ tls: true });
      await etcd.enableAuth([{ user: 'remote', read: [['cilium/state/', 'cilium/state0']] }]);
      etcds.push(etcd);
    }
  });
  afterAll(async () => {
    for (const etcd of etcds) await etcd[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    const [first, second] = etcds;
    if (first === undefined || second === undefined) throw new Error('no etcd');
    east = new Cluster('east', first, stack.use(await tempDir('east')).path);
    west = new Cluster('west', second, stack.use(await tempDir('west')).path);
    await east.install(1);
    await west.install(2);
  });
  afterEach(async () => {
    await stack.disposeAsync();
    for (const [etcd, user] of [
      [etcds[0], 'remote-west'],
      [etcds[1], 'remote-east'],
    ] as const) {
      await etcd?.ctl('user', 'delete', user).catch(() => undefined);
    }
  });

  async function connect(): Promise<void> {
    const ends = [await east.end(), await west.end()] as const;
    await join(ends[0], ends[1], systemClock);
    await join(ends[1], ends[0], systemClock);
    for (const cluster of [east, west]) await cluster.admitUsers().catch(() => undefined);
  }

  async function canRead(kv: EtcdKvStore): Promise<boolean> {
    return kv.get('cilium/state/x', signal).then(
      () => true,
      () => false,
    );
  }

  async function read(reader: Cluster, remote: Cluster): Promise<string> {
    const { kv, user } = await reader.read(remote);
    stack.use(kv);
    return `${user ?? 'nobody'} ${(await canRead(kv)) ? 'reads' : 'is refused'}`;
  }

  it.each<{ modes: readonly [AuthMode, AuthMode]; eastAs: string; westAs: string }>([
    { modes: ['legacy', 'legacy'], eastAs: 'remote', westAs: 'remote' },
    { modes: ['migration', 'legacy'], eastAs: 'remote', westAs: 'remote' },
    { modes: ['migration', 'migration'], eastAs: 'remote', westAs: 'remote' },
    { modes: ['cluster', 'migration'], eastAs: 'remote', westAs: 'remote-west' },
    { modes: ['cluster', 'legacy'], eastAs: 'remote', westAs: 'remote-west' },
    { modes: ['cluster', 'cluster'], eastAs: 'remote-east', westAs: 'remote-west' },
  ])('in modes $modes read each other as $eastAs and $westAs', async ({ modes, eastAs, westAs }) => {
    await east.setMode(modes[0]);
    await west.setMode(modes[1]);
    await connect();
    expect(await read(east, west)).toBe(`${eastAs} reads`);
    expect(await read(west, east)).toBe(`${westAs} reads`);
  });

  it('that go from legacy to cluster while they read: what runs goes on, and what comes is another user', async () => {
    await connect();
    const before = stack.use((await west.read(east)).kv);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { events } of before.watch('cilium/state/', {}, signal)) {
        seen.push(...events.map(({ key }) => key));
      }
    })().catch(() => undefined);
    for (const mode of ['migration', 'cluster'] as const) {
      await east.setMode(mode);
      await connect();
      await east.etcd.ctl('put', `cilium/state/${mode}`, 'x');
      await eventually(() => expect(seen).toContain(`cilium/state/${mode}`));
    }
    expect(await read(west, east)).toBe('remote-west reads');
    expect(await canRead(before)).toBe(true);
    expect(seen).toEqual(['cilium/state/migration', 'cilium/state/cluster']);
    await before[Symbol.asyncDispose]();
    await watching;
  });

  it('that are connected again keep their certificates, and lose their users when they part', async () => {
    await east.setMode('cluster');
    await connect();
    const link = async (): Promise<unknown> =>
      (await west.kube.get(secrets, { namespace, name: 'clustermesh-kvstoremesh' })).data;
    const first = await link();
    const [reader, remote] = [await west.end(), await east.end()];
    expect(await join(reader, remote, systemClock)).toBe('unchanged');
    expect(await link()).toEqual(first);
    expect(await east.userList()).toContain('remote-west');
    const change = await part({ target: reader.target, name: 'west' }, { target: remote.target, name: 'east' });
    expect([change, await east.userList()]).toEqual(['removed', 'users: []\n']);
  });

  it('that share an authority come with the certificate that they have for all others', async () => {
    const [reader, remote] = [await west.end(), await east.end()];
    const own = await east.etcd.ca.issue({ commonName: 'remote-west' });
    const clientCert = own.cert.toString();
    const info = { ...reader.info, clientCert, clientKey: own.key.toString() };
    const shared = { ...remote, info: { ...remote.info, authMode: 'cluster', authorityKey: undefined } } as const;
    await join({ ...reader, info }, shared, systemClock);
    const { data = {} } = await west.kube.get(secrets, { namespace, name: 'clustermesh-kvstoremesh' });
    expect(Object.keys(data)).toEqual(['east', 'east.etcd-client-ca.crt']);
    const file = Buffer.from(data['east'] ?? '', 'base64').toString();
    expect(file).toContain('cert-file: /var/lib/cilium/clustermesh/common-etcd-client.crt');
  });

  it('get certificates of that authority, of several in a bundle, whose key is there', async () => {
    await east.setMode('cluster');
    const remote = await east.end();
    const caCert = west.etcd.ca.cert.toString() + remote.info.caCert;
    await join(await west.end(), { ...remote, info: { ...remote.info, caCert } }, systemClock);
    await east.admitUsers();
    expect(await read(west, east)).toBe('remote-west reads');
    const broken = { ...remote, info: { ...remote.info, authorityKey: 'x' } };
    await west.kube.delete(secrets, { namespace, name: 'clustermesh-kvstoremesh' });
    await expect(join(await west.end(), broken, systemClock)).rejects.toThrow(
      /ca.key .* of east is no PEM private key/,
    );
  });

  it.each(['users: remote-west', '- users', '{'])('are not joined where the list of users is %j', async (text) => {
    await east.setMode('cluster');
    const list = await east.kube.get(configMaps, { namespace, name: remoteUsersConfigMap });
    await east.kube.update(configMaps, { ...list, data: { 'users.yaml': text } });
    await expect(join(await west.end(), await east.end(), systemClock)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'ConfigMap kube-system/clustermesh-remote-users: users.yaml is no list of users',
    });
    await expect(west.kube.get(secrets, { namespace, name: 'clustermesh-kvstoremesh' })).rejects.toThrow();
  });

  it('are not joined where the authority’s key is elsewhere, and nothing is changed', async () => {
    await east.setMode('cluster');
    await east.kube.delete(secrets, { namespace, name: 'cilium-ca' });
    await expect(join(await west.end(), await east.end(), systemClock)).rejects.toThrow(
      /east wants a certificate of its own authority for remote-west.*cilium-ca: have one issued/,
    );
    expect(await east.userList()).toBe('users: []\n');
  });
});
