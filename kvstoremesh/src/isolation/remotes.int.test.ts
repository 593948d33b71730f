import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { EtcdKvStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import {
  FaultProxy,
  HostileEtcd,
  TestEtcd,
  TestProcess,
  compactedMessage,
  eventually,
  freePort,
  progressMessage,
  putMessage,
  tempDir,
} from '@clustermesh/testkit';
import type { HostileAnswers, HostileEntry } from '@clustermesh/testkit';

import type { RemoteClusterStatus } from '../status/status.ts';

jest.setTimeout(120_000);

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
const never = new AbortController().signal;
const patient = { timeoutMs: 40_000 };
const mebibyte = 1_048_576;
/** Measured: about 300 with all of them. */
const mostRssMib = 450;
const remoteLimits = 'huge/max-bytes=16Mi,flood/max-changes-per-second=200';
const state = (cluster: string): string => `cilium/state/services/v1/${cluster}/`;
const cached = (cluster: string): string => `cilium/cache/services/v1/${cluster}/`;
const named = (prefix: string, name: string, bytes: number): HostileEntry => ({
  ...{ key: prefix + name, value: Buffer.alloc(bytes, name) },
});

/** A server that says that it is `cluster`, and of its services what the test says. */
function posingAs(cluster: string, id: number, services: Partial<HostileAnswers>): HostileAnswers {
  const config = { key: `cilium/cluster-config/${cluster}`, value: Buffer.from(`{"id":${id},"capabilities":{}}`) };
  return {
    range: (key, asked) => {
      if (key === config.key) return { kvs: [config] };
      return key.startsWith(state(cluster)) && services.range ? services.range(key, asked) : { kvs: [] };
    },
    watch: (prefix) => (prefix === state(cluster) ? (services.watch?.(prefix) ?? []) : []),
  };
}

/** 50,000 entries that change as fast as they are taken. */
function flood(prefix: string): HostileAnswers {
  return posingAs('flood', 3, {
    watch: function* () {
      for (let round = 1; ; round++) {
        const value = Buffer.alloc(100, `${round}`);
        const entries = Array.from({ length: 100 }, (_, at) => ({
          key: `${prefix}s${(round * 100 + at) % 50_000}`,
          value,
        }));
        yield putMessage(entries, 1_000 + round);
      }
    },
  });
}

/** Half a gigabyte of values, in pages that never end. */
function huge(prefix: string): HostileAnswers {
  return posingAs('huge', 4, {
    range: (_key, asked) => {
      const page = Array.from({ length: 250 }, (_, at) =>
        named(prefix, `s${String(asked).padStart(6, '0')}-${at}`, 2_000),
      );
      return { kvs: page, more: true };
    },
  });
}

/** Everything that no etcd would say: too large, out of place, out of order, without end. */
function evil(prefix: string): HostileAnswers {
  const messages = [
    (round: number) => putMessage([named(prefix, 'large', 1_500_000)], 2_000 + round),
    (round: number) => putMessage([named(prefix, 'larger', 1_600_000)], 2_000 + round),
    (round: number) => putMessage([named(cached('good'), 'web', 10), named(state('good'), 'web', 10)], 2_000 + round),
    () => putMessage([named(prefix, 'back', 10)], 1),
    () => progressMessage(),
  ];
  return posingAs('evil', 5, {
    range: () => ({ kvs: [named(prefix, 'larger', 1_600_000), named('cilium/cache/services/v1/good/', 'web', 10)] }),
    watch: function* () {
      for (let round = 0; round < 500; round++) yield messages[round % messages.length]?.(round) ?? progressMessage();
      yield compactedMessage();
    },
  });
}

describe('the program among remote clusters that misbehave (I1)', () => {
  let stack: AsyncDisposableStack;
  let local: TestEtcd;
  let writer: EtcdKvStore;
  let kvstoremesh: TestProcess;
  let folder: string;
  let port: number;
  /** Transactions in the cache's etcd, newest revision last: whose entries they were of. */
  let written: { readonly revision: bigint; readonly cluster: string }[];
  let valueOfGood: string;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir('isolation'));
    folder = join(dir.path, 'clustermesh');
    await mkdir(folder);
    const [good, cache] = await Promise.all([TestEtcd.start(), TestEtcd.start()]);
    stack.use(good);
    local = stack.use(cache);
    writer = await open(good.endpoint);
    for (const [cluster, id] of [
      ['good', 2],
      ['slow', 6],
    ] as const) {
      const entries = Array.from({ length: 200 }, (_, at) => named(state(cluster), `s${at}`, 100));
      const config = { key: `cilium/cluster-config/${cluster}`, value: Buffer.from(`{"id":${id},"capabilities":{}}`) };
      await writer.commit(
        [...entries, config].map((entry) => ({ kind: 'put', ...entry })),
        never,
      );
    }
    const slow = stack.use(await FaultProxy.listen(good.port));
    slow.trickle(2_000);
    const servers = { flood: flood(state('flood')), huge: huge(state('huge')), evil: evil(state('evil')) };
    await writeFile(join(dir.path, 'local'), clientFile(local.endpoint));
    port = await freePort();
    const flags = {
      ...{ 'cluster-name': 'local', 'cluster-id': '1', 'health-host': '127.0.0.1', 'health-port': String(port) },
      ...{ 'clustermesh-config': folder, 'etcd-config': join(dir.path, 'local'), 'etcd-auth': 'off' },
      ...{ 'contact-interval': '1s', 'api-serve-addr': '', 'remote-limits': remoteLimits },
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    kvstoremesh = new TestProcess(process.execPath, ['--conditions=mesh-source', program, ...args]);
    stack.defer(() => kvstoremesh.end('SIGKILL'));
    await follow('good', good.endpoint);
    await eventually(async () => expect(await status('good')).toMatchObject({ ready: true }), patient);
    await record(await open(local.endpoint));

    for (const [cluster, answers] of Object.entries(servers)) {
      await follow(cluster, stack.use(await HostileEtcd.listen(answers)).endpoint);
    }
    await follow('slow', `http://127.0.0.1:${slow.port}`);
    await follow('impostor', stack.use(await HostileEtcd.listen(posingAs('impostor', 2, {}))).endpoint);
    const mute: HostileAnswers = { range: () => undefined, watch: () => [] };
    await follow('mute', stack.use(await HostileEtcd.listen(mute)).endpoint);
  });
  afterEach(() => stack.disposeAsync());

  const clientFile = (endpoint: string): string => `endpoints: ["${endpoint}"]\ninsecure-transport: true\n`;
  const follow = (cluster: string, endpoint: string): Promise<void> =>
    writeFile(join(folder, cluster), clientFile(endpoint));
  const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  const status = async (cluster: string): Promise<RemoteClusterStatus | undefined> =>
    (JSON.parse(await ask('/v1/cluster')) as RemoteClusterStatus[]).find(({ name }) => name === cluster);
  /** Entries that wait to be written, of one cluster or of all. */
  const waiting = async (cluster?: string): Promise<number> => {
    const of = cluster === undefined ? '' : `source_cluster="${cluster}"`;
    const lines = (await ask('/metrics'))
      .split('\n')
      .filter((line) => line.includes('sync_queue_size{') && line.includes(of));
    expect(lines.length).toBeGreaterThan(0);
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const peakRssMib = (): number => {
    const text = readFileSync(`/proc/${kvstoremesh.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) / 1_024;
  };

  async function open(endpoint: string): Promise<EtcdKvStore> {
    const deps = { clock, random, log };
    return stack.use(await EtcdKvStore.open({ endpoints: [endpoint], session: false }, deps, never));
  }

  async function record(cache: KvStore): Promise<void> {
    const stop = new AbortController();
    const prefix = 'cilium/cache/services/v1/';
    written = [];
    const watching = async (): Promise<void> => {
      for await (const { events } of cache.watch(prefix, {}, stop.signal)) {
        for (const event of events) {
          const cluster = event.key.slice(prefix.length).split('/', 1)[0] ?? '';
          const last = written.at(-1);
          if (last?.revision !== event.modRevision) written.push({ revision: event.modRevision, cluster });
          if (event.key === `${cached('good')}web` && event.kind === 'put')
            valueOfGood = Buffer.from(event.value).toString();
        }
      }
    };
    const done = watching();
    stack.defer(async () => {
      stop.abort();
      await done;
    });
  }

  it('mirrors the good one as if it were alone, within its memory, and says what is wrong with each of the others', async () => {
    await eventually(
      async () => expect(await status('flood')).toMatchObject({ state: 'ready', throttled: {} }),
      patient,
    );
    await eventually(async () => expect(await status('huge')).toMatchObject({ 'over-quota': {} }), patient);
    const others: number[] = [];
    for (let change = 0; change < 40; change++) {
      const before = written.length;
      const value = Buffer.from(`change ${change}`);
      await writer.commit([{ kind: 'put', key: `${state('good')}web`, value }], never);
      await eventually(() => expect(valueOfGood).toBe(`change ${change}`));
      others.push(written.slice(before).filter(({ cluster }) => cluster !== 'good').length);
      if (change % 6 === 0) expect(await waiting('good')).toBeLessThanOrEqual(2);
    }
    expect(await waiting()).toBeLessThan(20_000);
    // Transactions that went before: those on their way, and some of each that had any. Alone it is none.
    expect(others.sort((a, b) => a - b)[36]).toBeLessThan(100);
    expect(peakRssMib()).toBeLessThan(mostRssMib);

    expect(await status('good')).toMatchObject({ ready: true, 'num-failures': 0, 'num-shared-services': 201 });
    expect(await status('huge')).toMatchObject({ state: 'syncing', 'over-quota': { limit: 'bytes' } });
    expect((await status('huge'))?.usage?.bytes).toBeLessThanOrEqual(16 * mebibyte);
    expect(await status('evil')).toMatchObject({ 'over-quota': { limit: 'value', example: 'larger' } });
    expect((await status('evil'))?.malformed?.count).toBeGreaterThan(0);
    expect(await status('slow')).toMatchObject({ ready: false });
    expect(await status('mute')).toMatchObject({ connected: false });
    expect(await status('impostor')).toMatchObject({
      'last-error-code': 'CLUSTER_ID_CONFLICT',
      'num-shared-services': 0,
    });
    expect(await local.ctl('get', `${cached('good')}web`, '--print-value-only')).toBe('change 39\n');
    expect(await local.ctl('get', cached('impostor'), '--prefix', '--keys-only')).toBe('');
  });
});
