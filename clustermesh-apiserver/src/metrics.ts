import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import type { KvOp } from '@clustermesh/kvstore';
import { registerVersion } from '@clustermesh/runtime';
import { metricScope } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

/** What became of writes; `scope` is a kind's canary name, durations are milliseconds. */
export interface WriteMetrics {
  committed(scope: string, ops: readonly KvOp[], durationMs: number): void;
  failed(scope: string, ops: readonly KvOp[], durationMs: number): void;
}

export interface KindState {
  readonly name: string;
  /** Its canary name. */
  readonly scope: string;
  readonly entries: number;
  readonly pending: number;
  readonly isSynced: boolean;
}

/** What gauges show, asked for when they are scraped. */
export interface ApiserverState {
  readonly kinds: readonly KindState[];
  readonly identities: number;
  /** Until every canary was written; undefined before. */
  readonly bootstrapMs: number | undefined;
  /** Publishes, or may; false: another replica does. */
  readonly isLeader: boolean;
}

type Labels = Readonly<Record<string, string>>;

/** Cilium's names where it has them. */
const prefix = 'cilium_clustermesh_apiserver_';
const own = 'clustermesh_apiserver_';
/** Cilium's words for what is done. */
const operations = { put: { kind: 'set', action: 'Update' }, delete: { kind: 'delete', action: 'Delete' } } as const;

/** The apiserver's Prometheus metrics, in a registry of their own. */
export class ApiserverMetrics implements WriteMetrics {
  readonly registry = new Registry();
  readonly #cluster: ClusterName;
  readonly #operations: Histogram<'scope' | 'kind' | 'action' | 'outcome'>;
  readonly #errors: Counter<'scope' | 'source_cluster'>;

  constructor(cluster: ClusterName) {
    this.#cluster = cluster;
    collectDefaultMetrics({ register: this.registry });
    registerVersion(this.registry, `${prefix}version`, new URL('../package.json', import.meta.url));
    this.#operations = new Histogram({
      name: `${prefix}kvstore_operations_duration_seconds`,
      help: 'Duration of writes to etcd, a transaction being one',
      labelNames: ['scope', 'kind', 'action', 'outcome'],
      registers: [this.registry],
    });
    this.#errors = new Counter({
      name: `${prefix}kvstore_sync_errors_total`,
      help: 'Writes to etcd that failed; each is tried again',
      labelNames: ['scope', 'source_cluster'],
      registers: [this.registry],
    });
  }

  committed(scope: string, ops: readonly KvOp[], durationMs: number): void {
    this.#observe(scope, 'success', ops, durationMs);
  }

  failed(scope: string, ops: readonly KvOp[], durationMs: number): void {
    this.#observe(scope, 'fail', ops, durationMs);
    this.#errors.inc({ scope: metricScope(scope), source_cluster: this.#cluster });
  }

  /** Registers the gauges. Once. */
  show(state: () => ApiserverState): void {
    const cluster = { source_cluster: this.#cluster };
    const scope = (kind: KindState): { scope: string } => ({ scope: metricScope(kind.scope) });
    this.#gauge(`${prefix}kvstore_sync_queue_size`, 'Entries that wait to be written to etcd', () =>
      state().kinds.map((kind) => [{ ...cluster, ...scope(kind) }, kind.pending]),
    );
    this.#gauge(
      `${prefix}kvstore_initial_sync_completed`,
      '1 once everything was written and the canary put, else 0',
      () => state().kinds.map((kind) => [{ ...cluster, ...scope(kind), action: 'write' }, Number(kind.isSynced)]),
    );
    this.#gauge(`${prefix}bootstrap_seconds`, 'From the start until everything was published; 0 before', () => [
      [{}, (state().bootstrapMs ?? 0) / 1_000],
    ]);
    this.#gauge(`${prefix}leader_election_master_status`, '1 if this replica publishes, 0 if another one does', () => [
      [{ name: 'clustermesh-apiserver' }, Number(state().isLeader)],
    ]);
    this.#gauge(`${own}entries`, 'Entries that are published', () =>
      state().kinds.map(({ name, entries }) => [{ resource: name }, entries]),
    );
    this.#gauge(`${own}identities`, 'Identity objects in the Kubernetes API', () => [[{}, state().identities]]);
  }

  #gauge(name: string, help: string, read: () => readonly (readonly [labels: Labels, value: number])[]): void {
    new Gauge({
      name,
      help,
      labelNames: Object.keys(read()[0]?.[0] ?? {}),
      registers: [this.registry],
      collect() {
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  }

  #observe(scope: string, outcome: 'success' | 'fail', ops: readonly KvOp[], durationMs: number): void {
    for (const [name, labels] of Object.entries(operations)) {
      if (!ops.some(({ kind }) => kind === name)) continue;
      this.#operations.observe({ scope: metricScope(scope), ...labels, outcome }, durationMs / 1_000);
    }
  }
}
