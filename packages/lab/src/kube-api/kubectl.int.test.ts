/** The installed kubectl against a process of its own, through the verbs that people use. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createCa, issueCertificate } from '@clustermesh/pki';
import type { KeyPair } from '@clustermesh/pki';
import { systemClock } from '@clustermesh/runtime';
import { TestProcess, eventually, freePort, tempDir } from '@clustermesh/testkit';

// Each test runs kubectl a dozen times.
jest.setTimeout(60_000);

const run = promisify(execFile);
const hasKubectl = await run('kubectl', ['version', '--client']).then(
  () => true,
  () => false,
);
// Visible in the count as skipped where kubectl is not installed.
const describeWithKubectl = hasKubectl ? describe : describe.skip;

const stack = new AsyncDisposableStack();
let dir: string;
let flags: string[];
let server: TestProcess;

beforeAll(async () => {
  dir = stack.use(await tempDir('kubectl')).path;
  const validity = { clock: systemClock, days: 1 };
  const ca = await createCa({ ...validity, commonName: 'ca' });
  const issue = (commonName: string, organizations: readonly string[]): Promise<KeyPair> =>
    issueCertificate(ca, { ...validity, commonName, organizations, usages: ['client'] });
  const serverPair = await issueCertificate(ca, {
    ...validity,
    commonName: 'kube-api',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
  });
  const port = await freePort();
  const users = { admin: await issue('admin', ['system:masters']), guest: await issue('guest', []) };
  const files = {
    'ca.crt': ca.certPem,
    'tls.crt': serverPair.certPem,
    'tls.key': serverPair.keyPem,
    kubeconfig: JSON.stringify(kubeconfig(port, ca.certPem, users)),
  };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(dir, name), text)));
  await mkdir(join(dir, 'logs'));
  flags = [
    `--secure-port=${port}`,
    `--client-ca-file=${join(dir, 'ca.crt')}`,
    `--tls-cert-file=${join(dir, 'tls.crt')}`,
    `--tls-private-key-file=${join(dir, 'tls.key')}`,
    `--data-dir=${join(dir, 'data')}`,
    `--pod-log-dir=${join(dir, 'logs')}`,
  ];
  server = await start();
});
afterAll(async () => {
  await server.end('SIGTERM');
  await stack.disposeAsync();
});

async function start(): Promise<TestProcess> {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const program = new TestProcess(process.execPath, ['--conditions=mesh-source', main, ...flags]);
  await program.printed('"msg":"ready"');
  return program;
}

function kubeconfig(port: number, caPem: string, users: Readonly<Record<string, KeyPair>>): object {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(caPem) };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'admin',
    clusters: [{ name: 'c', cluster }],
    users: Object.entries(users).map(([name, { certPem, keyPem }]) => ({
      name,
      user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) },
    })),
    contexts: Object.keys(users).map((user) => ({ name: user, context: { cluster: 'c', user } })),
  };
}

interface Result {
  readonly stdout: string;
  readonly stderr: string;
}

function commandLine(args: readonly string[]): string[] {
  return [`--kubeconfig=${join(dir, 'kubeconfig')}`, `--cache-dir=${join(dir, 'cache')}`, ...args];
}

/** What it printed, also where it failed. */
async function both(...args: string[]): Promise<Result> {
  const env = { ...process.env, EDITOR: `sed -i s/port:.80$/port:\\ 8080/`, KUBE_EDITOR: '' };
  try {
    const { stdout, stderr } = await run('kubectl', commandLine(args), { timeout: 30_000, env });
    return { stdout: stdout.trim(), stderr: stderr.trim() };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { stdout: stdout.trim(), stderr: stderr.trim() || 'failed' };
  }
}

async function kubectl(...args: string[]): Promise<string> {
  const { stdout, stderr } = await both(...args);
  expect(stderr).toBe('');
  return stdout;
}

async function failure(...args: string[]): Promise<string> {
  return (await both(...args)).stderr;
}

let files = 0;

async function fileOf(...objects: object[]): Promise<string> {
  const path = join(dir, `manifest-${files++}.json`);
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  return path;
}

/** One object, as `--server-side` and `replace` want it in messages. */
async function oneFile(object: object): Promise<string> {
  const path = join(dir, `manifest-${files++}.json`);
  await writeFile(path, JSON.stringify(object));
  return path;
}

async function newNamespace(): Promise<string> {
  const name = `n${files++}`;
  await kubectl('create', 'namespace', name);
  return name;
}

function service(namespace: string, spec: object = {}): object {
  const metadata = { namespace, name: 'web', labels: { app: 'web' } };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  };
}

function deployment(namespace: string, spec: object = {}, container: object = {}): object {
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'i:1', ...container }] },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'web', labels: { app: 'web' } },
    spec: { selector: { matchLabels: { app: 'web' } }, template, ...spec },
  };
}

function pod(namespace: string, name: string, metadata: object = {}): object {
  const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, ...metadata }, spec };
}

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.x.io' },
  spec: {
    group: 'x.io',
    scope: 'Namespaced',
    names: { plural: 'gadgets', kind: 'Gadget', shortNames: ['gd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            description: 'A gadget.',
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  size: { type: 'integer', minimum: 1, description: 'How large it is.' },
                  color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
                },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
      {
        name: 'v2',
        served: true,
        storage: false,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

function gadget(namespace: string, spec: object): object {
  return { apiVersion: 'x.io/v1', kind: 'Gadget', metadata: { namespace, name: 'g' }, spec };
}

describeWithKubectl(`kubectl${hasKubectl ? '' : ' (skipped: it is not installed)'}`, () => {
  it('applies: creates, changes nothing, configures, and shows the difference before', async () => {
    const n = await newNamespace();
    const first = await fileOf(service(n), deployment(n));
    expect(await kubectl('apply', '-f', first)).toBe('service/web created\ndeployment.apps/web created');
    expect(await kubectl('apply', '-f', first)).toBe('service/web unchanged\ndeployment.apps/web unchanged');
    expect(await kubectl('diff', '-f', first)).toBe('');
    const second = await fileOf(
      service(n, { ports: [{ port: 81 }] }),
      deployment(n, { replicas: 3 }, { image: 'i:2' }),
    );
    const { stdout: diff } = await both('diff', '-f', second);
    expect(diff).toMatch(/^-\s+- image: i:1\n\+\s+- image: i:2$/m);
    expect(diff).not.toContain('resourceVersion');
    expect(await kubectl('apply', '-f', second)).toBe('service/web configured\ndeployment.apps/web configured');
    const shown = 'jsonpath={.items[0].spec.ports[*].port} {.items[1].spec.replicas}';
    expect(await kubectl('-n', n, 'get', 'svc/web', 'deploy/web', '-o', shown)).toBe('81 3');
  });

  it('applies on the server: owners, conflicts by name, and fields that are no longer said', async () => {
    const n = await newNamespace();
    const apply = (manager: string, object: object, ...more: string[]): Promise<Result> =>
      oneFile(object).then((file) => both('apply', '--server-side', `--field-manager=${manager}`, '-f', file, ...more));
    const env = [{ name: 'A', value: '1' }];
    expect((await apply('one', deployment(n, {}, { env }))).stdout).toBe('deployment.apps/web serverside-applied');
    const { stderr } = await apply('two', deployment(n, {}, { image: 'i:2' }));
    expect(stderr).toContain('conflict with "one": .spec.template.spec.containers[name="c"].image');
    expect((await apply('two', deployment(n, {}, { image: 'i:2' }), '--force-conflicts')).stderr).toBe('');
    expect((await apply('one', deployment(n, {}, { image: 'i:2' }))).stderr).toBe('');
    const container = 'jsonpath={.spec.template.spec.containers[0].image}{.spec.template.spec.containers[0].env}';
    expect(await kubectl('-n', n, 'get', 'deploy', 'web', '-o', container)).toBe('i:2');
    const managers = 'jsonpath={.metadata.managedFields[*].manager}';
    expect(await kubectl('-n', n, 'get', 'deploy', 'web', '-o', managers, '--show-managed-fields')).toMatch(
      /^(one two|two one)$/,
    );
    expect((await apply('one', { ...deployment(n), spec: { replicas: 1, odd: 2 } })).stderr).toContain(
      `failed to create typed patch object (${n}/web; apps/v1, Kind=Deployment): .spec.odd: field not declared in schema`,
    );
  });

  it('takes an object from client-side to server-side apply', async () => {
    const n = await newNamespace();
    await kubectl('apply', '-f', await oneFile(deployment(n, { replicas: 2 })));
    const file = await oneFile(deployment(n));
    expect(await kubectl('apply', '--server-side', '-f', file)).toBe('deployment.apps/web serverside-applied');
    const managers = 'jsonpath={.metadata.managedFields[*].manager} {.spec.replicas}';
    expect(await kubectl('-n', n, 'get', 'deploy', 'web', '-o', managers, '--show-managed-fields')).toBe(
      'kubectl kubectl-last-applied 1',
    );
  });

  it('tells of unknown fields as the user wants to hear of them', async () => {
    const n = await newNamespace();
    const file = await oneFile(service(n, { odd: 1 }));
    const strict =
      'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.odd"';
    expect(await failure('apply', '-f', file)).toContain(
      `Error from server (BadRequest): error when creating "${file}": ${strict}`,
    );
    expect(await both('create', '--validate=warn', '--dry-run=server', '-f', file)).toEqual({
      stdout: 'service/web created (server dry run)',
      stderr: 'Warning: unknown field "spec.odd"',
    });
    expect(await kubectl('create', '--validate=false', '-f', file)).toBe('service/web created');
    expect(await kubectl('-n', n, 'get', 'svc', 'web', '-o', 'jsonpath={.spec.odd}')).toBe('');
  });

  it('annotates, labels, scales, patches in three ways, edits, replaces and sets', async () => {
    const n = await newNamespace();
    const file = await oneFile(service(n));
    await kubectl('create', '-f', await fileOf(service(n), deployment(n)));
    expect(await failure('create', '-f', file)).toContain('services "web" already exists');
    expect(await kubectl('-n', n, 'annotate', 'svc/web', 'service.cilium.io/global=true')).toBe(
      'service/web annotated',
    );
    expect(await kubectl('-n', n, 'label', 'svc', '--all', 'a=b')).toBe('service/web labeled');
    expect(await failure('-n', n, 'label', 'svc/web', 'a=c')).toContain(
      'already has a value (b), and --overwrite is false',
    );
    expect(await kubectl('-n', n, 'scale', 'deploy/web', '--replicas=3', '--current-replicas=1')).toContain('scaled');
    const patches: readonly (readonly string[])[] = [
      ['strategic', '{"spec":{"ports":[{"port":80,"name":"http"}]}}'],
      ['merge', '{"spec":{"selector":{"app":null,"b":"c"}}}'],
      ['json', '[{"op":"add","path":"/metadata/labels/x","value":"y"}]'],
    ];
    for (const [type = '', patch = ''] of patches) {
      expect(await kubectl('-n', n, 'patch', 'svc/web', `--type=${type}`, '-p', patch)).toBe('service/web patched');
    }
    const shown = 'jsonpath={.spec.ports[0].name} {.spec.selector} {.metadata.labels}';
    expect(await kubectl('-n', n, 'get', 'svc/web', '-o', shown)).toBe('http {"b":"c"} {"a":"b","app":"web","x":"y"}');
    expect(
      await failure('-n', n, 'patch', 'svc/web', '--type=json', '-p', '[{"op":"test","path":"/kind","value":"x"}]'),
    ).toContain('test');
    expect(await kubectl('-n', n, 'edit', 'svc/web')).toBe('service/web edited');
    expect(await kubectl('-n', n, 'get', 'svc/web', '-o', 'jsonpath={.spec.ports[0].port}')).toBe('8080');
    expect(await kubectl('replace', '-f', file)).toBe('service/web replaced');
    expect(await kubectl('replace', '--force', '-f', file)).toBe(`service "web" deleted\nservice/web replaced`);
    expect(await kubectl('-n', n, 'set', 'image', 'deploy/web', 'c=i:9')).toBe('deployment.apps/web image updated');
    expect(await kubectl('-n', n, 'expose', 'deploy/web', '--port=80', '--name=more')).toBe('service/more exposed');
  });

  it('creates by its imperative commands, which speak protobuf', async () => {
    const n = await newNamespace();
    const create = (...args: string[]): Promise<string> => kubectl('-n', n, 'create', ...args);
    expect(await create('configmap', 'm', '--from-literal=a=b')).toBe('configmap/m created');
    expect(await create('secret', 'generic', 's', '--from-literal=a=b')).toBe('secret/s created');
    expect(await create('serviceaccount', 'sa')).toBe('serviceaccount/sa created');
    expect(await create('deployment', 'd', '--image=i', '--replicas=0', '--port=80', '--', 'run', '-x')).toBe(
      'deployment.apps/d created',
    );
    expect(await create('service', 'nodeport', 'web', '--tcp=80:http', '--node-port=30080')).toBe(
      'service/web created',
    );
    expect(await create('role', 'r', '--verb=get', '--resource=pods')).toBe('role.rbac.authorization.k8s.io/r created');
    expect(await create('rolebinding', 'r', '--role=r', `--serviceaccount=${n}:sa`)).toContain('created');
    const data = 'jsonpath={.items[0].data.a} {.items[1].data.a}';
    expect(await kubectl('-n', n, 'get', 'cm/m', 'secret/s', '-o', data)).toBe('b Yg==');
    const container = 'jsonpath={.spec.template.spec.containers[0]}';
    expect(JSON.parse(await kubectl('-n', n, 'get', 'deploy/d', '-o', container))).toMatchObject({
      name: 'i',
      image: 'i',
      command: ['run', '-x'],
      ports: [{ containerPort: 80 }],
    });
    const as = `--as=system:serviceaccount:${n}:sa`;
    expect(await kubectl('-n', n, 'auth', 'can-i', 'get', 'pods', as)).toBe('yes');
    expect(await failure('-n', n, as, 'get', 'secrets')).toContain(
      `secrets is forbidden: User "system:serviceaccount:${n}:sa" cannot list resource "secrets" in API group "" in the namespace "${n}"`,
    );
  });

  it('gets in every form, by selectors, and everywhere', async () => {
    const n = await newNamespace();
    await kubectl(
      'apply',
      '-f',
      await fileOf(service(n), pod(n, 'a', { labels: { x: '1' } }), pod(n, 'b', { labels: { x: '2' } })),
    );
    const get = (...args: string[]): Promise<string> => kubectl('-n', n, 'get', ...args);
    expect(await get('pods', '-o', 'wide')).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE\na +0\/1 +Pending +0 +\d+s +<none> +n1\nb +0\/1 /,
    );
    expect(await get('pods', '-l', 'x in (1,3)', '-o', 'name')).toBe('pod/a');
    expect(await get('pods', '--field-selector=metadata.name!=a,spec.nodeName=n1', '-o', 'name')).toBe('pod/b');
    expect(
      await get(
        'pods',
        '--sort-by=.metadata.labels.x',
        '--no-headers',
        '-o',
        'custom-columns=N:.metadata.name,X:.metadata.labels.x',
      ),
    ).toBe('a     1\nb     2');
    expect(await get('pods', '--chunk-size=1', '-o', 'name')).toBe('pod/a\npod/b');
    expect(JSON.parse(await get('svc/web', '-o', 'json'))).toMatchObject({
      kind: 'Service',
      spec: { type: 'ClusterIP' },
    });
    expect(await get('svc/web', '-o', 'yaml')).toMatch(/^apiVersion: v1\nkind: Service\n/);
    expect(await get('svc', '-o', 'go-template={{range .items}}{{.metadata.name}}{{end}}')).toBe('web');
    expect(await get('all')).toMatch(/pod\/a[^]*pod\/b[^]*service\/web/);
    expect(await kubectl('get', 'pods', '-A')).toMatch(new RegExp(`^NAMESPACE[^]*^${n} +a `, 'm'));
    expect(await failure('-n', n, 'get', 'pods', 'c')).toBe('Error from server (NotFound): pods "c" not found');
    expect(await failure('-n', n, 'get', 'odds')).toContain(`the server doesn't have a resource type "odds"`);
    expect(await failure('-n', n, 'get', 'pods', '--field-selector=odd=1')).toContain('field label not supported: odd');
    expect((await both('-n', n, 'get', 'ds')).stderr).toBe(`No resources found in ${n} namespace.`);
  });

  it('watches: objects come, change, leave a selector and go', async () => {
    const n = await newNamespace();
    const watch = spawn(
      'kubectl',
      commandLine(['-n', n, 'get', 'cm', '-l', 'a=b', '--watch', '--output-watch-events']),
    );
    let seen = '';
    watch.stdout.on('data', (text: Buffer) => (seen += text.toString()));
    await kubectl('-n', n, 'create', 'cm', 'm');
    await kubectl('-n', n, 'label', 'cm/m', 'a=b');
    await eventually(() => expect(seen).toMatch(/^ADDED +m .*\n$/m));
    await kubectl('-n', n, 'annotate', 'cm/m', 'x=y');
    await kubectl('-n', n, 'label', 'cm/m', 'a-');
    await eventually(() => expect(seen).toMatch(/^ADDED +m .*\nMODIFIED +m .*\nDELETED +m .*\n$/m));
    watch.kill();
  });

  it('describes what people look at, with its events', async () => {
    const n = await newNamespace();
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `node-${n}` },
      status: { conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm' }] },
    };
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: n, name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 80 }],
      endpoints: [{ addresses: ['10.0.0.9'], conditions: { ready: true } }],
    };
    await kubectl('create', '-f', await fileOf(node, slice, service(n), deployment(n), pod(n, 'p')));
    const involvedObject = {
      kind: 'Pod',
      namespace: n,
      name: 'p',
      uid: await kubectl('-n', n, 'get', 'pod/p', '-o', 'jsonpath={.metadata.uid}'),
    };
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: n, name: 'p.1' },
      involvedObject,
      type: 'Warning',
      reason: 'Odd',
      message: 'something odd',
      lastTimestamp: new Date().toISOString(),
    };
    await kubectl('create', '-f', await oneFile(event));
    expect(await kubectl('-n', n, 'describe', 'pod', 'p')).toMatch(
      /^Name: +p\n[^]*Node: +n1\/[^]*Warning +Odd +\S+ +something odd$/,
    );
    expect(await kubectl('-n', n, 'describe', 'svc/web')).toMatch(/Type: +ClusterIP[^]*Endpoints: +10\.0\.0\.9:80/);
    expect(await kubectl('describe', 'node', `node-${n}`)).toMatch(/Ready +True[^]*R +m/);
    expect(await kubectl('-n', n, 'describe', 'deploy/web')).toMatch(/Replicas: +1 desired/);
    expect(await kubectl('-n', n, 'describe', 'endpointslice/web-1')).toMatch(/Addresses: +10\.0\.0\.9/);
    expect(await kubectl('describe', 'ns', n)).toMatch(/Status: +Active/);
    expect(await kubectl('-n', n, 'events')).toMatch(/Warning +Odd +Pod\/p +something odd$/);
    expect(await kubectl('-n', n, 'get', 'events')).toMatch(
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+ +Warning +Odd +pod\/p +something odd$/,
    );
    expect(await kubectl('-n', n, 'get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].note}')).toBe(
      'something odd',
    );
  });

  it('serves network policies: checked, with columns, and described', async () => {
    const n = await newNamespace();
    const policy = (spec: object): object => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: n, name: 'web' },
      spec: { podSelector: { matchLabels: { app: 'web' } }, ...spec },
    });
    const from = { namespaceSelector: { matchLabels: { team: 'a' } }, podSelector: { matchLabels: { app: 'c' } } };
    const file = await oneFile(
      policy({ ingress: [{ from: [from], ports: [{ protocol: 'TCP', port: 80, endPort: 90 }] }] }),
    );
    expect(await kubectl('apply', '-f', file)).toBe('networkpolicy.networking.k8s.io/web created');
    expect(await kubectl('apply', '-f', file)).toBe('networkpolicy.networking.k8s.io/web unchanged');
    expect(await kubectl('-n', n, 'get', 'netpol')).toMatch(/^NAME +POD-SELECTOR +AGE\nweb +app=web +\d+s$/);
    expect(await kubectl('-n', n, 'describe', 'netpol', 'web')).toMatch(
      /PodSelector: +app=web[^]*To Port Range: 80-90\/TCP[^]*NamespaceSelector: team=a[^]*Policy Types: Ingress/,
    );
    const invalid = await failure('apply', '-f', await oneFile(policy({ ingress: [{ ports: [{ port: 70_000 }] }] })));
    expect(invalid).toContain('spec.ingress[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535');
    expect(await kubectl('-n', n, 'delete', 'netpol', 'web')).toBe('networkpolicy.networking.k8s.io "web" deleted');
  });

  it("serves Cilium's policies once their definitions are applied", async () => {
    const n = await newNamespace();
    const crds = fileURLToPath(new URL('../../../../deploy/crds/cilium-policies.yaml', import.meta.url));
    expect(await kubectl('apply', '-f', crds)).toMatch(
      /ciliumnetworkpolicies[^]* created\n[^]*clusterwide[^]* created$/,
    );
    await kubectl('wait', '--for=condition=Established', 'crd/ciliumnetworkpolicies.cilium.io');
    const spec = { endpointSelector: {}, ingressDeny: [{ fromEntities: ['world'] }] };
    const policy = (kind: string): object => ({
      apiVersion: 'cilium.io/v2',
      kind,
      metadata: { name: 'web', ...(kind === 'CiliumNetworkPolicy' ? { namespace: n } : {}) },
      spec,
    });
    await kubectl('apply', '-f', await oneFile(policy('CiliumNetworkPolicy')));
    await kubectl('apply', '-f', await oneFile(policy('CiliumClusterwideNetworkPolicy')));
    expect(await kubectl('-n', n, 'get', 'cnp')).toMatch(/^NAME +AGE\nweb +\d+s$/);
    expect(JSON.parse(await kubectl('-n', n, 'get', 'cnp', 'web', '-o', 'jsonpath={.spec}'))).toEqual(spec);
    expect(JSON.parse(await kubectl('get', 'ccnp', 'web', '-o', 'jsonpath={.spec}'))).toEqual(spec);
  });

  it('serves custom resources: validated, with columns, in all versions, and explained', async () => {
    const n = await newNamespace();
    expect(await kubectl('apply', '-f', await oneFile(crd))).toBe(
      'customresourcedefinition.apiextensions.k8s.io/gadgets.x.io created',
    );
    expect(await kubectl('wait', '--for=condition=Established', 'crd/gadgets.x.io')).toContain('condition met');
    expect(await kubectl('apply', '-f', await oneFile(gadget(n, { size: 1 })))).toBe('gadget.x.io/g created');
    expect(await kubectl('apply', '-f', await oneFile(gadget(n, { size: 2 })))).toBe('gadget.x.io/g configured');
    expect(await kubectl('-n', n, 'get', 'gd')).toMatch(/^NAME +SIZE +AGE\ng +2 +\d+s$/);
    expect(await kubectl('-n', n, 'get', 'gadgets.v2.x.io', 'g', '-o', 'jsonpath={.apiVersion} {.spec}')).toBe(
      'x.io/v2 {"color":"red","size":2}',
    );
    const invalid = await failure('apply', '-f', await oneFile(gadget(n, { size: 0, color: 'green' })));
    expect(invalid).toContain('The Gadget "g" is invalid: \n');
    expect(invalid).toContain('* spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1');
    expect(invalid).toContain('* spec.color: Unsupported value: "green": supported values: "red", "blue"');
    expect(await failure('-n', n, 'patch', 'gd/g', '--type=merge', '-p', '{"spec":{"size":null}}')).toContain(
      'spec.size: Required value',
    );
    expect(await failure('create', '-f', await oneFile(gadget(n, { size: 1, odd: 1 })))).toContain(
      'strict decoding error: unknown field "spec.odd"',
    );
    const status = ['--subresource=status', '--type=merge', '-p', '{"status":{"ok":true},"spec":{"size":9}}'];
    expect(await kubectl('-n', n, 'patch', 'gd/g', ...status)).toBe('gadget.x.io/g patched');
    const shown = 'jsonpath={.spec.size} {.status.ok} {.metadata.generation}';
    expect(await kubectl('-n', n, 'get', 'gd/g', '-o', shown)).toBe('2 true 2');
    expect(await kubectl('-n', n, 'describe', 'gd/g')).toMatch(/API Version: +x\.io\/v1\nKind: +Gadget/);
    expect(await kubectl('explain', 'gadget.spec.size')).toMatch(/FIELD: size <integer>[^]*How large it is\./);
    expect(await kubectl('delete', 'crd', 'gadgets.x.io')).toContain('deleted');
  });

  it('explains, lists and discovers what there is', async () => {
    expect(await kubectl('explain', 'deployment.spec.template.spec.containers')).toMatch(
      /^GROUP: +apps[^]*FIELD: containers <\[\]Container>[^]*image\t<string>/,
    );
    expect(await kubectl('explain', 'svc', '--recursive')).toContain('nodePort');
    expect(await kubectl('api-resources', '--api-group=apps', '-o', 'name')).toBe(
      'daemonsets.apps\ndeployments.apps\nreplicasets.apps',
    );
    expect(await kubectl('api-resources')).toMatch(/^events +ev +v1 +true +Event$/m);
    expect((await kubectl('api-versions')).split('\n')).toEqual(
      expect.arrayContaining(['apps/v1', 'v1', 'events.k8s.io/v1']),
    );
    expect(await kubectl('version')).toMatch(/Server Version: v1\.32/);
    expect(await kubectl('get', '--raw', '/readyz')).toBe('ok');
    expect(await kubectl('cluster-info')).toContain('Kubernetes control plane');
  });

  it('asks who may do what', async () => {
    expect(await kubectl('auth', 'can-i', 'delete', 'pods')).toBe('yes');
    expect(await kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).toBe('admin');
    expect(await kubectl('--context=guest', 'auth', 'can-i', '--list')).toContain('selfsubjectaccessreviews');
    expect((await both('--context=guest', 'auth', 'can-i', 'list', 'pods')).stdout).toBe('no');
    expect(await failure('--context=guest', 'get', 'pods', '-A')).toContain(
      'pods is forbidden: User "guest" cannot list resource "pods" in API group "" at the cluster scope',
    );
    expect(await failure('--context=guest', '--as=admin', 'get', 'pods')).toContain(
      'cannot impersonate resource "users"',
    );
  });

  it('deletes: by name, label and all, with grace, finalizers and owners, and waits', async () => {
    const n = await newNamespace();
    const map = (name: string, metadata: object = {}): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: n, name, ...metadata },
    });
    await kubectl(
      'create',
      '-f',
      await fileOf(
        map('a', { labels: { x: '1' } }),
        map('b', { labels: { x: '1' } }),
        map('c'),
        map('held', { finalizers: ['x.io/hold'] }),
        pod(n, 'p'),
      ),
    );
    expect(await kubectl('-n', n, 'delete', 'cm', '-l', 'x=1')).toBe('configmap "a" deleted\nconfigmap "b" deleted');
    expect(await kubectl('-n', n, 'delete', 'cm', 'c', '--dry-run=server')).toBe(
      'configmap "c" deleted (server dry run)',
    );
    expect(await kubectl('-n', n, 'delete', 'cm', 'held', '--wait=false')).toBe('configmap "held" deleted');
    expect(await failure('-n', n, 'wait', '--for=delete', 'cm/held', '--timeout=1s')).toContain('timed out waiting');
    const waiting = kubectl('-n', n, 'wait', '--for=delete', 'cm/held', '--timeout=20s');
    await kubectl('-n', n, 'patch', 'cm/held', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]');
    expect(await waiting).toMatch(/^(configmap\/held condition met)?$/);
    expect(await kubectl('-n', n, 'delete', 'pod', 'p', '--wait=false', '--grace-period=60')).toBe('pod "p" deleted');
    expect(await kubectl('-n', n, 'get', 'pod', 'p', '-o', 'jsonpath={.metadata.deletionGracePeriodSeconds}')).toBe(
      '60',
    );
    expect(await failure('-n', n, 'delete', 'pod', 'p', '--grace-period=0', '--force')).toContain('Immediate deletion');
    await kubectl('-n', n, 'create', 'deployment', 'd', '--image=i');
    const uid = await kubectl('-n', n, 'get', 'deploy/d', '-o', 'jsonpath={.metadata.uid}');
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', uid }];
    await kubectl('create', '-f', await fileOf(map('owned', { ownerReferences })));
    expect(await kubectl('-n', n, 'delete', 'deploy/d', '--cascade=orphan')).toBe('deployment.apps "d" deleted');
    expect(await kubectl('-n', n, 'get', 'cm/owned', '-o', 'jsonpath={.metadata.ownerReferences}')).toBe('');
    expect(await kubectl('delete', 'ns', n)).toBe(`namespace "${n}" deleted`);
    expect(await failure('-n', n, 'get', 'cm/c')).toContain('not found');
    expect(await failure('delete', 'ns', 'default')).toContain(
      'namespaces "default" is forbidden: this namespace may not be deleted',
    );
  });

  it('waits for conditions and values, and follows a rollout', async () => {
    const n = await newNamespace();
    await kubectl('create', '-f', await fileOf(deployment(n, { replicas: 2 }), pod(n, 'p')));
    const forPhase = kubectl('-n', n, 'wait', '--for=jsonpath={.status.phase}=Running', 'pod/p', '--timeout=20s');
    const forReady = kubectl('-n', n, 'wait', '--for=condition=Ready', 'pod/p', '--timeout=20s');
    const setStatus = (what: string, status: object): Promise<string> =>
      kubectl('-n', n, 'patch', what, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
    await setStatus('pod/p', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    expect(await forPhase).toBe('pod/p condition met');
    expect(await forReady).toBe('pod/p condition met');
    const counts = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
    const following = kubectl('-n', n, 'rollout', 'status', 'deploy/web', '--timeout=20s');
    await setStatus('deploy/web', { observedGeneration: 1, ...counts });
    expect(await following).toContain('deployment "web" successfully rolled out');
    expect(await kubectl('-n', n, 'rollout', 'restart', 'deploy/web')).toBe('deployment.apps/web restarted');
    expect(await failure('-n', n, 'rollout', 'status', 'deploy/web', '--timeout=1s')).toContain('timed out');
    expect(await kubectl('-n', n, 'rollout', 'history', 'deploy/web')).toContain('No rollout history found.');
  });

  it('shows logs, and says what it cannot do', async () => {
    const n = await newNamespace();
    await kubectl('create', '-f', await oneFile(pod(n, 'p')));
    expect(await failure('-n', n, 'logs', 'p')).toContain('container "c" in pod "p" is waiting to start');
    await appendFile(join(dir, 'logs', `${n}_p_c.log`), 'one\ntwo\n');
    expect(await kubectl('-n', n, 'logs', 'p', '--tail=1')).toBe('two');
    expect(await failure('-n', n, 'exec', 'p', '--', 'ls')).toContain(
      `use clustermesh lab exec CLUSTER ${n}/p -- COMMAND`,
    );
    expect(await failure('top', 'nodes')).toBe('error: Metrics API not available');
  });

  it('finds everything again when the API was killed', async () => {
    const n = await newNamespace();
    await kubectl('-n', n, 'create', 'cm', 'm', '--from-literal=a=b');
    const before = await kubectl('-n', n, 'get', 'cm/m', '-o', 'json', '--show-managed-fields');
    await server.end('SIGKILL');
    server = await start();
    expect(await kubectl('-n', n, 'get', 'cm/m', '-o', 'json', '--show-managed-fields')).toBe(before);
    expect(await kubectl('-n', n, 'label', 'cm/m', 'a=b')).toBe('configmap/m labeled');
  });
});
