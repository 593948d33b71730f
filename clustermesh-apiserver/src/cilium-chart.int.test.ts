import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ciliumEndpoints, ciliumIdentities, ciliumNodes } from '@clustermesh/kube';
import { KubeApiStore, serveKubeApi } from '@clustermesh/lab';
import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';
import { TestCa, TestProcess, eventually, freePort, tempDir } from '@clustermesh/testkit';

import { aCiliumEndpoint, aCiliumIdentity, aCiliumNode, installCilium } from './testing/cilium-objects.ts';
import { aService, aSlice, create } from './testing/objects.ts';

/** As the image has it in /usr/bin. */
const program = fileURLToPath(new URL('../../deploy/bin/clustermesh-apiserver.js', import.meta.url));
const account = 'system:serviceaccount:kube-system:clustermesh-apiserver';

/** The ClusterRole of Cilium's chart: nothing may be written, and neither Nodes nor Pods are read. */
const read = ['get', 'list', 'watch'];
const rules = [
  { apiGroups: ['cilium.io'], resources: ['ciliumidentities', 'ciliumendpoints', 'ciliumnodes'], verbs: read },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['endpoints', 'namespaces', 'services'], verbs: read },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
];

/** The pod of Cilium's chart, container by container, with our program for its image. Only ports and paths are the test's. */
describe('the pod clustermesh-apiserver of Cilium’s chart', () => {
  const stack = new AsyncDisposableStack();
  let ca: TestCa;
  let dir: string;
  let etcdEndpoint: string;
  const containers = new Map<string, TestProcess>();
  const ports = { apiserver: 0, kvstoremesh: 0, metrics: 0, meshMetrics: 0, api: 0 };

  beforeAll(async () => {
    dir = stack.use(await tempDir('cilium-chart')).path;
    ca = await TestCa.create(dir);
    for (const port of Object.keys(ports) as (keyof typeof ports)[]) ports[port] = await freePort();
    const kubeconfig = await serveKube();
    await startEtcd();
    await writeFile(join(dir, 'users.yaml'), 'users: [{ name: remote-west, role: remote }]');
    await mkdir(join(dir, 'clustermesh'));
    const common = [
      '--cluster-name=east',
      '--cluster-id=7',
      `--kvstore-opt=etcd.config=${join(dir, 'etcd-config.yaml')}`,
    ];
    start('apiserver', [
      ...['clustermesh', '--debug', ...common, '--kvstore-opt=etcd.qps=20', '--kvstore-opt=etcd.bootstrapQps=10000'],
      ...['--max-connected-clusters=255', `--health-port=${ports.apiserver}`, '--enable-external-workloads=false'],
      ...['--cluster-users-enabled', `--cluster-users-config-path=${join(dir, 'users.yaml')}`],
      ...[`--prometheus-serve-addr=:${ports.metrics}`, '--controller-group-metrics=all'],
      `--k8s-kubeconfig-path=${kubeconfig}`,
    ]);
    start('kvstoremesh', [
      ...['kvstoremesh', ...common, '--kvstore-opt=etcd.qps=100', '--kvstore-opt=etcd.bootstrapQps=10000'],
      ...['--kvstore-opt=etcd.maxInflight=10', `--clustermesh-config=${join(dir, 'clustermesh')}`],
      ...['--max-connected-clusters=255', `--health-port=${ports.kvstoremesh}`, '--enable-heartbeat=false'],
      ...[`--prometheus-serve-addr=:${ports.meshMetrics}`, '--controller-group-metrics=all'],
      `--api-serve-addr=localhost:${ports.api}`,
    ]);
  }, 60_000);
  afterAll(async () => {
    await stack.disposeAsync();
  });

  function start(name: string, args: readonly string[]): void {
    // The image says where Cilium's objects are to be read.
    const container = new TestProcess('env', ['CLUSTERMESH_SOURCE=cilium', process.execPath, program, ...args]);
    stack.defer(() => container.end('SIGTERM'));
    containers.set(name, container);
  }

  /** `etcd-init`, then `etcd`, which reads what the first has left. */
  async function startEtcd(): Promise<void> {
    const [port, peerPort] = [await freePort(), await freePort()];
    const [data, peer] = [join(dir, 'etcd'), `http://127.0.0.1:${peerPort}`];
    const init = new TestProcess('env', [
      ...['CILIUM_CLUSTER_NAME=east', process.execPath, program, 'etcdinit', '--debug'],
      ...['--etcd-cluster-name=clustermesh-apiserver', '--etcd-initial-cluster-token=uid', `--etcd-data-dir=${data}`],
      ...[`--etcd-client-url=http://127.0.0.1:${port}`, `--etcd-peer-url=${peer}`],
    ]);
    await init.printed('etcd users and roles are set up');
    await eventually(async () => expect(init.exited).toBe(true), { timeoutMs: 10_000 });
    etcdEndpoint = `https://127.0.0.1:${port}`;
    const server = await ca.issue({ commonName: 'server', altNames: ['IP:127.0.0.1'] });
    const etcd = new TestProcess('etcd', [
      ...[`--data-dir=${data}`, '--name=clustermesh-apiserver', '--client-cert-auth', `--listen-peer-urls=${peer}`],
      ...[`--trusted-ca-file=${ca.certFile}`, `--cert-file=${server.certFile}`, `--key-file=${server.keyFile}`],
      ...[`--listen-client-urls=${etcdEndpoint}`, `--advertise-client-urls=${etcdEndpoint}`],
      ...['--initial-cluster-token=uid', '--auto-compaction-retention=1'],
    ]);
    stack.defer(() => etcd.end('SIGKILL'));
    await etcd.printed('ready to serve client requests');
    const admin = await ca.issue({ commonName: 'admin-east' });
    const files = `trusted-ca-file: ${ca.certFile}\ncert-file: ${admin.certFile}\nkey-file: ${admin.keyFile}\n`;
    await writeFile(join(dir, 'etcd-config.yaml'), `endpoints: ["${etcdEndpoint}"]\n${files}`);
  }

  /** A Kubernetes API with Cilium's objects, where the pod may what its chart lets it; returns the pod's kubeconfig. */
  async function serveKube(): Promise<string> {
    const store = new KubeApiStore({ clock: systemClock, random: seededRandom(1), serviceCidr: '10.101.0.0/16' });
    const kube = store.client();
    await installCilium(kube);
    await kube.create(ciliumNodes, aCiliumNode('n1', '172.18.0.2', '10.1.0.0/24'));
    await kube.create(ciliumIdentities, aCiliumIdentity(458_753, 'web'));
    await kube.create(ciliumEndpoints, aCiliumEndpoint('web-0', '10.1.0.5', 458_753));
    await create(kube, aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
    const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: false };
    const named = { metadata: { name: 'clustermesh-apiserver' } };
    await kube.create({ ...rbac, plural: 'clusterroles', kind: 'ClusterRole' }, { ...named, rules });
    await kube.create(
      { ...rbac, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding' },
      {
        ...named,
        roleRef: { apiGroup: rbac.group, kind: 'ClusterRole', name: 'clustermesh-apiserver' },
        subjects: [{ kind: 'User', apiGroup: rbac.group, name: account }],
      },
    );
    const server = await ca.issue({ commonName: 'kube-apiserver', altNames: ['IP:127.0.0.1'] });
    const tls = { ca: ca.cert.toString(), cert: server.cert.toString(), key: server.key.toString() };
    const options = { tls, listen: [{ host: '127.0.0.1', port: 0 }], clock: systemClock, log: silentLogger };
    const { addresses } = stack.use(await serveKubeApi(store, options));
    const user = await ca.issue({ commonName: account });
    const path = join(dir, 'kubeconfig');
    const content = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'east' },
      contexts: [{ name: 'east', context: { cluster: 'east', user: 'east' } }],
      users: [{ name: 'east', user: { 'client-certificate': user.certFile, 'client-key': user.keyFile } }],
      clusters: [{ name: 'east', cluster: { server: addresses[0], 'certificate-authority': ca.certFile } }],
    };
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  const get = async (port: number, path: string): Promise<string> => {
    const response = await fetch(`http://localhost:${port}${path}`);
    return `${response.status} ${await response.text()}`;
  };

  it.each(['apiserver', 'kvstoremesh'] as const)(
    'makes %s ready, where its probe asks',
    async (name) => {
      await eventually(async () => expect(await get(ports[name], '/readyz')).toBe('200 Ready\n'), {
        timeoutMs: 40_000,
      });
    },
    50_000,
  );

  it('publishes what Cilium’s would, to a cluster of the users file', async () => {
    const user = await ca.issue({ commonName: 'remote-west' });
    const west = new TestProcess('etcdctl', [
      ...['--endpoints', etcdEndpoint, '--cacert', ca.certFile, '--cert', user.certFile, '--key', user.keyFile],
      ...['get', 'cilium/state/', '--prefix', '--keys-only'],
    ]);
    await west.printed('cilium/state/services/v1/east/default/web');
    expect(west.output.split('\n').filter((line) => line !== '')).toEqual([
      'cilium/state/identities/v1/id/458753',
      'cilium/state/ip/v1/default/10.1.0.5',
      'cilium/state/nodes/v1/east/n1',
      'cilium/state/services/v1/east/default/web',
    ]);
  });

  it.each([
    { port: 'metrics', series: 'cilium_clustermesh_apiserver_bootstrap_seconds' },
    { port: 'meshMetrics', series: 'cilium_kvstoremesh_remote_clusters 0' },
  ] as const)('answers its ServiceMonitor on $port', async ({ port, series }) => {
    expect(await get(ports[port], '/metrics')).toContain(series);
  });

  it('answers what Cilium’s command line runs in the pod', async () => {
    const status = new TestProcess(process.execPath, [
      ...[program, 'kvstoremesh-dbg', 'status', '-o', 'json', '-H', `localhost:${ports.api}`],
    ]);
    await status.printed(']');
    expect(JSON.parse(status.output)).toEqual([]);
  }, 20_000);

  it('names what it can be when it is called something else', async () => {
    const container = new TestProcess(process.execPath, [program, 'etcdinti']);
    await eventually(() => expect(container.exited).toBe(true), { timeoutMs: 10_000 });
    expect(container.output).toMatch(/^unknown command "etcdinti": there are clustermesh, etcdinit, kvstoremesh, /);
  });

  it('says at the start which of the chart’s settings have no effect', () => {
    expect(containers.get('apiserver')?.output).toContain('"setting":"--enable-external-workloads"');
    expect(containers.get('kvstoremesh')?.output).toContain('"setting":"--controller-group-metrics"');
  });

  it('asks for nothing in Kubernetes that the chart’s role does not allow', () => {
    expect(containers.get('apiserver')?.output).not.toMatch(/KUBE_FORBIDDEN|is forbidden/);
  });
});
