import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { configMaps, secrets, services } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { KubeApiStore, serveKubeApi } from '@clustermesh/lab';
import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';
import { TestCa, tempDir } from '@clustermesh/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import Connect from './commands/connect.ts';
import Disconnect from './commands/disconnect.ts';
import { configuredClusters, remoteClustersSecret } from './connect/remote-files.ts';
import { loadConfig } from './testing/load-config.ts';

jest.setTimeout(30_000);

const namespace = 'kube-system';
const token = 'a secret';

interface Installed {
  readonly id: number;
  readonly name: string;
  /** The ConfigMap that has them. */
  readonly settings: string;
}

/** What `connect` looks at. */
async function install(kube: KubeClient, { id, name, settings }: Installed, cert: Buffer): Promise<void> {
  const data = { 'cluster-name': name, 'cluster-id': String(id) };
  await kube.create(configMaps, { metadata: { namespace, name: settings }, data });
  const spec = { ports: [{ port: 2379 }] };
  await kube.create(services, { metadata: { namespace, name: 'clustermesh-apiserver' }, spec });
  const encoded = cert.toString('base64');
  const files = { 'ca.crt': encoded, 'tls.crt': encoded, 'tls.key': encoded };
  await kube.create(secrets, { metadata: { namespace, name: 'clustermesh-apiserver-remote-cert' }, data: files });
}

describe('a cluster of ours (east), and one that Cilium’s chart installed (west)', () => {
  const stack = new AsyncDisposableStack();
  const stores = {
    east: new KubeApiStore({ clock: systemClock, random: seededRandom(1) }),
    west: new KubeApiStore({ clock: systemClock, random: seededRandom(2) }),
  };
  const told: string[] = [];
  let flags: readonly string[];

  beforeAll(async () => {
    const dir = stack.use(await tempDir('connect-cilium'));
    const ca = await TestCa.create(dir.path);
    const { cert, key } = await ca.issue({ commonName: 'remote', altNames: ['IP:127.0.0.1'] });
    const tls = { ca: ca.cert.toString(), cert: cert.toString(), key: key.toString() };
    const options = { tls, token, listen: [{ host: '127.0.0.1', port: 0 }], clock: systemClock, log: silentLogger };
    const clusters = await Promise.all(
      Object.entries(stores).map(async ([name, store]) => {
        const { addresses } = stack.use(await serveKubeApi(store, options));
        return { name, cluster: { server: addresses[0], 'certificate-authority': ca.certFile } };
      }),
    );
    const contexts = clusters.map(({ name }) => ({ name, context: { cluster: name, user: 'admin' } }));
    const users = [{ name: 'admin', user: { token } }];
    const path = join(dir.path, 'kubeconfig');
    await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters, contexts, users }));
    await install(stores.east.client(), { id: 1, name: 'east', settings: 'clustermesh-config' }, cert);
    await install(stores.west.client(), { id: 2, name: 'west', settings: 'cilium-config' }, cert);
    const endpoints = ['--source-endpoint=192.0.2.1:2379', '--destination-endpoint=192.0.2.2:2379'];
    flags = [`--kubeconfig=${path}`, '--context=east', '--destination-context=west', ...endpoints];
  });
  afterAll(() => stack.disposeAsync());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  async function run(command: typeof Connect | typeof Disconnect, ...argv: string[]): Promise<unknown> {
    told.length = 0;
    const tell = (text: unknown): void => void told.push(String(text));
    jest.spyOn(command.prototype, 'log').mockImplementation(tell);
    jest.spyOn(command.prototype, 'warn').mockImplementation((text: string | Error) => (tell(text), text));
    return new command(argv, await loadConfig()).run().catch((error: unknown) => error);
  }

  /** Which clusters the Secret of ours names there. */
  async function readBy(store: KubeApiStore): Promise<readonly string[] | undefined> {
    const { items } = await store.client().list(secrets, { namespace });
    const secret = items.find(({ metadata }) => metadata.name === remoteClustersSecret);
    return secret && configuredClusters(secret.data);
  }

  it('are not connected both ways: what is written where only the chart’s values count would be read by nobody', async () => {
    expect(await run(Connect, ...flags)).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^nothing was changed: west has Cilium's chart, .* add east there/),
    });
    expect(await readBy(stores.east)).toBeUndefined();
    expect(await readBy(stores.west)).toBeUndefined();
  });

  it('are connected so that ours reads, and disconnected with a word on the chart’s values', async () => {
    expect(await run(Connect, ...flags, '--connection-mode=unicast')).toMatchObject([
      { reader: 'east', remote: 'west' },
    ]);
    expect(told).toEqual(['east reads west: configured']);
    expect(await readBy(stores.east)).toEqual(['west']);
    expect(await readBy(stores.west)).toBeUndefined();
    const named = flags.filter((flag) => !flag.includes('-endpoint='));
    await run(Disconnect, ...named);
    expect(told).toEqual([
      'east reads west: removed',
      "west has Cilium's chart: take east out of its values (docs/cilium.md)",
      'west reads east: absent',
    ]);
    expect(await readBy(stores.east)).toEqual([]);
  });
});
