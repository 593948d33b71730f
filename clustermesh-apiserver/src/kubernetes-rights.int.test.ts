import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

import {
  HttpKubeClient,
  ciliumEndpointSlices,
  ciliumEndpoints,
  ciliumIdentities,
  ciliumNodes,
  customResourceDefinitions,
  pods,
  serviceExports,
} from '@clustermesh/kube';
import type { KubeClient, KubeObject, Resource } from '@clustermesh/kube';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { KubeApiStore, serveKubeApi } from '@clustermesh/lab';
import type { PolicyRule } from '@clustermesh/lab';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import { TestCa, eventually, tempDir } from '@clustermesh/testkit';

import { createApiserver } from './apiserver.ts';
import { meshIdentities } from './identity/mesh-identity.ts';
import type { ApiserverSettings } from './settings.ts';
import { aDefinition, installCilium } from './testing/cilium-objects.ts';
import { aNode, aPod, aService, aSlice, create, east } from './testing/objects.ts';

jest.setTimeout(60_000);

const account = 'system:serviceaccount:kube-system:clustermesh-apiserver';
const manifest = new URL('../../deploy/manifests/20-rbac.yaml', import.meta.url);
const definition = new URL('../crds/meshidentities.yaml', import.meta.url);

function documents(file: URL): readonly KubeObject[] {
  const text = readFileSync(file, 'utf8').replaceAll('${NAMESPACE}', 'kube-system');
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** `list pods`, `update serviceexports.multicluster.x-k8s.io/status`. */
function rightsOf({ verbs, apiGroups = [], resources = [] }: PolicyRule): string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => rightText(verb, group, resource))),
  );
}

function rightText(verb: string, group: string, resource: string): string {
  return `${verb} ${group === '' ? resource : `${group}/${resource}`}`;
}

/**
 * The rights that deploy/manifests give the apiserver, at an API that enforces them: each run does what an apiserver does in
 * one way of running, and all together must need every right and no other.
 */
describe('the ClusterRole of the manifests', () => {
  const stack = new AsyncDisposableStack();
  const granted = documents(manifest)
    .filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'clustermesh-apiserver')
    .flatMap((role) => (role as KubeObject & { readonly rules: readonly PolicyRule[] }).rules.flatMap(rightsOf));
  const used = new Set<string>();
  const refused = new Set<string>();
  let ca: TestCa;
  let folder: string;

  beforeAll(async () => {
    folder = stack.use(await tempDir('rights')).path;
    ca = await TestCa.create(folder);
  });
  afterAll(async () => {
    await stack.disposeAsync();
  });

  interface Cluster {
    readonly admin: KubeClient;
    readonly clock: FakeClock;
    /** A client with the rights of the manifest. */
    readonly kube: HttpKubeClient;
    /** Runs an apiserver until `done` holds. */
    run(settings: Partial<ApiserverSettings>, done: () => Promise<void>, client?: KubeClient): Promise<void>;
  }

  async function openCluster(inner: AsyncDisposableStack): Promise<Cluster> {
    const clock = new FakeClock();
    const store = new KubeApiStore({ clock, random: seededRandom(1), serviceCidr: '10.101.0.0/16' });
    const admin = store.client();
    for (const object of [...documents(definition), ...documents(manifest)]) await admin.create(typeOf(object), object);
    const [server, client] = [
      await ca.issue({ commonName: 'kube-apiserver', altNames: ['IP:127.0.0.1'] }),
      await ca.issue({ commonName: account }),
    ];
    const tls = { ca: ca.cert.toString(), cert: server.cert.toString(), key: server.key.toString() };
    const { addresses } = inner.use(
      await serveKubeApi(store, {
        ...{ tls, listen: [{ host: '127.0.0.1', port: 0 }], clock, log: silentLogger },
        audit: (user, access, isAllowed) => {
          if (user.name !== account || 'path' in access) return;
          (isAllowed ? used : refused).add(rightText(access.verb, access.group, access.resource));
        },
      }),
    );
    const path = join(folder, `kubeconfig-${addresses[0]?.split(':').at(-1) ?? ''}`);
    await writeFile(path, JSON.stringify(kubeconfig(addresses[0] ?? '', ca.cert, client)));
    const kube = inner.use(await HttpKubeClient.fromKubeconfig({ path }));
    const etcd = new MemoryKvServer({ clock });
    const run: Cluster['run'] = async (settings, done, client = kube) => {
      const stop = new AbortController();
      const [kv, health] = [new MemoryKvStore(etcd, { clock }), new Health(clock)];
      const deps = { kube: client, kv, clock, health, random: seededRandom(1), log: silentLogger };
      const running = createApiserver({ ...deps, config: { ...base, ...settings } }).run(stop.signal);
      const moveOn = async (): Promise<void> => {
        await clock.advance(5_000);
        await done();
      };
      await eventually(moveOn, { timeoutMs: 15_000 });
      stop.abort();
      await running;
    };
    return { admin, clock, kube, run };
  }

  const base: ApiserverSettings = {
    ...{ cluster: east, source: 'kubernetes', globalNamespaces: true, identityGraceMs: 60_000 },
    exported: { endpointSlices: 'services-and-endpointslices', serviceExports: true },
  };

  it.each(['v1beta1', 'v1alpha1'])('serves --source=kubernetes, service exports %s included', async (version) => {
    await using inner = new AsyncDisposableStack();
    const { admin, clock, kube, run } = await openCluster(inner);
    const exports = { ...serviceExports, version };
    await admin.create(customResourceDefinitions, aDefinition(exports));
    await create(admin, aNode('n1', '172.18.0.2', ['10.1.0.0/24']));
    // An annotation that nobody understands is an Event, and one more after a restart.
    await create(admin, aService('web', { 'service.cilium.io/global': 'yes', 'service.cilium.io/affinity': 'near' }));
    await create(admin, aSlice('web-a', 'web', ['10.1.0.5']), aPod('web-0', '10.1.0.5'));
    await admin.create(exports, { metadata: { namespace: 'default', name: 'web' } });
    const hasIdentity = async (count: number): Promise<void> =>
      expect((await admin.list(meshIdentities)).items.length).toBe(count);
    const firstRun = async (): Promise<void> => {
      await hasIdentity(1);
      expect([...used]).toContain('create events');
    };
    await run({}, firstRun, besideAnother(kube, admin));
    await admin.delete(pods, { namespace: 'default', name: 'web-0' }, { gracePeriodSeconds: 0 });
    await clock.advance(10 * 60_000);
    await run({}, async () => {
      await hasIdentity(0);
      expect([...used]).toContain('patch events');
      expect((await admin.get(exports, { namespace: 'default', name: 'web' })).status?.conditions).toHaveLength(1);
    });
    expect([...refused]).toEqual([]);
  });

  it.each(['cilium', 'cilium-endpoint-slices'] as const)('serves source %s', async (source) => {
    await using inner = new AsyncDisposableStack();
    const { admin, run } = await openCluster(inner);
    await installCilium(admin);
    await create(admin, aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
    const resources = [ciliumNodes, ciliumIdentities, source === 'cilium' ? ciliumEndpoints : ciliumEndpointSlices];
    await run({ source }, async () => {
      for (const { plural } of resources) expect([...used]).toContain(`watch cilium.io/${plural}`);
    });
    expect([...refused]).toEqual([]);
  });

  it('has no right that none of them used', () => {
    expect(granted.filter((right) => !used.has(right))).toEqual([]);
  });

  it('may not install definitions, and says what is missing where nobody did', async () => {
    await using inner = new AsyncDisposableStack();
    const { admin, run } = await openCluster(inner);
    await admin.delete(customResourceDefinitions, { name: 'meshidentities.clustermesh.io' });
    refused.clear();
    await run({}, async () => expect([...refused]).toEqual(['create apiextensions.k8s.io/customresourcedefinitions']));
  });
});

/** Another replica is a moment earlier with every identity. */
function besideAnother(kube: KubeClient, other: KubeClient): KubeClient {
  const create: KubeClient['create'] = async (resource, object, signal) => {
    if (resource.plural === meshIdentities.plural) await other.create(resource, object);
    return kube.create(resource, object, signal);
  };
  return new Proxy(kube, {
    get: (target, name: keyof KubeClient) => (name === 'create' ? create : target[name].bind(target)),
  });
}

function typeOf({ apiVersion = '', kind = '' }: KubeObject): Resource<KubeObject> {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const namespaced = group === '' && kind === 'ServiceAccount';
  const plural = `${kind.toLowerCase()}s`;
  return { group, version, plural, kind, namespaced };
}

function kubeconfig(
  server: string,
  ca: Buffer,
  { cert, key }: { readonly cert: Buffer; readonly key: Buffer },
): object {
  const base64 = (pem: Buffer): string => pem.toString('base64');
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'east' },
    contexts: [{ name: 'east', context: { cluster: 'east', user: 'east' } }],
    users: [{ name: 'east', user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
    clusters: [{ name: 'east', cluster: { server, 'certificate-authority-data': base64(ca) } }],
  };
}
