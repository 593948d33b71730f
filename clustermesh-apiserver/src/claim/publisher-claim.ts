import type { CommitResult, KvOp, KvStore } from '@clustermesh/kvstore';
import { Backoff, aborted, describeError, isAborted, retryLoop, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { rfc3339 } from '@clustermesh/wire';

import type { LocalCluster } from '../map/local-cluster.ts';
import { foreignConfig } from './foreign-config.ts';
import { decodeRecord, encodeRecord, isSamePublisher, publisherKey } from './publisher-record.ts';
import type { PublisherRecord } from './publisher-record.ts';

export interface ClaimDeps {
  readonly kv: KvStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
  /** Uid of the Kubernetes cluster; may take long. */
  readonly uid: (signal: AbortSignal) => Promise<string>;
}

const beatMs = 5_000;
/** Who has not written for so long is gone. */
const silenceMs = 3 * beatMs;

/**
 * One etcd holds one cluster. Whoever publishes says so under one key, again and again; a second publisher of another
 * cluster, of the same name or not, waits until the first has gone, and says what it waits for.
 */
export class PublisherClaim {
  readonly #cluster: LocalCluster;
  readonly #deps: ClaimDeps;
  #uid = '';
  #problem: string | undefined = 'the etcd has not been looked at';
  #held = Promise.withResolvers<undefined>();
  /** The other publisher's last record, and when it was new. */
  #other: { readonly beat: string; readonly sinceMs: number } | undefined;

  constructor(cluster: LocalCluster, deps: ClaimDeps) {
    this.#cluster = cluster;
    this.#deps = deps;
  }

  /** Why nothing is published; undefined while the claim is held. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when the claim is held, or on abort. */
  async held(signal: AbortSignal): Promise<void> {
    while (this.#problem !== undefined && !isAborted(signal)) {
      await Promise.race([this.#held.promise, aborted(signal)]);
    }
  }

  /** The same store, whose writes wait for the claim. */
  guard(kv: KvStore): KvStore {
    return {
      description: kv.description,
      get: (key, signal) => kv.get(key, signal),
      watch: (prefix, options, signal) => kv.watch(prefix, options, signal),
      commit: async (ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> => {
        await this.held(signal);
        signal.throwIfAborted();
        return kv.commit(ops, signal);
      },
      onLeaseLost: (listener) => kv.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll([(both) => this.#learnUid(both), (both) => this.#keep(both)], signal);
  }

  async #learnUid(signal: AbortSignal): Promise<void> {
    const { clock, random, health, log, uid } = this.#deps;
    const learn = async (both: AbortSignal): Promise<void> => {
      this.#uid = await uid(both);
    };
    const backoff = new Backoff({ baseMs: 1_000, capMs: 30_000, random });
    await retryLoop(learn, { name: 'publisher/uid', backoff, clock, health, log }, signal);
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      try {
        this.#settle(await this.#look(signal));
      } catch (error) {
        if (isAborted(signal)) return;
        // Nobody else gets it while etcd is away, and writes fail by themselves.
        log.debug({ reason: describeError(error) }, 'claim not renewed');
        if (this.#problem !== undefined) this.#problem = describeError(error);
      }
      await clock.sleep(beatMs, signal);
    }
  }

  /** Renews the claim, or says why it cannot be had. */
  async #look(signal: AbortSignal): Promise<string | undefined> {
    const { kv, clock } = this.#deps;
    const { name, id } = this.#cluster;
    const found = await kv.get(publisherKey, signal);
    const record = found && decodeRecord(found.value);
    const isOurs = record !== undefined && isSamePublisher(record, this.#cluster, this.#uid);
    if (record !== undefined && !isOurs && this.#isAlive(record)) return describeOther(record, this.#cluster);
    if (this.#problem !== undefined) {
      // Ours from before, or of one that is gone: what it left counts no more.
      const foreign = await foreignConfig(kv, this.#cluster, record?.cluster, signal);
      if (foreign !== undefined) return foreign;
    }
    const ours: PublisherRecord = { cluster: name, clusterId: id, uid: this.#uid, beat: rfc3339(clock.now()) };
    const value = encodeRecord(isOurs && this.#uid === '' ? { ...ours, uid: record.uid } : ours);
    const { refused } = await kv.commit([{ kind: 'put', key: publisherKey, value }], signal);
    if (refused[0] !== undefined) throw refused[0].error;
    return undefined;
  }

  /** By our own clock: its record has changed within a few beats. */
  #isAlive({ beat }: PublisherRecord): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#other?.beat !== beat) this.#other = { beat, sinceMs: nowMs };
    return nowMs - this.#other.sinceMs < silenceMs;
  }

  #settle(problem: string | undefined): void {
    const { health, log } = this.#deps;
    const scope = health.scope('publisher/claim');
    if (problem === undefined) {
      scope.ok();
      if (this.#problem !== undefined) this.#held.resolve(undefined);
    } else {
      scope.degraded(problem);
      if (problem !== this.#problem) log.error({ code: 'KV_OTHER_PUBLISHER', reason: problem }, 'nothing is published');
      if (this.#problem === undefined) this.#held = Promise.withResolvers();
    }
    this.#problem = problem;
  }
}

function describeOther(other: PublisherRecord, { name, id }: LocalCluster): string {
  const who =
    other.cluster === name
      ? `another Kubernetes cluster is published there under the same name, ${name} (id ${other.clusterId})`
      : `it belongs to cluster ${other.cluster} (id ${other.clusterId}), and this is ${name} (id ${id})`;
  const what = 'every cluster needs an etcd and a name of its own (--etcd-config, --cluster-name)';
  return `publish into this etcd: ${who}; ${what}`;
}
