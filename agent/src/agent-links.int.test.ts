import { describe, expect, it, jest } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { EtcdAuth, EtcdKvStore, connectEtcd, connectEtcdByFile, explainEtcdFailure } from '@clustermesh/kvstore';
import { ClustersDir } from '@clustermesh/remote';
import { Health, silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import { etcdUsers, heartbeatKey, rbacRanges } from '@clustermesh/wire';
import type { RbacRole } from '@clustermesh/wire';

import { createAgent } from './agent.ts';
import type { Agent } from './agent.ts';
import { noDevices } from './datapath/endpoints/devices.ts';
import { noSockets } from './datapath/services/sockets.ts';
import { keyAt } from './testing/link-world.ts';
import type { PeerForm } from './testing/link-world.ts';
import { World, chosen, cluster, east, north, west } from './testing/world.ts';
import type { Cluster } from './testing/world.ts';

jest.setTimeout(90_000);

const signal = new AbortController().signal;
const deps = { clock, random, log };

/** Writes what World says of a cluster into a real etcd, as root. */
class Publisher extends World {
  readonly #of: { readonly cluster: Cluster; readonly form: PeerForm };
  readonly #store: EtcdKvStore;

  constructor(of: Cluster, form: PeerForm, store: EtcdKvStore) {
    super();
    this.#of = { cluster: of, form };
    this.#store = store;
  }

  override async config(of: Cluster): Promise<void> {
    await super.config(of, of.id, this.#of.form === 'cache');
  }

  override async put(key: string, value: Uint8Array): Promise<void> {
    await this.#store.commit([{ kind: 'put', key: keyAt(this.#of, key), value }], signal);
  }
}

/** Certificates by common name, and the rights that etcdinit gives. */
async function allow(etcd: TestEtcd, users: Readonly<Record<string, RbacRole>>, of: Cluster): Promise<void> {
  const { cert, key } = await etcd.ca.issue({ commonName: etcdUsers.root });
  using auth = EtcdAuth.connect({ endpoints: [etcd.endpoint], tls: { ca: etcd.ca.cert, cert, key } }, deps);
  await auth.addRole('root', signal);
  await auth.addUser('root', signal);
  await auth.grantRole('root', 'root', signal);
  for (const [user, role] of Object.entries(users)) {
    await auth.addRole(role, signal);
    await auth.addUser(user, signal);
    await auth.grantRole(user, role, signal);
    for (const { start, end = '' } of rbacRanges(role, of.name)) {
      await auth.grantPermission({ role, permission: 'read', key: start, rangeEnd: end }, signal);
    }
  }
  await auth.enable(signal);
}

async function asRoot(etcd: TestEtcd): Promise<EtcdKvStore> {
  const { cert, key } = await etcd.ca.issue({ commonName: etcdUsers.root });
  const options = { endpoints: [etcd.endpoint], tls: { ca: etcd.ca.cert, cert, key }, session: true } as const;
  return EtcdKvStore.open(options, deps, signal);
}

async function clientFile(etcd: TestEtcd, commonName: string): Promise<string> {
  const { certFile, keyFile } = await etcd.ca.issue({ commonName });
  return `endpoints: ["${etcd.endpoint}"]\ntrusted-ca-file: ${etcd.ca.certFile}\ncert-file: ${certFile}\nkey-file: ${keyFile}\n`;
}

describe('an agent with a folder as Cilium’s agents have it', () => {
  it('reads one cluster at its own etcd as user remote, one from the cache as user local, and its own as remote', async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir('links'));
    const folder = join(dir.path, 'clustermesh');
    await mkdir(folder);
    const [eastEtcd, westEtcd] = [
      stack.use(await TestEtcd.start({ tls: true })),
      stack.use(await TestEtcd.start({ tls: true })),
    ];
    await allow(eastEtcd, { remote: 'remote' }, east);
    await allow(westEtcd, { remote: 'remote', 'local-west': 'local' }, west);
    const [eastStore, westStore] = [stack.use(await asRoot(eastEtcd)), stack.use(await asRoot(westEtcd))];
    const beat = { kind: 'put', key: heartbeatKey, value: Buffer.from('now') } as const;
    for (const store of [eastStore, westStore]) await store.commit([beat], signal);
    await new Publisher(east, 'state', eastStore).remote(east);
    await new Publisher(north, 'cache', westStore).remote(north);
    const own = stack.use(new Publisher(west, 'cache', westStore));
    await own.local([1]);
    await writeFile(join(folder, 'east'), await clientFile(eastEtcd, 'remote'));
    await writeFile(join(folder, 'north'), await clientFile(westEtcd, 'local-west'));
    await writeFile(join(folder, 'west'), await clientFile(westEtcd, 'local-west'));
    await writeFile(join(folder, 'common-etcd-client.crt'), 'no cluster');
    await writeFile(join(dir.path, 'own'), await clientFile(westEtcd, 'remote'));

    const health = new Health(clock);
    const agent: Agent = createAgent({
      ...deps,
      health,
      cache: stack.use(await connectEtcdByFile(join(dir.path, 'own'), { session: false }, deps, signal)),
      links: {
        clusters: new ClustersDir(folder, { clock, log, health: health.scope('clusters') }),
        connect: (remote, both) => connectEtcd(remote, { session: false }, deps, both),
        explain: (remote, error, both) => explainEtcdFailure(remote, error, deps, both),
        contactIntervalMs: 500,
        heartbeatIntervalMs: 60_000,
      },
      ...{ kube: own.kube, maps: own.maps, devices: noDevices, sockets: noSockets },
      config: {
        ...{ clusterName: west.name, clusterId: west.id, maxConnectedClusters: 255, nodeName: 'node1' },
        ...{ version: 'test', mode: { mode: 'memory', reason: 'a test' }, backendDrainMs: 30_000 },
        ...{ syncTimeoutMs: 60_000, mirrorSilenceMs: 300_000, startupTaint: '', staleTtlMs: 0 },
        ...{ defaultGlobalNamespace: true, policyScope: 'mesh', policyDefaultLocalCluster: true },
        ...{ serviceTopology: false },
      },
    });
    const stop = new AbortController();
    const running = agent.run(stop.signal);
    stack.defer(async () => {
      stop.abort();
      await running;
    });
    await eventually(() => expect(agent.notReady()).toBeUndefined(), { timeoutMs: 30_000 });
    expect(agent.status().clusters.map(({ name, state }) => `${name} ${state}`)).toEqual(['east ready', 'north ready']);
    await eventually(() => expect(chosen(agent)).toEqual(['10.1.1.1', '10.2.1.1', '10.3.1.1']));
    // The user `local` may not read what a mirror of ours would tell.
    expect([cluster(agent, east)?.freshness?.ageOf, cluster(agent, north)?.freshness?.ageOf]).toEqual([
      'cluster',
      'cache',
    ]);

    await new Publisher(east, 'state', eastStore).service(east, []);
    const mirror = new Publisher(north, 'cache', westStore);
    await mirror.ip(north, '10.3.1.2');
    await mirror.service(north, ['10.3.1.1', '10.3.1.2']);
    await eventually(() => expect(chosen(agent)).toEqual(['10.1.1.1', '10.3.1.1', '10.3.1.2']), { timeoutMs: 30_000 });

    await eastEtcd.stop();
    await eventually(() => expect(cluster(agent, east)?.state).toBe('stale'), { timeoutMs: 30_000 });
    await eastEtcd.restart();
    await eventually(() => expect(cluster(agent, east)?.state).toBe('ready'), { timeoutMs: 30_000 });
  });
});
