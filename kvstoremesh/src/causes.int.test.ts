import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { MemoryKvServer, MemoryKvStore, connectEtcd, explainEtcdFailure } from '@clustermesh/kvstore';
import { createCa, issueCertificate } from '@clustermesh/pki';
import type { CertificateRequest, KeyPair } from '@clustermesh/pki';
import { Health, silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { ClustersDir } from '@clustermesh/remote';
import { allowRemote } from './testing/etcd-fixture.ts';
import { defaultLimits } from './limits/remote-limits.ts';
import { createKvstoremesh } from './kvstoremesh.ts';
import type { Kvstoremesh } from './kvstoremesh.ts';
import { name } from './testing/mesh-fixture.ts';
import type { RemoteClusterStatus } from './status/status.ts';

jest.setTimeout(30_000);

/** Each cause of a failed link is told apart from the others, in one line that says what to do. */
describe('the cause of a failed connection', () => {
  let etcd: TestEtcd;
  let dir: TempDir;
  let folder: string;
  let mesh: Kvstoremesh;
  let running: Promise<void>;
  let stop: AbortController;
  let server: MemoryKvServer;
  let local: MemoryKvStore;

  beforeAll(async () => {
    dir = await tempDir('causes');
    etcd = await TestEtcd.start({ tls: true });
    await etcd.ctl('put', 'cilium/cluster-config/east', '{"id":2,"capabilities":{"syncedCanaries":true}}');
    await etcd.ctl('put', 'cilium/cluster-config/far', '{"id":300,"capabilities":{}}');
    await etcd.ctl('put', 'cilium/cluster-config/twin', '{"id":1,"capabilities":{}}');
    await allowRemote(etcd, name('east'), name('far'), name('twin'));
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = join(dir.path, String(performance.now()));
    await mkdir(folder);
    stop = new AbortController();
    const health = new Health(clock);
    const deps = { clock, random, log, health };
    server = new MemoryKvServer({ clock });
    local = new MemoryKvStore(server, { clock });
    mesh = createKvstoremesh({
      ...deps,
      local,
      connect: (remote, signal) => connectEtcd(remote, { session: false }, deps, signal),
      explain: (remote, error, signal) => explainEtcdFailure(remote, error, deps, signal),
      clusters: new ClustersDir(folder, { clock, log, health: health.scope('clusters') }),
      config: {
        ...{ clusterName: 'local', clusterId: 1, maxConnectedClusters: 255, heartbeatIntervalMs: 60_000 },
        ...{ contactIntervalMs: 1000, drainGraceMs: 0, cacheTtlMs: 0 },
        ...{ perClusterReadyTimeoutMs: 15_000, globalReadyTimeoutMs: 60_000, limits: defaultLimits },
      },
    });
    running = mesh.run(stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await local[Symbol.asyncDispose]();
    server[Symbol.dispose]();
  });

  interface Fields {
    readonly endpoint?: string;
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly more?: string;
  }
  async function write(file: string, content: string | Buffer): Promise<string> {
    const path = join(folder, file);
    await writeFile(path, content);
    return path;
  }
  async function writeCluster(name: string, { endpoint = etcd.endpoint, more = '', ...files }: Fields): Promise<void> {
    const user = await etcd.ca.issue({ commonName: 'remote' });
    const { ca = etcd.ca.certFile, cert = user.certFile, key = user.keyFile } = files;
    const text = `endpoints: ["${endpoint}"]\ntrusted-ca-file: ${ca}\ncert-file: ${cert}\nkey-file: ${key}\n${more}`;
    await write(name, text);
  }
  async function issued(name: string, pair: KeyPair): Promise<{ cert: string; key: string }> {
    return { cert: await write(`${name}.crt`, pair.certPem), key: await write(`${name}.key`, pair.keyPem) };
  }
  async function failure(name: string): Promise<RemoteClusterStatus> {
    return eventually(() => {
      const status = mesh.status().find((each) => each.name === name);
      expect(status?.['last-error']).toBeDefined();
      expect(status?.['last-error']).not.toContain('\n');
      return status as RemoteClusterStatus;
    });
  }
  async function expectCause(name: string, code: string, line: string | RegExp): Promise<void> {
    const want = typeof line === 'string' ? line : (expect.stringMatching(line) as unknown);
    expect(await failure(name)).toMatchObject({ 'last-error-code': code, 'last-error': want, ready: false });
  }
  const validity = { days: 1, clock };
  const request = (more: Partial<CertificateRequest> = {}): CertificateRequest => ({
    ...{ commonName: 'remote', usages: ['client'], ...validity, ...more },
  });

  it('none: the link comes up', async () => {
    await writeCluster('east', {});
    await eventually(() => expect(mesh.status()).toMatchObject([{ name: 'east', connected: true, 'num-failures': 0 }]));
  });

  it('a missing file, which is found when it comes', async () => {
    await writeCluster('east', { ca: 'later.crt' });
    await expectCause('east', 'FILE_UNREADABLE', `the trusted CA file ${folder}/later.crt does not exist`);
    await write('later.crt', etcd.ca.cert);
    await eventually(() => expect(mesh.status()).toMatchObject([{ connected: true }]));
  });

  it('a file that says too little', async () => {
    await write('east', 'endpoints: []\n');
    await expectCause('east', 'CONFIG_INVALID', new RegExp(`^${folder}/east: endpoints: `));
  });

  it('the wrong CA', async () => {
    const other = await createCa({ commonName: 'west ca', ...validity });
    await writeCluster('east', { ca: await write('ca.crt', other.certPem) });
    const line =
      /server certificate of https:\S+ is not signed by a CA of the trusted CA file: CN=server .*trusted: CN=west ca; where/;
    await expectCause('east', 'TLS_UNTRUSTED', line);
  });

  it('an expired certificate of the server', async () => {
    const ca = await createCa({ commonName: 'east ca', ...validity });
    const server = request({ usages: ['server'], ipAddresses: ['127.0.0.1'], notBefore: new Date('2020-01-01') });
    const files = await issued('server', await issueCertificate(ca, server));
    const caFile = await write('east-ca.crt', ca.certPem);
    const flags = ['--trusted-ca-file', caFile, '--cert-file', files.cert, '--key-file', files.key];
    await using expired = await TestEtcd.start({ tls: true, flags });
    const client = await issued('client', await issueCertificate(ca, request()));
    await writeCluster('east', { endpoint: expired.endpoint, ca: caFile, ...client });
    await expectCause('east', 'TLS_CERT_EXPIRED', /^the server certificate of https:\S+ has expired: .* to 2020-01-02/);
  });

  it('an expired certificate of ours', async () => {
    const ca = await createCa({ commonName: 'east ca', ...validity });
    const expired = await issueCertificate(ca, request({ notBefore: new Date('2020-01-01') }));
    await writeCluster('east', await issued('old', expired));
    await expectCause('east', 'TLS_CERT_EXPIRED', /^the client certificate has expired: CN=remote .* to 2020-01-02/);
  });

  it('a certificate of ours that the server does not trust', async () => {
    const ca = await createCa({ commonName: 'west ca', ...validity });
    await writeCluster('east', await issued('client', await issueCertificate(ca, request())));
    await expectCause('east', 'TLS_CLIENT_REJECTED', /refuses the client certificate CN=remote \(issued by CN=west ca/);
  });

  it('a key of another certificate', async () => {
    const { keyFile } = await etcd.ca.issue({ commonName: 'other' });
    await writeCluster('east', { key: keyFile });
    await expectCause('east', 'TLS_INVALID', /^the client key does not belong to the certificate CN=remote/);
  });

  it('a certificate of the server for other names', async () => {
    const more = 'cilium-host-aliases: [{ hostname: east.mesh.cilium.io, ips: [127.0.0.1] }]\n';
    await writeCluster('east', { endpoint: `https://east.mesh.cilium.io:${etcd.port}`, more });
    await expectCause('east', 'TLS_NAME_MISMATCH', /is for other names than east.mesh.cilium.io: CN=server is for IP/);
  });

  it('a refused user', async () => {
    const { certFile: cert, keyFile: key } = await etcd.ca.issue({ commonName: 'stranger' });
    await writeCluster('east', { cert, key });
    await expectCause(
      'east',
      'KV_PERMISSION_DENIED',
      /gives no access to the user of CN=stranger .* must be an etcd user there/,
    );
  });

  it('a cluster of another name', async () => {
    await writeCluster('west', {});
    await expectCause('west', 'CLUSTER_CONFIG_MISSING', /^the endpoints belong to a cluster that is not named west/);
  });

  it('an id that only the local cluster may have', async () => {
    await writeCluster('twin', {});
    await expectCause('twin', 'CLUSTER_ID_CONFLICT', /^clusterID 1 is assigned to the local cluster/);
  });

  it('an id that no cluster may have', async () => {
    await writeCluster('far', {});
    await expectCause(
      'far',
      'CLUSTER_CONFIG_INVALID',
      /cluster-config\/far of the remote cluster: cluster id 300 is above 255/,
    );
  });

  it('a host where nothing listens', async () => {
    await writeCluster('east', { endpoint: 'https://127.0.0.1:1' });
    await expectCause(
      'east',
      'HOST_UNREACHABLE',
      'https://127.0.0.1:1 cannot be reached: nothing listens there (connection refused)',
    );
  });

  it('a host without an address', async () => {
    await writeCluster('east', { endpoint: 'https://east.invalid:2379' });
    await expectCause(
      'east',
      'HOST_UNRESOLVED',
      'the host name east.invalid of https://east.invalid:2379 cannot be resolved',
    );
  });

  it('a server without TLS', async () => {
    const server = createServer((socket) =>
      socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await writeCluster('east', { endpoint });
    await expectCause('east', 'TLS_INVALID', `${endpoint} does not speak TLS`);
    server.close();
  });
});
