import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeError, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { TestCa, TestEtcd, eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import type { EtcdTls } from './endpoint.ts';
import { EtcdAuth } from './etcd-auth.ts';
import { EtcdKvStore } from './etcd-kv-store.ts';
import type { WhenAuthIsOff } from './write-gate.ts';

jest.setTimeout(30_000);

const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
const { signal } = new AbortController();

describe('access to an etcd with TLS and users', () => {
  let etcd: TestEtcd;
  let dir: TempDir;
  beforeAll(async () => {
    dir = await tempDir('access');
    etcd = await TestEtcd.start({ tls: true });
    await using setup = await open(await client('anybody'));
    await setup.commit([{ kind: 'put', key: 'cilium/state/a', value: Buffer.from('1') }], signal);
    await etcd.enableAuth([{ user: 'remote', read: [['cilium/state/', 'cilium/state0']] }]);
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  async function client(commonName: string, days?: number): Promise<EtcdTls> {
    const { cert, key } = await etcd.ca.issue(days === undefined ? { commonName } : { commonName, days });
    return { ca: etcd.ca.cert, cert, key };
  }

  function open(
    tls: EtcdTls,
    endpoint = etcd.endpoint,
    hostAliases = new Map<string, string[]>(),
  ): Promise<EtcdKvStore> {
    return EtcdKvStore.open(
      { endpoints: [endpoint], tls, hostAliases, session: false, requestTimeoutMs: 5_000 },
      deps,
      signal,
    );
  }

  describe('as a reader with a role', () => {
    it('reads what the role allows', async () => {
      await using kv = await open(await client('remote'));
      const [batch] = await Array.fromAsync(first(kv, 'cilium/state/'));
      expect(batch?.events.map(({ key }) => key)).toEqual(['cilium/state/a']);
    });

    it.each(['cilium/cache/', 'cilium/state', 'cilium/cluster-config/east'])(
      'is refused a list of %s',
      async (prefix) => {
        await using kv = await open(await client('remote'));
        await expect(Array.fromAsync(first(kv, prefix))).rejects.toMatchObject({
          code: 'KV_PERMISSION_DENIED',
          retryable: false,
          message: `list ${prefix}`,
        });
      },
    );

    it('is refused a watch, and its other watches go on', async () => {
      await using kv = await open(await client('remote'));
      await using root = await open(await client('root'));
      const good = kv.watch('cilium/state/', {}, signal);
      expect((await good.next()).value).toMatchObject({ phase: 'list-done' });
      expect((await good.next()).value).toMatchObject({ phase: 'live', events: [] });
      const resume = { storeId: kv.storeId ?? 0n, revision: 2n, witnesses: new Map<string, string>() };
      await expect(kv.watch('cilium/cache/', { resume }, signal).next()).rejects.toMatchObject({
        code: 'KV_PERMISSION_DENIED',
        message: 'watch cilium/cache/',
      });
      await root.commit([{ kind: 'put', key: 'cilium/state/b', value: Buffer.from('1') }], signal);
      expect((await good.next()).value).toMatchObject({ phase: 'live', events: [{ key: 'cilium/state/b' }] });
      await good.return(undefined);
    });

    it('is refused a write, told op by op', async () => {
      await using kv = await open(await client('remote'));
      const op = { kind: 'put', key: 'cilium/state/a', value: Buffer.from('2') } as const;
      const { refused } = await kv.commit([op], signal);
      expect(refused).toMatchObject([{ op, error: { code: 'KV_PERMISSION_DENIED' } }]);
    });

    it('is refused everything as a user that etcd does not know', async () => {
      await using kv = await open(await client('stranger'));
      await expect(kv.get('cilium/state/a', signal)).rejects.toMatchObject({ code: 'KV_PERMISSION_DENIED' });
    });
  });

  it.each([
    { name: 'a server of another CA', code: 'TLS_UNTRUSTED', says: /self-signed|unable to/ },
    { name: 'no client certificate', code: 'TLS_CLIENT_REJECTED', says: /alert/ },
    { name: 'an expired client certificate', code: 'TLS_CLIENT_REJECTED', says: /alert/ },
    { name: 'a client certificate of another CA', code: 'TLS_CLIENT_REJECTED', says: /alert/ },
    { name: 'a server certificate for another name', code: 'TLS_NAME_MISMATCH', says: /altnames/ },
    { name: 'a host that does not exist', code: 'HOST_UNRESOLVED', says: /no-such-host/ },
    { name: 'a port where nobody listens', code: 'HOST_UNREACHABLE', says: /ECONNREFUSED/ },
  ])('says in one line what is wrong: $name', async ({ name, code, says }) => {
    const error = await attempt(name).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(describeError(error)).toMatch(says);
    expect(error).toMatchObject({ code });
  });

  async function attempt(name: string): Promise<unknown> {
    const good = await client('remote');
    const other = await TestCa.create(dir.path, `Other CA ${name}`);
    const foreign = await other.issue({ commonName: 'remote' });
    const aliases = new Map([['another.test', ['127.0.0.1']]]);
    switch (name) {
      case 'a server of another CA':
        return open({ ...good, ca: other.cert });
      case 'no client certificate':
        return open({ ca: good.ca });
      case 'an expired client certificate':
        return open(await client('remote', -1));
      case 'a client certificate of another CA':
        return open({ ca: good.ca, cert: foreign.cert, key: foreign.key });
      case 'a server certificate for another name':
        return open(good, `https://another.test:${etcd.port}`, aliases);
      case 'a host that does not exist':
        return open(good, 'https://no-such-host.invalid:2379');
      default:
        return open(good, 'https://127.0.0.1:1');
    }
  }

  it('connects to a host by its aliased addresses, under its own name', async () => {
    const aliases = new Map([['etcd.test', ['127.0.0.1']]]);
    await using kv = await open(await client('remote'), `https://etcd.test:${etcd.port}`, aliases);
    expect(await kv.get('cilium/state/a', signal)).toBeDefined();
  });
});

describe('EtcdAuth', () => {
  it('sets users, roles and permissions up, also a second time, and then turns authorisation on', async () => {
    await using etcd = await TestEtcd.start({ tls: true });
    const root = await etcd.ca.issue({ commonName: 'root' });
    const tls = { ca: etcd.ca.cert, cert: root.cert, key: root.key };
    using auth = EtcdAuth.connect({ endpoints: [etcd.endpoint], tls }, deps);
    for (let round = 0; round < 2; round++) {
      await auth.addUser('root', signal);
      await auth.grantRole('root', 'root', signal);
      await auth.addUser('remote', signal);
      await auth.addRole('remote', signal);
      await auth.grantPermission({ role: 'remote', permission: 'read', key: 'a/', rangeEnd: 'a0' }, signal);
      await auth.grantRole('remote', 'remote', signal);
      await auth.enable(signal);
    }
    expect(await auth.users(signal)).toEqual(['remote', 'root']);

    const remote = await etcd.ca.issue({ commonName: 'remote' });
    const as = { ca: etcd.ca.cert, cert: remote.cert, key: remote.key };
    await using kv = await EtcdKvStore.open({ endpoints: [etcd.endpoint], tls: as, session: false }, deps, signal);
    await expect(kv.get('a/1', signal)).resolves.toBeUndefined();
    await expect(kv.get('b/1', signal)).rejects.toMatchObject({ code: 'KV_PERMISSION_DENIED' });
    await auth.deleteUser('remote', signal);
    await expect(kv.get('a/1', signal)).rejects.toMatchObject({ code: 'KV_PERMISSION_DENIED' });
  });
});

describe('a writer that wants authorisation', () => {
  const put = { kind: 'put', key: 'cilium/state/a', value: Buffer.from('1') } as const;

  async function start(etcd: TestEtcd, whenAuthIsOff: WhenAuthIsOff): Promise<EtcdKvStore> {
    const { cert, key } = await etcd.ca.issue({ commonName: 'root' });
    const tls = { ca: etcd.ca.cert, cert, key };
    return EtcdKvStore.open({ endpoints: [etcd.endpoint], tls, session: true, whenAuthIsOff }, deps, signal);
  }

  it('writes nothing to an etcd that came back without it, and goes on when it is there again', async () => {
    await using etcd = await TestEtcd.start({ tls: true });
    await etcd.enableAuth([]);
    await using kv = await start(etcd, () => Promise.resolve());
    await kv.commit([put], signal);
    await etcd.restart({ wipe: true });
    for (let round = 0; round < 3; round++) {
      await eventually(() =>
        expect(kv.commit([put], signal)).rejects.toMatchObject({ code: 'KV_UNAUTHENTICATED', retryable: true }),
      );
    }
    expect(await kv.get(put.key, signal)).toBeUndefined();
    await etcd.enableAuth([]);
    await expect(kv.commit([put], signal)).resolves.toMatchObject({ refused: [] });
  });

  it('may turn it on itself: once for all that wait, before the first of them writes', async () => {
    await using etcd = await TestEtcd.start({ tls: true });
    const revisions: bigint[] = [];
    await using kv = await start(etcd, async (auth) => {
      revisions.push(await etcd.revision());
      await auth.addUser('root', signal);
      await auth.grantRole('root', 'root', signal);
      await auth.enable(signal);
    });
    const keys = ['a', 'b', 'c'];
    await Promise.all(keys.map((key) => kv.commit([{ ...put, key }], signal)));
    expect(revisions).toEqual([1n]);
    await etcd.restart({ wipe: true });
    await eventually(() => kv.commit([put], signal));
    expect(revisions).toEqual([1n, 1n]);
    await using probe = await start(etcd, () => Promise.reject(new Error('authorisation is off')));
    await expect(probe.commit([put], signal)).resolves.toMatchObject({ refused: [] });
  });
});

async function* first(kv: EtcdKvStore, prefix: string) {
  for await (const batch of kv.watch(prefix, {}, signal)) {
    yield batch;
    return;
  }
}
