import { describe, expect, it } from '@jest/globals';

import {
  configMaps,
  customResourceDefinitions,
  daemonSets,
  deployments,
  endpointSlices,
  events,
  leases,
  namespaces,
  nodes,
  podBindings,
  pods,
  replicaSets,
  secrets,
  services,
} from '@clustermesh/kube';
import type {
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  KubeClient,
  KubeObject,
  Lease,
  Pod,
  Resource,
  Secret,
  Service,
} from '@clustermesh/kube';
import { FakeClock, seededRandom } from '@clustermesh/runtime';

import { KubeApiStore } from './kube-api-store.ts';
import type { KubeApiStoreOptions } from './kube-api-store.ts';

function open(options: Partial<KubeApiStoreOptions> = {}): {
  store: KubeApiStore;
  client: KubeClient;
  clock: FakeClock;
} {
  const clock = new FakeClock();
  const store = new KubeApiStore({ clock, random: seededRandom(1), serviceCidr: '10.101.0.0/16', ...options });
  return { store, client: store.client(), clock };
}

const ns = 'default';
function configMap(name: string, data: Record<string, string> = {}, metadata: object = {}): ConfigMap {
  return { metadata: { namespace: ns, name, ...metadata }, data };
}
function pod(name: string, metadata: object = {}, spec: object = {}): Pod {
  return { metadata: { namespace: ns, name, ...metadata }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } };
}
function service(name: string, spec: Service['spec'] = {}): Service {
  return { metadata: { namespace: ns, name }, spec: { ports: [{ port: 80 }], ...spec } };
}
const deployment = {
  metadata: { namespace: ns, name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
} satisfies Deployment;
const things: Resource<KubeObject & { spec?: object; status?: object }> = {
  group: 'x.io',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  namespaced: true,
};
const thingCrd: CustomResourceDefinition = {
  metadata: { name: 'things.x.io' },
  spec: {
    group: 'x.io',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer', default: 3 } } },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
      { name: 'v2', served: true, storage: false, schema: { openAPIV3Schema: { type: 'object' } } },
    ],
  },
};

async function codeOf(outcome: Promise<unknown>): Promise<string> {
  return outcome.then(
    () => 'ok',
    (error: unknown) => String((error as { code?: string }).code),
  );
}

async function namesOf<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  namespace = ns,
): Promise<string[]> {
  const { items } = await client.list(resource, resource.namespaced ? { namespace } : {});
  return items.map(({ metadata }) => metadata.name);
}

describe('create', () => {
  it('gives an object its identity', async () => {
    const { client } = open();
    const created = await client.create(configMaps, configMap('m', { a: '1' }));
    expect(created).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
    expect(created.metadata).toMatchObject({ name: 'm', namespace: ns, creationTimestamp: '2026-01-01T00:00:00Z' });
    expect(created.metadata.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await client.get(configMaps, { namespace: ns, name: 'm' })).toEqual(created);
  });

  it('makes up a name from generateName', async () => {
    const { client } = open();
    const first = await client.create(configMaps, configMap('', {}, { generateName: 'm-' }));
    const second = await client.create(configMaps, configMap('', {}, { generateName: 'm-' }));
    expect(first.metadata.name).toMatch(/^m-[a-z0-9]{5}$/);
    expect(second.metadata.name).not.toBe(first.metadata.name);
  });

  it('takes null for an absent field, as Go does', async () => {
    const { client } = open();
    const created = await client.create(
      services,
      service('web', { selector: null, externalIPs: null } as unknown as Service['spec']),
    );
    expect(created.spec).not.toHaveProperty('selector');
    expect(created.spec).not.toHaveProperty('externalIPs');
  });

  it('drops fields that the type does not have, tells of them, or refuses them', () => {
    const type = { group: '', version: 'v1', plural: 'pods' };
    const odd = { ...pod('p'), spec: { ...pod('p').spec, odd: 1, tolerations: [{ oddToo: 1 }] } };
    const { store } = open();
    const warnings: string[] = [];
    const created = store.write.create(type, ns, odd, { warn: (text) => void warnings.push(text) });
    expect(created['spec']).not.toHaveProperty('odd');
    expect(warnings).toEqual(['unknown field "spec.odd"', 'unknown field "spec.tolerations[0].oddToo"']);
    expect(() => store.write.create(type, ns, odd, { fieldValidation: 'Strict' })).toThrow(
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.odd", unknown field "spec.tolerations[0].oddToo"',
    );
  });

  it('says which field has the wrong type, as Go does', async () => {
    const wrong = { ...deployment, spec: { ...deployment.spec, replicas: 'two' as unknown as number } };
    await expect(open().client.create(deployments, wrong)).rejects.toThrow(
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    );
  });

  const lease = (renewTime: string): Lease => ({ metadata: { namespace: ns, name: 'l' }, spec: { renewTime } });
  const secret = (data: string): Secret => ({ metadata: { namespace: ns, name: 's' }, data: { key: data } });

  it.each<[string, (client: KubeClient) => Promise<unknown>]>([
    ['base64 that is none', (c) => c.create(secrets, secret('%%'))],
    ['a time that is none', (c) => c.create(leases, lease('yesterday'))],
    ['a time of a Lease in milliseconds', (c) => c.create(leases, lease('2026-01-01T00:00:00.123Z'))],
    ['a time of a Lease in seconds', (c) => c.create(leases, lease('2026-01-01T00:00:00Z'))],
  ])('refuses %s, as Go does', async (_, act) => {
    await expect(act(open().client)).rejects.toThrow(
      /cannot be handled as a (Secret: illegal base64|Lease: parsing time)/,
    );
  });

  it('takes base64 with line ends, and the time of a Lease in microseconds', async () => {
    const { client } = open();
    expect(await codeOf(client.create(secrets, secret('YWFh\nYQ==')))).toBe('ok');
    expect(await codeOf(client.create(leases, lease('2026-01-01T00:00:00.123456Z')))).toBe('ok');
  });

  it.each<[string, (client: KubeClient) => Promise<unknown>, string]>([
    [
      'a name twice',
      async (c) => (await c.create(configMaps, configMap('m')), c.create(configMaps, configMap('m'))),
      'KUBE_ALREADY_EXISTS',
    ],
    ['no name', (c) => c.create(configMaps, configMap('')), 'KUBE_INVALID'],
    ['an empty generateName', (c) => c.create(configMaps, configMap('', {}, { generateName: '' })), 'KUBE_INVALID'],
    ['a name that is none', (c) => c.create(configMaps, configMap('A_b')), 'KUBE_INVALID'],
    ['a Service name that begins with a digit', (c) => c.create(services, service('1a')), 'KUBE_INVALID'],
    [
      'a namespace that is not there',
      (c) => c.create(configMaps, { metadata: { namespace: 'no', name: 'm' } }),
      'KUBE_NOT_FOUND',
    ],
    ['no namespace', (c) => c.create(configMaps, { metadata: { name: 'm' } }), 'KUBE_INVALID'],
    ['a resourceVersion', (c) => c.create(configMaps, configMap('m', {}, { resourceVersion: '1' })), 'KUBE_INVALID'],
    ['another kind', (c) => c.create(configMaps, { ...configMap('m'), kind: 'Secret' }), 'KUBE_INVALID'],
    ['a label that is none', (c) => c.create(configMaps, configMap('m', {}, { labels: { a: 'b c' } })), 'KUBE_INVALID'],
    [
      'values of the wrong type',
      (c) => c.create(configMaps, configMap('m', { a: 1 as unknown as string })),
      'KUBE_INVALID',
    ],
    [
      'a type that is not served',
      (c) => c.create(things, { metadata: { namespace: ns, name: 't' } }),
      'KUBE_NOT_FOUND',
    ],
    [
      'a selector that misses its template',
      (c) =>
        c.create(deployments, {
          ...deployment,
          spec: { ...deployment.spec, selector: { matchLabels: { app: 'api' } } },
        }),
      'KUBE_INVALID',
    ],
    [
      'a container whose name is a path',
      (c) => c.create(pods, pod('p', {}, { containers: [{ name: '../c', image: 'i' }] })),
      'KUBE_INVALID',
    ],
    [
      'two containers of one name',
      (c) => c.create(pods, pod('p', {}, { containers: ['c', 'c'].map((name) => ({ name, image: 'i' })) })),
      'KUBE_INVALID',
    ],
    [
      'a container without a volume it mounts',
      (c) =>
        c.create(
          pods,
          pod('p', {}, { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }),
        ),
      'KUBE_INVALID',
    ],
  ])('refuses %s', async (_, act, want) => {
    expect(await codeOf(act(open().client))).toBe(want);
  });

  it('says what is wrong in the words of Kubernetes', async () => {
    const { client } = open();
    await expect(client.get(deployments, { namespace: ns, name: 'web' })).rejects.toThrow(
      'deployments.apps "web" not found',
    );
    await expect(client.create(pods, pod('P'))).rejects.toThrow(
      /^Pod "P" is invalid: metadata.name: Invalid value: "P": a lowercase RFC 1123/,
    );
  });
});

describe('defaults that users see', () => {
  it.each<[string, (client: KubeClient) => Promise<object>, object]>([
    [
      'a pod is pending',
      (c) => c.create(pods, pod('p')),
      { status: { phase: 'Pending' }, spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 30 } },
    ],
    [
      'a pod cannot be born running',
      (c) => c.create(pods, { ...pod('p'), status: { phase: 'Running' } }),
      { status: { phase: 'Pending' } },
    ],
    [
      'a node brings its status',
      (c) =>
        c.create(nodes, {
          metadata: { name: 'n' },
          status: { addresses: [{ type: 'InternalIP', address: '1.2.3.4' }] },
        }),
      { status: { addresses: [{ address: '1.2.3.4' }] } },
    ],
    [
      'a deployment has one replica',
      (c) => c.create(deployments, deployment),
      {
        metadata: { generation: 1 },
        spec: { replicas: 1, strategy: { type: 'RollingUpdate' }, template: { spec: { dnsPolicy: 'ClusterFirst' } } },
      },
    ],
    [
      'a replica set has one replica',
      (c) => c.create(replicaSets, deployment),
      { spec: { replicas: 1 }, status: { replicas: 0 } },
    ],
    [
      'a daemon set counts from zero',
      (c) => c.create(daemonSets, deployment),
      { status: { desiredNumberScheduled: 0, numberReady: 0 } },
    ],
    [
      'a namespace is active and selectable by name',
      (c) => c.create(namespaces, { metadata: { name: 'shop' } }),
      { status: { phase: 'Active' }, metadata: { labels: { 'kubernetes.io/metadata.name': 'shop' } } },
    ],
    [
      'a secret is opaque, its texts are encoded',
      (c) => c.create(secrets, { metadata: { namespace: ns, name: 's' }, stringData: { a: 'b' } }),
      { type: 'Opaque', data: { a: 'Yg==' } },
    ],
    [
      'an endpoint slice has a generation',
      (c) =>
        c.create(endpointSlices, {
          metadata: { namespace: ns, name: 'e' },
          addressType: 'IPv4',
          ports: [{ port: 80 }],
        }),
      { metadata: { generation: 1 }, ports: [{ name: '', port: 80, protocol: 'TCP' }], endpoints: [] },
    ],
  ])('%s', async (_, act, want) => {
    expect(await act(open().client)).toMatchObject(want);
  });
});

describe('Services', () => {
  it('get cluster IPs, families and defaults', async () => {
    const { client } = open();
    expect(await client.create(services, service('web'))).toMatchObject({
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.101.0.1',
        clusterIPs: ['10.101.0.1'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      },
      status: { loadBalancer: {} },
    });
    expect((await client.create(services, service('api'))).spec?.clusterIP).toBe('10.101.0.2');
  });

  it.each<[string, Service['spec'], object]>([
    ['headless', { clusterIP: 'None' }, { clusterIP: 'None', clusterIPs: ['None'] }],
    ['a chosen address', { clusterIP: '10.101.9.9' }, { clusterIP: '10.101.9.9' }],
    [
      'session affinity',
      { sessionAffinity: 'ClientIP' },
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } },
    ],
    ['a node port', { type: 'NodePort' }, { ports: [{ nodePort: 30_000 }], externalTrafficPolicy: 'Cluster' }],
    ['an external name', { type: 'ExternalName', externalName: 'x.io' }, { externalName: 'x.io' }],
  ])('%s', async (_, spec, want) => {
    expect((await open().client.create(services, service('web', spec))).spec).toMatchObject(want);
  });

  it.each<[string, Service['spec']]>([
    ['an address outside the range', { clusterIP: '10.1.0.1' }],
    ['an address that is taken', { clusterIP: '10.101.0.1' }],
    ['no ports', { ports: [] }],
    ['two ports without names', { ports: [{ port: 80 }, { port: 81 }] }],
    ['a port out of range', { ports: [{ port: 70_000 }] }],
    ['a node port out of range', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }],
    ['an unknown type', { type: 'Odd' as 'ClusterIP' }],
  ])('refuse %s', async (_, spec) => {
    const { client } = open();
    await client.create(services, service('first'));
    expect(await codeOf(client.create(services, service('web', spec)))).toBe('KUBE_INVALID');
  });

  it('keep their address when a client replaces them without it, and cannot change it', async () => {
    const { client } = open();
    await client.create(services, service('web', { type: 'NodePort' }));
    const replaced = await client.update(services, service('web', { type: 'NodePort', selector: { a: 'b' } }));
    expect(replaced.spec).toMatchObject({
      clusterIP: '10.101.0.1',
      ports: [{ nodePort: 30_000 }],
      selector: { a: 'b' },
    });
    expect(await codeOf(client.update(services, service('web', { clusterIP: '10.101.0.7' })))).toBe('KUBE_INVALID');
  });

  it('give back their address when they are deleted', async () => {
    const { client } = open({ serviceCidr: '10.101.0.0/30' });
    await client.create(services, service('a'));
    await client.create(services, service('b'));
    expect(await codeOf(client.create(services, service('c')))).toBe('KUBE_INVALID');
    await client.delete(services, { namespace: ns, name: 'a' });
    expect((await client.create(services, service('c'))).spec?.clusterIP).toBe('10.101.0.1');
  });
});

describe('update', () => {
  it('refuses a stale resourceVersion, and takes none for "whatever is there"', async () => {
    const { client } = open();
    const first = await client.create(configMaps, configMap('m'));
    const second = await client.update(configMaps, { ...first, data: { a: '1' } });
    expect(await codeOf(client.update(configMaps, { ...first, data: { a: '2' } }))).toBe('KUBE_CONFLICT');
    const third = await client.update(configMaps, configMap('m', { a: '3' }));
    expect(Number(third.metadata.resourceVersion)).toBeGreaterThan(Number(second.metadata.resourceVersion));
    expect(third.metadata.uid).toBe(first.metadata.uid);
  });

  it('refuses the uid of an earlier object', async () => {
    const { client } = open();
    await client.create(configMaps, configMap('m'));
    expect(await codeOf(client.update(configMaps, configMap('m', {}, { uid: 'other' })))).toBe('KUBE_CONFLICT');
  });

  it('of a lease or a custom resource must name the version', async () => {
    const { client } = open();
    const lease = await client.create(leases, { metadata: { namespace: ns, name: 'l' } });
    const taken = { metadata: { namespace: ns, name: 'l' }, spec: { holderIdentity: 'me' } };
    await expect(client.update(leases, taken)).rejects.toThrow('metadata.resourceVersion');
    const { resourceVersion = '' } = lease.metadata;
    expect((await client.update(leases, { ...taken, metadata: { ...taken.metadata, resourceVersion } })).spec).toEqual(
      taken.spec,
    );
  });

  it('of nothing is no new version', async () => {
    const { client } = open();
    const first = await client.create(configMaps, configMap('m', { a: '1' }));
    expect(await client.update(configMaps, configMap('m', { a: '1' }))).toEqual(first);
  });

  it('counts generations of the spec alone, and keeps spec and status apart', async () => {
    const { client } = open();
    const first = await client.create(deployments, deployment);
    const labelled = await client.update(deployments, {
      ...first,
      metadata: { ...first.metadata, labels: { a: 'b' } },
      status: { replicas: 9 },
    });
    expect(labelled.metadata.generation).toBe(1);
    expect(labelled.status).toEqual({});
    const reported = await client.update(
      deployments,
      { ...labelled, spec: { ...labelled.spec, replicas: 7 }, status: { replicas: 1 } },
      { subresource: 'status' },
    );
    expect(reported).toMatchObject({ metadata: { generation: 1 }, spec: { replicas: 1 }, status: { replicas: 1 } });
    const scaled = await client.update(deployments, { ...reported, spec: { ...reported.spec, replicas: 2 } });
    expect(scaled).toMatchObject({ metadata: { generation: 2 }, status: { replicas: 1 } });
  });

  it.each<[string, (client: KubeClient) => Promise<unknown>]>([
    [
      'the selector of a deployment',
      async (c) => {
        await c.create(deployments, deployment);
        const labels = { app: 'web', b: 'c' };
        await c.update(deployments, {
          ...deployment,
          spec: {
            ...deployment.spec,
            selector: { matchLabels: labels },
            template: { ...deployment.spec.template, metadata: { labels } },
          },
        });
      },
    ],
    [
      'the command of a pod',
      async (c) => {
        await c.create(pods, pod('p'));
        await c.update(pods, pod('p', {}, { containers: [{ name: 'c', image: 'i', command: ['x'] }] }));
      },
    ],
    [
      'the node of a pod, other than by binding',
      async (c) => {
        await c.create(pods, pod('p'));
        await c.update(pods, pod('p', {}, { nodeName: 'n1' }));
      },
    ],
    [
      'the address type of an endpoint slice',
      async (c) => {
        const slice = await c.create(endpointSlices, { metadata: { namespace: ns, name: 'e' }, addressType: 'IPv4' });
        await c.update(endpointSlices, { ...slice, addressType: 'IPv6' });
      },
    ],
    [
      'an immutable config map',
      async (c) => {
        const map = await c.create(configMaps, { ...configMap('m'), immutable: true });
        await c.update(configMaps, { ...map, data: { a: '1' } });
      },
    ],
  ])('cannot change %s', async (_, act) => {
    expect(await codeOf(act(open().client))).toBe('KUBE_INVALID');
  });

  it('can change the image of a pod', async () => {
    const { client } = open();
    await client.create(pods, pod('p'));
    const updated = await client.update(pods, pod('p', {}, { containers: [{ name: 'c', image: 'new' }] }));
    expect(updated.spec.containers[0]?.image).toBe('new');
  });

  it('hands out objects that nobody can change by accident', async () => {
    const created = await open().client.create(configMaps, configMap('m', { a: '1' }));
    expect(() => Object.assign(created.data ?? {}, { a: '2' })).toThrow(TypeError);
  });

  it('by dry run checks and answers, but changes nothing', async () => {
    const { store, client } = open();
    const type = { group: '', version: 'v1', plural: 'services' };
    const before = store.revision;
    expect(store.write.create(type, ns, service('web'), { dryRun: true })).toMatchObject({
      spec: { clusterIP: '10.101.0.1' },
    });
    expect(() => store.write.create(type, ns, service('X'), { dryRun: true })).toThrow('is invalid');
    expect(store.revision).toBe(before);
    expect(await namesOf(client, services)).toEqual([]);
  });
});

describe('patch', () => {
  it('merges, refuses a stale version in the patch, and is nothing when nothing changes', async () => {
    const { client } = open();
    const ref = { namespace: ns, name: 'm' };
    const first = await client.create(configMaps, configMap('m', { a: '1' }));
    const second = await client.patch(configMaps, ref, { data: { b: '2' } }, { kind: 'merge' });
    expect(second.data).toEqual({ a: '1', b: '2' });
    const stale = { metadata: { resourceVersion: first.metadata.resourceVersion }, data: { c: '3' } };
    expect(await codeOf(client.patch(configMaps, ref, stale, { kind: 'merge' }))).toBe('KUBE_CONFLICT');
    expect(await client.patch(configMaps, ref, { data: { b: '2' } }, { kind: 'strategic' })).toEqual(second);
  });

  it('of the status leaves the rest alone', async () => {
    const { client } = open();
    await client.create(pods, pod('p'));
    const patch = { metadata: { labels: { a: 'b' } }, status: { phase: 'Running', podIP: '10.1.0.5' } };
    const patched = await client.patch(pods, { namespace: ns, name: 'p' }, patch, {
      kind: 'merge',
      subresource: 'status',
    });
    expect(patched.status).toMatchObject({ phase: 'Running', podIP: '10.1.0.5', qosClass: 'BestEffort' });
    expect(patched.metadata.labels).toBeUndefined();
  });

  it('of the scale sets the replicas', async () => {
    const { client } = open();
    await client.create(deployments, deployment);
    const ref = { namespace: ns, name: 'web' };
    const scale: KubeObject = await client.patch(
      deployments,
      ref,
      { spec: { replicas: 3 } },
      { kind: 'merge', subresource: 'scale' },
    );
    expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 0, selector: 'app=web' } });
    expect((await client.get(deployments, ref)).spec.replicas).toBe(3);
  });

  it('by apply creates and then updates', async () => {
    const { client } = open();
    const ref = { namespace: ns, name: 'web' };
    await client.patch(services, ref, service('web'), { kind: 'apply' });
    const applied = await client.patch(
      services,
      ref,
      service('web', {
        ports: [
          { port: 81, name: 'x' },
          { port: 80, name: 'y' },
        ],
      }),
      { kind: 'apply' },
    );
    expect(applied.spec?.ports).toMatchObject([
      { port: 81, name: 'x' },
      { port: 80, name: 'y' },
    ]);
    expect(applied.spec?.clusterIP).toBe('10.101.0.1');
  });

  it('by apply must say the type of the object', () => {
    const { store } = open();
    const { metadata, spec } = service('web');
    const options = { kind: 'apply', fieldManager: 'me' } as const;
    expect(() => store.write.patch(services, { namespace: ns, name: 'web' }, { metadata, spec }, options)).toThrow(
      'invalid object type',
    );
  });

  it('of what is not there is refused', async () => {
    expect(await codeOf(open().client.patch(configMaps, { namespace: ns, name: 'm' }, {}, { kind: 'merge' }))).toBe(
      'KUBE_NOT_FOUND',
    );
  });
});

describe('delete', () => {
  it('honours preconditions', async () => {
    const { client } = open();
    const { uid = '' } = (await client.create(configMaps, configMap('m'))).metadata;
    const ref = { namespace: ns, name: 'm' };
    expect(await codeOf(client.delete(configMaps, ref, { uid: 'other' }))).toBe('KUBE_CONFLICT');
    expect(await codeOf(client.delete(configMaps, ref, { resourceVersion: '1' }))).toBe('KUBE_CONFLICT');
    await client.delete(configMaps, ref, { uid });
    expect(await codeOf(client.delete(configMaps, ref))).toBe('KUBE_NOT_FOUND');
  });

  it('waits for finalizers, of which no new ones may come', async () => {
    const { client, clock } = open();
    const ref = { namespace: ns, name: 'm' };
    await client.create(configMaps, configMap('m', {}, { finalizers: ['x.io/hold'] }));
    await clock.advance(5000);
    await client.delete(configMaps, ref);
    await client.delete(configMaps, ref);
    const held = await client.get(configMaps, ref);
    expect(held.metadata.deletionTimestamp).toBe('2026-01-01T00:00:05Z');
    expect(
      await codeOf(
        client.update(configMaps, { ...held, metadata: { ...held.metadata, finalizers: ['x.io/hold', 'x.io/more'] } }),
      ),
    ).toBe('KUBE_INVALID');
    await client.patch(configMaps, ref, { metadata: { finalizers: null } }, { kind: 'merge' });
    expect(await namesOf(client, configMaps)).toEqual([]);
  });

  describe('of a pod', () => {
    const ref = { namespace: ns, name: 'p' };
    const bind = async (client: KubeClient): Promise<void> => {
      await client.create(pods, pod('p'));
      await client.update(podBindings, { metadata: ref, target: { name: 'n1' } }, { subresource: 'binding' });
    };

    it('is at once while no node has it', async () => {
      const { client } = open();
      await client.create(pods, pod('p'));
      await client.delete(pods, ref);
      expect(await namesOf(client, pods)).toEqual([]);
    });

    it('marks it for its kubelet, which removes it', async () => {
      const { client } = open();
      await bind(client);
      await client.delete(pods, ref);
      expect((await client.get(pods, ref)).metadata).toMatchObject({
        deletionTimestamp: '2026-01-01T00:00:30Z',
        deletionGracePeriodSeconds: 30,
      });
      await client.patch(pods, ref, { status: { phase: 'Running' } }, { kind: 'merge', subresource: 'status' });
      expect(await namesOf(client, pods)).toEqual(['p']);
      await client.delete(pods, ref, { gracePeriodSeconds: 0 });
      expect(await namesOf(client, pods)).toEqual([]);
    });

    it('may make the grace period shorter, not longer', async () => {
      const { client } = open();
      await bind(client);
      for (const [asked, want] of [
        [10, 10],
        [20, 10],
        [5, 5],
      ] as const) {
        await client.delete(pods, ref, { gracePeriodSeconds: asked });
        expect((await client.get(pods, ref)).metadata.deletionGracePeriodSeconds).toBe(want);
      }
    });

    it('is at once when it has finished by itself', async () => {
      const { client } = open();
      await bind(client);
      await client.patch(pods, ref, { status: { phase: 'Succeeded' } }, { kind: 'merge', subresource: 'status' });
      await client.delete(pods, ref);
      expect(await namesOf(client, pods)).toEqual([]);
    });

    it('is bound once', async () => {
      const { client } = open();
      await bind(client);
      expect((await client.get(pods, ref)).spec.nodeName).toBe('n1');
      expect(
        await codeOf(client.update(podBindings, { metadata: ref, target: { name: 'n2' } }, { subresource: 'binding' })),
      ).toBe('KUBE_CONFLICT');
    });
  });

  describe('of a namespace', () => {
    it('takes its contents along', async () => {
      const { client } = open();
      await client.create(namespaces, { metadata: { name: 'shop' } });
      await client.create(configMaps, { metadata: { namespace: 'shop', name: 'm' } });
      await client.create(configMaps, configMap('stays'));
      await client.delete(namespaces, { name: 'shop' });
      expect(await namesOf(client, namespaces)).not.toContain('shop');
      expect(await namesOf(client, configMaps, 'shop')).toEqual([]);
      expect(await namesOf(client, configMaps)).toEqual(['stays']);
    });

    it('waits for what is held, lets nothing new in, and ends with the last object', async () => {
      const { client } = open();
      const ref = { namespace: 'shop', name: 'p' };
      await client.create(namespaces, { metadata: { name: 'shop' } });
      await client.create(pods, { ...pod('p'), metadata: ref });
      await client.update(podBindings, { metadata: ref, target: { name: 'n1' } }, { subresource: 'binding' });
      await client.delete(namespaces, { name: 'shop' });
      expect((await client.get(namespaces, { name: 'shop' })).status?.phase).toBe('Terminating');
      expect(await codeOf(client.create(configMaps, { metadata: { namespace: 'shop', name: 'm' } }))).toBe(
        'KUBE_FORBIDDEN',
      );
      await client.delete(pods, ref, { gracePeriodSeconds: 0 });
      expect(await codeOf(client.get(namespaces, { name: 'shop' }))).toBe('KUBE_NOT_FOUND');
    });

    it('leaves its contents for a moment where that is wanted', async () => {
      const { client, clock } = open({ drainDelayMs: 300 });
      await client.create(namespaces, { metadata: { name: 'shop' } });
      await client.create(configMaps, { metadata: { namespace: 'shop', name: 'm' } });
      await client.delete(namespaces, { name: 'shop' });
      await clock.advance(299);
      expect(await namesOf(client, configMaps, 'shop')).toEqual(['m']);
      await clock.advance(1);
      expect(await namesOf(client, configMaps, 'shop')).toEqual([]);
      expect(await namesOf(client, namespaces)).not.toContain('shop');
    });

    it('is refused where the cluster needs it', async () => {
      expect(await codeOf(open().client.delete(namespaces, { name: 'default' }))).toBe('KUBE_FORBIDDEN');
    });
  });

  describe('of an owner', () => {
    const owned = (owners: readonly KubeObject[]): object => ({
      ownerReferences: owners.map(({ metadata }) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: metadata.name,
        uid: metadata.uid,
      })),
    });

    it('takes along what only it owned, and theirs', async () => {
      const { client } = open();
      const a = await client.create(configMaps, configMap('a'));
      const b = await client.create(configMaps, configMap('b', {}, owned([a])));
      await client.create(configMaps, configMap('c', {}, owned([b])));
      const other = await client.create(configMaps, configMap('other'));
      await client.create(configMaps, configMap('shared', {}, owned([a, other])));
      await client.delete(configMaps, { namespace: ns, name: 'a' });
      expect(await namesOf(client, configMaps)).toEqual(['other', 'shared']);
      const shared = await client.get(configMaps, { namespace: ns, name: 'shared' });
      expect(shared.metadata.ownerReferences).toHaveLength(1);
      await client.delete(configMaps, { namespace: ns, name: 'other' });
      expect(await namesOf(client, configMaps)).toEqual([]);
    });

    it('leaves orphans on demand', async () => {
      const { client } = open();
      const a = await client.create(configMaps, configMap('a'));
      await client.create(configMaps, configMap('b', {}, owned([a])));
      await client.delete(configMaps, { namespace: ns, name: 'a' }, { propagationPolicy: 'Orphan' });
      expect((await client.get(configMaps, { namespace: ns, name: 'b' })).metadata.ownerReferences).toBeUndefined();
    });

    it('that is gone already takes along what a slow controller makes afterwards', async () => {
      const { client } = open();
      const a = await client.create(configMaps, configMap('a'));
      await client.delete(configMaps, { namespace: ns, name: 'a' });
      await client.create(configMaps, configMap('late', {}, owned([a])));
      expect(await namesOf(client, configMaps)).toEqual([]);
    });
  });
});

describe('custom resources', () => {
  it('are served as soon as their definition is there', async () => {
    const { client } = open();
    const crd = await client.create(customResourceDefinitions, thingCrd);
    expect(crd.status?.conditions?.find(({ type }) => type === 'Established')?.status).toBe('True');
    const thing = await client.create(things, {
      metadata: { namespace: ns, name: 't' },
      spec: { odd: 1 },
      status: { a: 1 },
    });
    expect(thing).toMatchObject({
      apiVersion: 'x.io/v1',
      kind: 'Thing',
      metadata: { generation: 1 },
      spec: { size: 3 },
    });
    expect(thing.spec).not.toHaveProperty('odd');
    expect(thing.status).toBeUndefined();
    const reported = await client.patch(
      things,
      thing.metadata,
      { spec: { size: 9 }, status: { a: 1 } },
      { kind: 'merge', subresource: 'status' },
    );
    expect(reported).toMatchObject({ metadata: { generation: 1 }, spec: { size: 3 }, status: { a: 1 } });
  });

  it('are the same in each served version', async () => {
    const { client } = open();
    await client.create(customResourceDefinitions, thingCrd);
    await client.create(things, { metadata: { namespace: ns, name: 't' }, spec: { size: 5 } });
    expect(await client.get({ ...things, version: 'v2' }, { namespace: ns, name: 't' })).toMatchObject({
      apiVersion: 'x.io/v2',
      spec: { size: 5 },
    });
    expect(await codeOf(client.get({ ...things, version: 'v3' }, { namespace: ns, name: 't' }))).toBe('KUBE_NOT_FOUND');
  });

  it('must say their type, unlike built-in ones', async () => {
    const { store, client } = open();
    await client.create(customResourceDefinitions, thingCrd);
    const metadata = { namespace: ns, name: 't' };
    expect(() => store.write.create(things, ns, { metadata })).toThrow('(must be of type Thing): kind is missing');
    expect(() => store.write.create(things, ns, { kind: 'Thing', metadata })).toThrow('apiVersion is missing');
    store.write.create(configMaps, ns, { metadata });
  });

  it('must fit their schema', async () => {
    const { client } = open();
    await client.create(customResourceDefinitions, thingCrd);
    const wrong = { metadata: { namespace: ns, name: 't' }, spec: { size: 'x' } };
    await expect(client.create(things, wrong)).rejects.toThrow(
      /Thing.x.io "t" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"$/,
    );
  });

  it('go with their definition, which waits for those that are held', async () => {
    const { client } = open();
    await client.create(customResourceDefinitions, thingCrd);
    await client.create(things, { metadata: { namespace: ns, name: 'free' } });
    await client.create(things, { metadata: { namespace: ns, name: 'held', finalizers: ['x.io/hold'] } });
    await client.delete(customResourceDefinitions, { name: 'things.x.io' });
    expect(await namesOf(client, things)).toEqual(['held']);
    await client.patch(things, { namespace: ns, name: 'held' }, { metadata: { finalizers: [] } }, { kind: 'merge' });
    expect(await codeOf(client.list(things))).toBe('KUBE_NOT_FOUND');
    expect(await namesOf(client, customResourceDefinitions)).toEqual([]);
  });

  it.each<[string, object]>([
    ['another name', { metadata: { name: 'odd' } }],
    ['no storage version', { spec: { ...thingCrd.spec, versions: thingCrd.spec.versions.slice(1) } }],
    ['an odd scope', { spec: { ...thingCrd.spec, scope: 'Odd' } }],
    ['no names', { spec: { group: 'x.io' } }],
  ])('are refused a definition with %s', async (_, change) => {
    const crd = { ...thingCrd, ...change };
    expect(await codeOf(open().client.create(customResourceDefinitions, crd))).toBe('KUBE_INVALID');
  });
});

describe('list', () => {
  it('selects by labels and fields', async () => {
    const { client } = open();
    await client.create(pods, pod('a', { labels: { app: 'x' } }));
    await client.create(pods, pod('b', { labels: { app: 'y' } }, { nodeName: 'n1' }));
    const names = async (options: object): Promise<string[]> =>
      (await client.list(pods, options)).items.map(({ metadata }) => metadata.name);
    expect(await names({ labelSelector: 'app in (x)' })).toEqual(['a']);
    expect(await names({ fieldSelector: 'spec.nodeName=n1' })).toEqual(['b']);
    expect(await names({ fieldSelector: 'status.phase!=Pending' })).toEqual([]);
    expect(await codeOf(client.list(pods, { fieldSelector: 'spec.odd=1' }))).toBe('KUBE_INVALID');
    await client.create(events, { metadata: { namespace: ns, name: 'e' }, involvedObject: { kind: 'Pod', name: 'a' } });
    expect(
      (await client.list(events, { fieldSelector: 'involvedObject.name=a,involvedObject.kind=Pod' })).items,
    ).toHaveLength(1);
  });

  it('pages at one revision, whatever happens in between', async () => {
    const { client } = open();
    for (const name of ['a', 'b', 'd', 'e']) await client.create(configMaps, configMap(name));
    const first = await client.list(configMaps, { namespace: ns, limit: 2 });
    await client.create(configMaps, configMap('c'));
    await client.delete(configMaps, { namespace: ns, name: 'd' });
    await client.update(configMaps, configMap('e', { changed: 'yes' }));
    const second = await client.list(configMaps, { namespace: ns, limit: 2, continue: first.continue ?? '' });
    expect([...first.items, ...second.items].map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'd', 'e']);
    expect(second.items[1]?.data).toEqual({});
    expect(second.resourceVersion).toBe(first.resourceVersion);
    expect(second.continue).toBeUndefined();
  });

  it('at an exact revision is what was there', () => {
    const { store } = open();
    const type = { group: '', version: 'v1', plural: 'configmaps' };
    const first = store.write.create(type, ns, configMap('a')).metadata.resourceVersion ?? '';
    store.write.create(type, ns, configMap('b'));
    const names = (options: object): string[] =>
      store.read.list(type, { resourceVersion: first, ...options }).items.map(({ metadata }) => metadata.name);
    expect(names({ resourceVersionMatch: 'Exact' })).toEqual(['a']);
    expect(names({ resourceVersionMatch: 'NotOlderThan' })).toEqual(['a', 'b']);
    expect(names({})).toEqual(['a', 'b']);
    expect(names({ limit: 5 })).toEqual(['a']);
    expect(() => names({ resourceVersionMatch: 'Odd' })).toThrow('Unsupported value');
    expect(() => names({ resourceVersion: '', resourceVersionMatch: 'Exact' })).toThrow('forbidden');
    expect(() => names({ resourceVersion: '0', resourceVersionMatch: 'Exact' })).toThrow('forbidden');
    store.compact();
    expect(() => names({ resourceVersionMatch: 'Exact' })).toThrow('too old');
  });

  it('refuses to go on where the history is forgotten, and what is no token', async () => {
    const { store, client } = open();
    for (const name of ['a', 'b', 'c']) await client.create(configMaps, configMap(name));
    const { continue: next = '' } = await client.list(configMaps, { limit: 1 });
    await client.create(configMaps, configMap('d'));
    store.compact();
    expect(await codeOf(client.list(configMaps, { limit: 1, continue: next }))).toBe('KUBE_GONE');
    expect(await codeOf(client.list(configMaps, { limit: 1, continue: 'odd' }))).toBe('KUBE_INVALID');
    const both = { limit: 1, continue: next, resourceVersion: '5' };
    await expect(client.list(configMaps, both)).rejects.toThrow('not allowed when using continue');
  });
});

describe('watch', () => {
  /** Watches until `count` events came, and shows them as `TYPE name@relative-revision`. */
  async function watched(client: KubeClient, options: object, count: number): Promise<string[]> {
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of client.watch(configMaps, options, stop.signal)) {
      seen.push(event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.metadata.name}`);
      if (seen.length === count) break;
    }
    return seen;
  }

  it('tells every change after the revision, and nothing before', async () => {
    const { client } = open();
    await client.create(configMaps, configMap('before'));
    const { resourceVersion } = await client.list(configMaps);
    await client.create(configMaps, configMap('a'));
    await client.update(configMaps, configMap('a', { x: '1' }));
    await client.delete(configMaps, { namespace: ns, name: 'a' });
    expect(await watched(client, { resourceVersion }, 3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
  });

  it('without a revision begins with what is there', async () => {
    const { client } = open();
    await client.create(configMaps, configMap('a'));
    await client.create(configMaps, configMap('b'));
    expect(await watched(client, {}, 2)).toEqual(['ADDED a', 'ADDED b']);
  });

  it('with initial events says where these end, whatever revision it names', async () => {
    const { store } = open();
    const type = { group: '', version: 'v1', plural: 'configmaps' };
    const { resourceVersion } = store.write.create(type, ns, configMap('a')).metadata;
    const options = {
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      resourceVersion: resourceVersion ?? '',
    };
    const stop = new AbortController();
    const seen: unknown[] = [];
    for await (const event of store.read.watch(type, options, stop.signal)) {
      seen.push(event.type === 'BOOKMARK' ? event : `${event.type} ${event.object.metadata.name}`);
      if (seen.length === 2) store.write.create(type, ns, configMap('b'));
      if (seen.length === 3) stop.abort();
    }
    expect(seen).toEqual(['ADDED a', { type: 'BOOKMARK', resourceVersion, isInitialEnd: true }, 'ADDED b']);
    expect(() => store.read.watch(type, { sendInitialEvents: true }, stop.signal)).toThrow('resourceVersionMatch');
  });

  it('tells what happens while it waits', async () => {
    const { client } = open();
    const { resourceVersion } = await client.list(configMaps);
    const seen = watched(client, { resourceVersion }, 2);
    await Promise.resolve();
    await client.create(configMaps, configMap('a'));
    await client.delete(configMaps, { namespace: ns, name: 'a' });
    expect(await seen).toEqual(['ADDED a', 'DELETED a']);
  });

  it('shows objects come and go as they match a selector', async () => {
    const { client } = open();
    const { resourceVersion } = await client.list(configMaps);
    await client.create(configMaps, configMap('a'));
    await client.update(configMaps, configMap('a', {}, { labels: { on: 'yes' } }));
    await client.update(configMaps, configMap('a', { x: '1' }, { labels: { on: 'yes' } }));
    await client.update(configMaps, configMap('a'));
    await client.create(configMaps, configMap('b', {}, { labels: { on: 'yes' } }));
    const seen = await watched(client, { resourceVersion, labelSelector: 'on' }, 4);
    expect(seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b']);
  });

  it('gives a deletion its own revision, so that a watch resumes behind it', async () => {
    const { store, client } = open();
    const { resourceVersion } = await client.create(configMaps, configMap('a')).then(({ metadata }) => metadata);
    await client.delete(configMaps, { namespace: ns, name: 'a' });
    for await (const event of client.watch(
      configMaps,
      { resourceVersion: resourceVersion ?? '' },
      new AbortController().signal,
    )) {
      expect(event).toMatchObject({
        type: 'DELETED',
        object: { metadata: { resourceVersion: String(store.revision) } },
      });
      break;
    }
  });

  it('sends bookmarks while nothing happens, and ends after its time', async () => {
    const { store, client, clock } = open({ bookmarkMs: 10_000 });
    const revisions: string[] = [];
    const watching = (async () => {
      const options = { resourceVersion: String(store.revision), timeoutSeconds: 25 };
      for await (const event of client.watch(configMaps, options, new AbortController().signal)) {
        if (event.type === 'BOOKMARK') revisions.push(event.resourceVersion);
      }
    })();
    await clock.advance(15_000);
    expect(revisions).toEqual([String(store.revision)]);
    await client.create(secrets, { metadata: { namespace: ns, name: 's' } }); // of another type: only the bookmark tells
    await clock.advance(10_000);
    await watching;
    expect(revisions.slice(1)).toEqual([String(store.revision), String(store.revision)]);
  });

  it.each<[string, (store: KubeApiStore) => string, string]>([
    ['a revision before the store', (store) => String(store.revision - 100_000), 'KUBE_GONE'],
    ['a revision of another history', (store) => String(store.revision + 1), 'KUBE_GONE'],
    ['what is no revision', () => 'odd', 'KUBE_INVALID'],
  ])('from %s is refused', async (_, from, want) => {
    const { store, client } = open();
    expect(await codeOf(watched(client, { resourceVersion: from(store) }, 1))).toBe(want);
  });

  it('that reads too slowly is told so, and costs no memory', async () => {
    const { client } = open({ historySize: 8 });
    const { resourceVersion } = await client.list(configMaps);
    const events = client.watch(configMaps, { resourceVersion }, new AbortController().signal)[Symbol.asyncIterator]();
    await client.create(configMaps, configMap('a'));
    await events.next();
    for (let turn = 0; turn < 40; turn++) await client.update(configMaps, configMap('a', { turn: String(turn) }));
    expect(await codeOf(events.next())).toBe('KUBE_GONE');
  });

  it('ends on abort, and when its type is gone', async () => {
    const { client, clock } = open();
    await client.create(customResourceDefinitions, thingCrd);
    const { resourceVersion } = await client.list(things);
    const stop = new AbortController();
    const byAbort = client.watch(things, { resourceVersion }, stop.signal)[Symbol.asyncIterator]().next();
    const byRemoval = client
      .watch(things, { resourceVersion }, new AbortController().signal)
      [Symbol.asyncIterator]()
      .next();
    await clock.advance(1);
    stop.abort();
    expect(await byAbort).toEqual({ done: true, value: undefined });
    await client.delete(customResourceDefinitions, { name: 'things.x.io' });
    expect(await byRemoval).toEqual({ done: true, value: undefined });
  });
});
