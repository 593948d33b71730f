/** The load generator: changes addresses of several clusters at a given pace, whatever becomes of them. */
import { setTimeout as sleep } from 'node:timers/promises';

import { EtcdKvStore, Heartbeat } from '@clustermesh/kvstore';
import type { KvOp } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { heartbeatKey, rfc3339 } from '@clustermesh/wire';

import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';
import { etcdOptions } from '../etcd-options.ts';
import { monotonicMs } from '../propagation/changes.ts';
import { published } from '../propagation/published.ts';
import { churnAt } from './changes.ts';

/** Where one cluster's changes are written: under `prefix`, which ends in `/`. */
export interface ChurnPlace {
  readonly etcd: Endpoint;
  readonly prefix: string;
}

export interface ChurnPace {
  /** One a cluster. */
  readonly places: readonly ChurnPlace[];
  /** Number of the first change. */
  readonly first: number;
  readonly count: number;
  readonly perSecond: number;
}

const signal = new AbortController().signal;
const stores = new Map<string, EtcdKvStore>();

const answers = {
  /** Keeps the heart of each etcd beating, too. */
  open: async (etcds: readonly Endpoint[]): Promise<void> => {
    for (const etcd of etcds) {
      const store = await EtcdKvStore.open(
        { ...etcdOptions(etcd), session: false, maxInFlight: 64 },
        { clock, random, log },
        signal,
      );
      const value = (nowMs: number): Uint8Array => Buffer.from(rfc3339(nowMs));
      void new Heartbeat({ key: heartbeatKey, value }, { writer: store, clock, log }).run(signal);
      stores.set(etcd.url, store);
    }
  },

  /** When each change was handed over. Open loop: one that is slow to be taken does not hold back the next one. */
  run: async ({ places, first, count, perSecond }: ChurnPace): Promise<Float64Array> => {
    const sentMs = new Float64Array(count);
    const written: Promise<unknown>[] = [];
    const startMs = monotonicMs();
    for (let next = 0; next < count;) {
      const due = Math.min(count, Math.ceil(((monotonicMs() - startMs) * perSecond) / 1_000));
      const nowMs = monotonicMs();
      sentMs.fill(nowMs, next, due);
      written.push(...write(places, first + next, first + due));
      next = Math.max(next, due);
      await sleep(1);
    }
    await Promise.all(written);
    return sentMs;
  },
};

export type ChurnLoad = typeof answers;

/** What is due at the same time goes out together, as an apiserver would write it. */
function write(places: readonly ChurnPlace[], from: number, to: number): Promise<unknown>[] {
  const batches = places.map((): KvOp[] => []);
  for (let sequence = from; sequence < to; sequence++) {
    const { cluster, address, version, isDelete } = churnAt(sequence, places.length);
    const prefix = places[cluster]?.prefix ?? '';
    const key = prefix + address;
    batches[cluster]?.push(isDelete ? { kind: 'delete', key } : published(prefix, { address, identity: version }));
  }
  return batches.flatMap((batch, cluster) => {
    const store = stores.get(places[cluster]?.etcd.url ?? '');
    return batch.length === 0 || store === undefined ? [] : [store.commit(batch, signal)];
  });
}

serve(answers);
