import { setImmediate as nextTurn } from 'node:timers/promises';

import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import type { RemoteFile } from '../directory/remote-file.ts';

/** One remote cluster, from the appearance of its file until nothing of it is left. */
export interface NamedCluster {
  readonly name: ClusterName;
  /** The file as it is now; undefined when it is gone. */
  update(file: RemoteFile | undefined): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface RemoteClustersDeps<T extends NamedCluster> {
  readonly localName: string;
  readonly create: (name: ClusterName, file: RemoteFile) => T;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

/** Begun in one turn of the event loop: each costs some 0.2 ms, and there may be hundreds. */
const startsPerTurn = 16;

/** The remote clusters that have a file, and those that are still being drained; none can hold up another (I1). */
export class RemoteClusters<T extends NamedCluster> {
  readonly #deps: RemoteClustersDeps<T>;
  readonly #files = new Map<ClusterName, RemoteFile>();
  readonly #clusters = new Map<ClusterName, T>();
  readonly #lives = new Map<ClusterName, Promise<void>>();
  #misnamed: readonly RemoteFile[] = [];

  constructor(deps: RemoteClustersDeps<T>) {
    this.#deps = deps;
  }

  /** How many there are now. */
  get size(): number {
    return this.#clusters.size;
  }

  /** By name. */
  get all(): readonly T[] {
    return [...this.#clusters.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Files whose names cannot be a cluster's. */
  get misnamed(): readonly RemoteFile[] {
    return this.#misnamed;
  }

  /**
   * Starts, updates and removes clusters so that they are those of `files`. Our own cluster is no remote one. Resolves when
   * all are there; not to be called again before.
   */
  async apply(files: readonly RemoteFile[], signal: AbortSignal): Promise<void> {
    const named = files.map((file) => ({ file, name: clusterName(file.name) }));
    this.#noteMisnamed(named.flatMap(({ file, name }) => (name.ok ? [] : [file])));
    this.#files.clear();
    for (const { file, name } of named) {
      if (name.ok && name.value !== this.#deps.localName) this.#files.set(name.value, file);
    }
    for (const cluster of this.#clusters.values()) cluster.update(this.#files.get(cluster.name));
    let started = 0;
    for (const name of this.#files.keys()) {
      if (this.#lives.has(name)) continue;
      if (started > 0 && started % startsPerTurn === 0) await nextTurn();
      this.#lives.set(name, this.#live(name, signal));
      started++;
    }
  }

  /** Clusters without a file that are still to be brought to an end; those that live are passed over. */
  finish(names: readonly ClusterName[], create: (name: ClusterName) => T, signal: AbortSignal): void {
    for (const name of names) {
      if (name === this.#deps.localName || this.#lives.has(name)) continue;
      this.#lives.set(name, this.#live(name, signal, create));
    }
  }

  /** Resolves when all have come to rest after an abort. */
  async ended(): Promise<void> {
    await Promise.all(this.#lives.values());
  }

  async #live(name: ClusterName, signal: AbortSignal, leftover?: (name: ClusterName) => T): Promise<void> {
    const { random, health, ...deps } = this.#deps;
    const backoff = new Backoff({ baseMs: 1000, capMs: 30_000, random });
    const job = `remote/${name}`;
    const live = async (both: AbortSignal): Promise<void> => {
      // One that came back is none, also when this is done again: nothing of it may be deleted (I4).
      if (leftover !== undefined && !this.#files.has(name)) await this.#one(leftover(name), both);
      await this.#whileNamed(name, both);
    };
    await retryLoop(live, { ...deps, health, name: job, backoff }, signal);
    health.scope(job).remove();
    this.#lives.delete(name);
  }

  /** One life after the other: what was added again while it was drained begins anew. */
  async #whileNamed(name: ClusterName, signal: AbortSignal): Promise<void> {
    for (let file = this.#files.get(name); file !== undefined && !signal.aborted; file = this.#files.get(name)) {
      await this.#one(this.#deps.create(name, file), signal);
    }
  }

  async #one(cluster: T, signal: AbortSignal): Promise<void> {
    this.#clusters.set(cluster.name, cluster);
    await cluster.run(signal);
    if (!signal.aborted) this.#clusters.delete(cluster.name);
  }

  #noteMisnamed(files: readonly RemoteFile[]): void {
    const before = new Set(this.#misnamed.map(({ name }) => name));
    for (const { name, config } of files) {
      const reason = config.ok ? '' : config.reason;
      if (!before.has(name)) this.#deps.log.error({ name, reason }, 'file in the clusters directory refused');
    }
    this.#misnamed = files;
  }
}
