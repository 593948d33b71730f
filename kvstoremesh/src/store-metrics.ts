import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

import type { KvEvent, KvOp, KvStore, WatchBatch } from '@clustermesh/kvstore';
import { BulkHistogram } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { metricScope } from '@clustermesh/wire';

const prefix = 'cilium_kvstoremesh_kvstore_';
/** From a key in memory to a store that is far away, seconds. */
const buckets = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const words = { put: { kind: 'set', action: 'Update' }, delete: { kind: 'delete', action: 'Delete' } } as const;

/** What is written to the local store and heard from the remote ones, by Cilium's names and labels. */
export class StoreMetrics {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #operations: Histogram<'scope' | 'kind' | 'action' | 'outcome'>;
  readonly #errors: Counter<'scope' | 'source_cluster'>;
  readonly #events: BulkHistogram<'scope' | 'action'>;
  readonly #quorumErrors: Counter<'error'>;

  constructor(registry: Registry, clock: Pick<Clock, 'monotonicMs'>) {
    const registers = [registry];
    this.#clock = clock;
    this.#operations = new Histogram({
      name: `${prefix}operations_duration_seconds`,
      help: 'Duration of writes to the cache, a transaction being one',
      labelNames: ['scope', 'kind', 'action', 'outcome'],
      ...{ buckets, registers },
    });
    this.#events = new BulkHistogram({
      name: `${prefix}events_queue_seconds`,
      help: 'From the arrival of an event of a remote cluster until it was taken; each counts',
      labelNames: ['scope', 'action'],
      ...{ buckets, registers },
    });
    this.#errors = new Counter({
      name: `${prefix}sync_errors_total`,
      help: 'Writes to the cache that failed; each is tried again',
      labelNames: ['scope', 'source_cluster'],
      registers,
    });
    this.#quorumErrors = new Counter({
      name: `${prefix}quorum_errors_total`,
      help: 'Connections to remote clusters that were given up because no heartbeat came',
      labelNames: ['error'],
      registers,
    });
  }

  heartbeatMissed(): void {
    this.#quorumErrors.inc({ error: 'no event received' });
  }

  /** The local store, whose writes are counted. */
  writing(store: KvStore): KvStore {
    return {
      ...wrapped(store),
      watch: (of, options, signal) => store.watch(of, options, signal),
      commit: async (ops, signal) => {
        const startMs = this.#clock.monotonicMs();
        try {
          const result = await store.commit(ops, signal);
          this.#written(ops, 'success', startMs);
          return result;
        } catch (error) {
          if (!signal.aborted) this.#written(ops, 'fail', startMs);
          throw error;
        }
      },
    };
  }

  /** The store of a remote cluster, whose events are counted. */
  following(store: KvStore): KvStore {
    const follow = this.#follow.bind(this);
    return {
      ...wrapped(store),
      watch: (of, options, signal) => follow(metricScope(`${of}/`), store.watch(of, options, signal)),
      commit: (ops, signal) => store.commit(ops, signal),
    };
  }

  /** A batch is taken when the next one is asked for. No generator: thousands of watches wait at a time, each with its frame. */
  #follow(scope: string, batches: AsyncIterable<WatchBatch>): AsyncIterable<WatchBatch> {
    return {
      [Symbol.asyncIterator]: () => {
        const iterator: AsyncIterator<WatchBatch, unknown> = batches[Symbol.asyncIterator]();
        let given: { readonly batch: WatchBatch; readonly atMs: number } | undefined;
        const give = (result: IteratorResult<WatchBatch, unknown>): IteratorResult<WatchBatch, unknown> => {
          if (result.done !== true) given = { batch: result.value, atMs: this.#clock.monotonicMs() };
          return result;
        };
        const next = (): Promise<IteratorResult<WatchBatch, unknown>> => {
          if (given !== undefined) this.#taken(scope, given.batch, given.atMs);
          given = undefined;
          return iterator.next().then(give);
        };
        return { next, return: async () => (await iterator.return?.()) ?? { done: true, value: undefined } };
      },
    };
  }

  #taken(scope: string, batch: WatchBatch, atMs: number): void {
    const seconds = (this.#clock.monotonicMs() - atMs) / 1_000;
    for (const [action, times] of countActions(batch)) this.#events.add({ scope, action }, seconds, times);
  }

  #written(ops: readonly KvOp[], outcome: 'success' | 'fail', startMs: number): void {
    const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
    for (const [name, { kind, action }] of Object.entries(words)) {
      const first = ops.find((op) => (op.kind === 'put') === (name === 'put'));
      if (first !== undefined) this.#operations.observe({ scope: scopeOf(first), kind, action, outcome }, seconds);
    }
    const [any] = ops;
    const cluster = any === undefined ? undefined : /^cilium\/cache\/[^/]+\/v1\/([^/]+)\//.exec(keyOf(any))?.[1];
    if (outcome === 'fail' && any !== undefined && cluster !== undefined) {
      this.#errors.inc({ scope: scopeOf(any), source_cluster: cluster });
    }
  }
}

function wrapped(store: KvStore): Omit<KvStore, 'watch' | 'commit'> {
  return {
    description: store.description,
    transactionLimits: store.transactionLimits,
    get: (key, signal) => store.get(key, signal),
    onLeaseLost: (listener) => store.onLeaseLost(listener),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function keyOf(op: KvOp): string {
  return op.kind === 'delete-prefix' ? op.prefix : op.key;
}

function scopeOf(op: KvOp): string {
  return metricScope(keyOf(op));
}

/** Cilium's words; `modify` of an event that follows the listing, since whether the key was there is not told. */
function countActions({ phase, events }: WatchBatch): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) {
    const action = actionOf(event, phase);
    counts.set(action, (counts.get(action) ?? 0) + 1);
  }
  if (phase === 'list-done') counts.set('listDone', 1);
  return counts;
}

function actionOf({ kind }: KvEvent, phase: WatchBatch['phase']): string {
  if (kind === 'delete') return 'delete';
  return phase === 'live' ? 'modify' : 'create';
}
