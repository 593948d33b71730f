import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Agent, request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  HttpKubeClient,
  ListWatch,
  configMaps,
  deployments,
  namespaces,
  podBindings,
  pods,
  services,
} from '@clustermesh/kube';
import type { ConfigMap, ListWatchOptions, Pod } from '@clustermesh/kube';
import { createCa, issueCertificate } from '@clustermesh/pki';
import type { KeyPair } from '@clustermesh/pki';
import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';
import { FaultProxy, eventually } from '@clustermesh/testkit';

import { KubeApiStore } from '../kube-api-store.ts';
import { serveKubeApi } from './serve-kube-api.ts';
import type { KubeApiServer, ListenAddress } from './serve-kube-api.ts';

const ns = 'default';
const validity = { days: 1, clock: systemClock };
let ca: KeyPair;
let serverPair: KeyPair;
let clientPair: KeyPair;
let dir: string;
let store: KubeApiStore;
let server: KubeApiServer;
let client: HttpKubeClient;
/** Aborted after each test, passed or failed: list-watches would go on for ever. */
let stop: AbortController;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kube-api-'));
  ca = await createCa({ ...validity, commonName: 'test-ca' });
  const host = { ipAddresses: ['127.0.0.1'], dnsNames: ['localhost'] };
  serverPair = await issueCertificate(ca, { ...validity, ...host, commonName: 'kube-api', usages: ['server'] });
  clientPair = await issueCertificate(ca, {
    ...validity,
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
});
afterAll(() => rm(dir, { recursive: true }));

beforeEach(async () => {
  stop = new AbortController();
  store = openStore();
  server = await serve(store, [{ host: '127.0.0.1', port: 0 }, { path: join(dir, 'api.sock') }]);
  client = await connect(server);
});
afterEach(async () => {
  stop.abort();
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

function openStore(): KubeApiStore {
  return new KubeApiStore({ clock: systemClock, random: seededRandom(1), bookmarkMs: 200 });
}

function serve(served: KubeApiStore, listen: readonly ListenAddress[]): Promise<KubeApiServer> {
  const tls = { ca: ca.certPem, cert: serverPair.certPem, key: serverPair.keyPem };
  return serveKubeApi(served, { tls, token: 'secret', listen, clock: systemClock, log: silentLogger });
}

function urlOf({ addresses }: KubeApiServer): string {
  return addresses[0] ?? '';
}

async function writeKubeconfig(url: string): Promise<string> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': base64(ca.certPem) } }],
    users: [
      {
        name: 'u',
        user: { 'client-certificate-data': base64(clientPair.certPem), 'client-key-data': base64(clientPair.keyPem) },
      },
    ],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  };
  const path = join(dir, `kubeconfig-${new URL(url).port}`); // clients follow the file that they were made from
  await writeFile(path, JSON.stringify(config));
  return path;
}

async function connect(to: KubeApiServer): Promise<HttpKubeClient> {
  return HttpKubeClient.fromKubeconfig({ path: await writeKubeconfig(urlOf(to)) });
}

function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace: ns, name }, data };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request without client certificate. */
function disposableAgent(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

function ask(
  path: string,
  {
    body = '',
    ...options
  }: { headers?: Record<string, string>; socketPath?: string; method?: string; body?: string; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = requestHttps(new URL(path, urlOf(server)), { ca: ca.certPem, servername: 'localhost', ...options });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    request.end(body);
  });
}

describe('serveKubeApi', () => {
  it('serves a KubeClient over TLS as the store does in process', async () => {
    const created = await client.create(services, {
      metadata: { namespace: ns, name: 'web' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(created).toEqual(await store.client().get(services, { namespace: ns, name: 'web' }));
    const patched = await client.patch(
      services,
      created.metadata,
      { metadata: { labels: { a: 'b' } } },
      { kind: 'strategic' },
    );
    expect(patched.metadata.labels).toEqual({ a: 'b' });
    const updated = await client.update(services, { ...patched, spec: { ...patched.spec, selector: { app: 'web' } } });
    expect(updated.spec?.selector).toEqual({ app: 'web' });
    expect((await client.list(services, { labelSelector: 'a=b' })).items).toEqual([updated]);
    await client.delete(services, updated.metadata, { uid: updated.metadata.uid ?? '' });
    await expect(client.get(services, updated.metadata)).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
  });

  it('refuses in the codes of the client', async () => {
    const first = await client.create(configMaps, configMap('m'));
    await client.update(configMaps, configMap('m', { a: '1' }));
    await expect(client.create(configMaps, configMap('m'))).rejects.toMatchObject({ code: 'KUBE_ALREADY_EXISTS' });
    await expect(client.update(configMaps, first)).rejects.toMatchObject({ code: 'KUBE_CONFLICT' });
    await expect(client.create(configMaps, configMap('M'))).rejects.toMatchObject({ code: 'KUBE_INVALID' });
    await expect(client.delete(namespaces, { name: ns })).rejects.toMatchObject({ code: 'KUBE_FORBIDDEN' });
    await expect(client.list(configMaps, { fieldSelector: 'odd=1' })).rejects.toMatchObject({ code: 'KUBE_INVALID' });
  });

  it('applies, binds and scales', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const deployment = {
      metadata: { namespace: ns, name: 'd' },
      spec: { selector: { matchLabels: { a: 'b' } }, template },
    };
    await client.patch(
      deployments,
      deployment.metadata,
      { apiVersion: 'apps/v1', kind: 'Deployment', ...deployment },
      { kind: 'apply' },
    );
    await client.patch(
      deployments,
      deployment.metadata,
      { spec: { replicas: 4 } },
      { kind: 'merge', subresource: 'scale' },
    );
    expect((await client.get(deployments, deployment.metadata)).spec.replicas).toBe(4);
    const pod: Pod = { metadata: { namespace: ns, name: 'p' }, spec: template.spec };
    await client.create(pods, pod);
    await client.update(podBindings, { metadata: pod.metadata, target: { name: 'n1' } }, { subresource: 'binding' });
    expect((await client.get(pods, pod.metadata)).spec.nodeName).toBe('n1');
  });

  it('lets nobody in without certificate or token, but tells that it is ready', async () => {
    expect(await ask('/readyz')).toEqual({ status: 200, body: 'ok' });
    expect((await ask('/version')).status).toBe(200);
    const refused = await ask('/api/v1/pods');
    expect(refused.status).toBe(401);
    expect(JSON.parse(refused.body)).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'Unauthorized',
      code: 401,
    });
    expect((await ask('/api/v1/pods', { headers: { Authorization: 'Bearer wrong' } })).status).toBe(401);
    expect((await ask('/api/v1/pods', { headers: { Authorization: 'Bearer secret' } })).status).toBe(200);
  });

  it('listens on a unix socket as well', async () => {
    expect(server.addresses[1]).toBe(`unix:${join(dir, 'api.sock')}`);
    expect(await ask('/readyz', { socketPath: join(dir, 'api.sock') })).toEqual({ status: 200, body: 'ok' });
  });

  it.each([
    ['a path that is none', '/odd', 404],
    ['a resource that is not served', '/apis/batch/v1/jobs', 404],
    ['a revision that is none', '/api/v1/pods?watch=1&resourceVersion=odd', 400],
    ['a limit that is none', '/api/v1/pods?limit=-1', 400],
  ])('refuses %s with a Status', async (_, path, code) => {
    const { status, body } = await ask(path, { headers: { Authorization: 'Bearer secret' } });
    expect(status).toBe(code);
    expect(JSON.parse(body)).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code });
  });

  it('refuses what it cannot read or write', async () => {
    const headers = { Authorization: 'Bearer secret' };
    const path = '/api/v1/namespaces/default/configmaps';
    expect(await ask(path, { headers: { ...headers, Accept: 'application/xml' } })).toMatchObject({ status: 406 });
    const post = async (type: string, body: string): Promise<number> => {
      const answer = await ask(path, { headers: { ...headers, 'Content-Type': type }, method: 'POST', body });
      expect(JSON.parse(answer.body)).toMatchObject({ kind: 'Status', code: answer.status });
      return answer.status;
    };
    expect(await post('application/json', '{"metadata":')).toBe(400);
    expect(await post('application/json', '[]')).toBe(400);
    expect(await post('application/json', '{"metadata":{"name":5}}')).toBe(400);
    expect(await post('application/xml', '<a/>')).toBe(415);
    expect(await post('application/json', `"${'x'.repeat(3 * 1024 * 1024)}"`)).toBe(413);
  });

  it('closes the connection of a request that it does not read to its end', async () => {
    using agent = disposableAgent();
    const options = { headers: { Authorization: 'Bearer secret' }, agent };
    const path = '/api/v1/namespaces/default/configmaps';
    const body = `"${'x'.repeat(4 * 1024 * 1024)}"`;
    expect(await ask(path, { ...options, method: 'POST', body })).toMatchObject({ status: 413 });
    expect(await ask(path, options)).toMatchObject({ status: 200 });
  });

  it('tells an expired watch inside the stream', async () => {
    const { status, body } = await ask('/api/v1/pods?watch=1&resourceVersion=1', {
      headers: { Authorization: 'Bearer secret' },
    });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  it('hands requests for a pod to the pod', async () => {
    const backend = createServer((request, response) => {
      response.writeHead(201, {
        'X-Seen': `${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? 'no credentials'}`,
      });
      response.end('from the pod');
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const { port } = backend.address() as AddressInfo;
    await client.create(pods, {
      metadata: { namespace: ns, name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    await client.patch(
      pods,
      { namespace: ns, name: 'p' },
      { status: { podIP: '127.0.0.1' } },
      { kind: 'merge', subresource: 'status' },
    );
    const headers = { Authorization: 'Bearer secret' };
    expect(await ask(`/api/v1/namespaces/default/pods/p:${port}/proxy/a/b?c=d`, { headers })).toEqual({
      status: 201,
      body: 'from the pod',
    });
    backend.close();
    backend.closeAllConnections();
    expect((await ask(`/api/v1/namespaces/default/pods/p:${port}/proxy/`, { headers })).status).toBe(502);
  });
});

function follow(
  over: HttpKubeClient = client,
  more: ListWatchOptions = {},
): { told: string[]; done: Promise<void>; listWatch: ListWatch<ConfigMap> } {
  const told: string[] = [];
  const options = { namespace: ns, pageSize: 2, idleMs: 2000, ...more };
  const listWatch = new ListWatch(over, configMaps, options, {
    clock: systemClock,
    random: seededRandom(2),
    log: silentLogger,
  });
  const show = ({ metadata, data }: ConfigMap): string => `${metadata.name}${JSON.stringify(data ?? {})}`;
  const observer = {
    upserted: (object: ConfigMap) => void told.push(`+${show(object)}`),
    deleted: ({ metadata }: ConfigMap) => void told.push(`-${metadata.name}`),
    synced: () => void told.push('synced'),
  };
  return { told, done: listWatch.run(observer, stop.signal), listWatch };
}

describe('ListWatch over HTTP', () => {
  it('lists in pages and follows, through watches that the server ends', async () => {
    for (const name of ['a', 'b', 'c']) await client.create(configMaps, configMap(name));
    const { told, done } = follow();
    await eventually(() => expect(told).toEqual(['+a{}', '+b{}', '+c{}', 'synced']));
    await client.update(configMaps, configMap('a', { x: '1' }));
    await client.delete(configMaps, { namespace: ns, name: 'b' });
    await eventually(() => expect(told.slice(4)).toEqual(['+a{"x":"1"}', '-b']));
    stop.abort();
    await done;
  });

  it('loses no delete and flaps nothing while the API is away', async () => {
    for (const name of ['a', 'b']) await client.create(configMaps, configMap(name));
    const { told, done } = follow();
    await eventually(() => expect(told).toContain('synced'));
    const { port } = new URL(urlOf(server));
    await server[Symbol.asyncDispose]();
    const local = store.client();
    await local.delete(configMaps, { namespace: ns, name: 'a' });
    await local.create(configMaps, configMap('c'));
    server = await serve(store, [{ host: '127.0.0.1', port: Number(port) }]);
    await eventually(() => expect(told).toEqual(['+a{}', '+b{}', 'synced', '-a', '+c{}']));
    stop.abort();
    await done;
  });

  it('finds a new API in place of the old one: lists again, and deletes what it lacks', async () => {
    for (const name of ['a', 'b']) await client.create(configMaps, configMap(name));
    const { told, done } = follow();
    await eventually(() => expect(told).toContain('synced'));
    const { port } = new URL(urlOf(server));
    await server[Symbol.asyncDispose]();
    store = openStore();
    await store.client().create(configMaps, configMap('b', { new: 'one' }));
    server = await serve(store, [{ host: '127.0.0.1', port: Number(port) }]);
    await eventually(() => expect(told.slice(3)).toEqual(['-b', '+b{"new":"one"}', '-a', 'synced']));
    stop.abort();
    await done;
  });
});

describe('ListWatch over a bad network', () => {
  let proxy: FaultProxy;
  let distant: HttpKubeClient;
  beforeEach(async () => {
    proxy = await FaultProxy.listen(Number(new URL(urlOf(server)).port));
    distant = await HttpKubeClient.fromKubeconfig({ path: await writeKubeconfig(`https://127.0.0.1:${proxy.port}`) });
  });
  afterEach(async () => {
    distant[Symbol.dispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it('notices a half-open connection, and resumes by a new one', async () => {
    await client.create(configMaps, configMap('a'));
    const { told, done } = follow(distant, { idleMs: 1000 });
    await eventually(() => expect(told).toEqual(['+a{}', 'synced']));
    const before = proxy.accepted;
    proxy.pause();
    await client.delete(configMaps, { namespace: ns, name: 'a' });
    await eventually(() => expect(proxy.accepted).toBeGreaterThan(before));
    expect(told).toEqual(['+a{}', 'synced']);
    proxy.resume();
    await eventually(() => expect(told).toEqual(['+a{}', 'synced', '-a']));
    stop.abort();
    await done;
  });

  it('ends with the true state however often it is cut, and tells no version twice', async () => {
    const random = seededRandom(7);
    const told: string[] = [];
    const listWatch = new ListWatch(
      distant,
      configMaps,
      { namespace: ns, pageSize: 3 },
      { clock: systemClock, random, log: silentLogger },
    );
    const show = ({ metadata }: ConfigMap): string => `${metadata.uid ?? ''}@${metadata.resourceVersion ?? ''}`;
    const observer = {
      upserted: (object: ConfigMap) => void told.push(show(object)),
      deleted: (object: ConfigMap) => void told.push(`-${show(object)}`),
      synced: () => undefined,
    };
    const done = listWatch.run(observer, stop.signal);
    const local = store.client();
    const change = async (step: number): Promise<void> => {
      const name = `m-${Math.floor(random.next() * 10)}`;
      const { items } = await local.list(configMaps, { fieldSelector: `metadata.name=${name}` });
      if (items.length === 0) await local.create(configMaps, configMap(name));
      else if (random.next() < 0.5) await local.delete(configMaps, { namespace: ns, name });
      else await local.update(configMaps, configMap(name, { step: String(step) }));
    };
    const converged = (): Promise<void> =>
      eventually(async () => {
        const { items } = await local.list(configMaps, { namespace: ns });
        expect([...listWatch.objects.values()].map(show).sort()).toEqual(items.map(show).sort());
      });
    await local.create(configMaps, configMap('steady'));
    await converged();
    for (let round = 0; round < 6; round++) {
      // In turn cut off somewhere in the stream, and away for so long that the history is forgotten.
      const isAway = round % 2 === 1;
      if (isAway) proxy.refuse();
      else proxy.cutAfter(Math.floor(random.next() * 3000));
      for (let step = 0; step < 40; step++) {
        await change(step);
        await systemClock.sleep(1);
      }
      if (isAway) store.compact();
      proxy.resume();
      await converged();
    }
    stop.abort();
    await done;
    expect(new Set(told).size).toBe(told.length);
  }, 30_000);
});
