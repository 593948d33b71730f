/** The load generator: publishes a cluster into an etcd and changes its endpoints at a given pace. */
import { setTimeout as sleep } from 'node:timers/promises';

import { EtcdKvStore, Heartbeat } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';
import { etcdOptions } from '../etcd-options.ts';
import { addressCount, changeAt, monotonicMs } from './changes.ts';
import type { Sighting } from './changes.ts';
import { firstState, published, quietState } from './published.ts';
import type { PublishedCluster } from './published.ts';

export interface Pace {
  /** Under which the addresses are published. */
  readonly prefix: string;
  readonly count: number;
  readonly perSecond: number;
}

const deps = { clock, random, log };
const signal = new AbortController().signal;
let store: EtcdKvStore | undefined;
/** The next change under each prefix; those before `addressCount` are the first state. */
const nextByPrefix = new Map<string, number>();

const answers = {
  open: async ({ etcd }: { readonly etcd: Endpoint }): Promise<void> => {
    store = await EtcdKvStore.open({ ...etcdOptions(etcd), session: true }, deps, signal);
    const value = (nowMs: number): Uint8Array => Buffer.from(rfc3339(nowMs));
    void new Heartbeat({ key: heartbeatKey, value }, { writer: store, clock, log }).run(signal);
    await store.commit(firstState(clock.now()), signal);
  },

  /** A cluster that has nothing to tell, and says so. No lease: nobody keeps it alive. */
  publishQuiet: async ({ etcd, cluster }: { readonly etcd: Endpoint; readonly cluster: PublishedCluster }) => {
    await using quiet = await EtcdKvStore.open({ ...etcdOptions(etcd), session: false }, deps, signal);
    await quiet.commit(quietState(cluster, clock.now()), signal);
  },

  /** Open loop: a change that is slow to be taken does not hold back the next one. */
  run: async ({ prefix, count, perSecond }: Pace): Promise<Sighting[]> => {
    if (store === undefined) throw new Error('no etcd is open');
    const sent: Sighting[] = [];
    const written: Promise<unknown>[] = [];
    const startMs = monotonicMs();
    const first = nextByPrefix.get(prefix) ?? addressCount;
    nextByPrefix.set(prefix, first + count);
    for (let index = 0; index < count; index++) {
      const aheadMs = startMs + (index * 1_000) / perSecond - monotonicMs();
      if (aheadMs > 0) await sleep(aheadMs);
      const change = changeAt(first + index);
      const op = published(prefix, change);
      sent.push({ ...change, atMs: monotonicMs() });
      written.push(store.commit([op], signal));
    }
    await Promise.all(written);
    return sent;
  },
};

export type EtcdLoad = typeof answers;

serve(answers);
