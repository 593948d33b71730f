import { aborted, isAborted } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { LocalCluster } from './local-cluster.ts';
import type { RemoteClusters } from './remote-clusters.ts';

export interface InitialSyncOptions {
  readonly localCluster: LocalCluster;
  readonly remotes: RemoteClusters;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Clusters that nobody has mentioned until now were removed while no agent ran. */
  readonly onOver: () => void;
}

/**
 * How long the agent waits for remote clusters: until all have been read, or for a time after our own cluster and the
 * list of clusters are known (protocol.md §4.5). A store that lacks our own cluster is being filled: that is no time.
 */
export class InitialSync {
  readonly #options: InitialSyncOptions;
  #isOver = false;

  constructor(options: InitialSyncOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { localCluster, remotes, clock, timeoutMs, onOver } = this.#options;
    const known = [remotes.listed, ...localCluster.feed.kinds.map(({ firstSync }) => firstSync)];
    await Promise.race([Promise.all(known), aborted(signal)]);
    await clock.sleep(timeoutMs, signal);
    if (isAborted(signal)) return;
    this.#isOver = true;
    onOver();
  }

  /** What is being waited for, if anything. */
  get waitsFor(): string | undefined {
    const { localCluster, remotes } = this.#options;
    if (!localCluster.feed.hasSynced) return 'identities and addresses of this cluster';
    const missing = remotes.all().filter((remote) => remote.state.state === 'syncing');
    if (missing.length === 0 || this.#isOver) return undefined;
    return `cluster ${missing.map(({ name }) => name).join(', ')}`;
  }
}
