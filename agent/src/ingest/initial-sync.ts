import { aborted, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

import type { LocalCluster } from './local-cluster.ts';
import type { RemoteClusters } from './remote-clusters.ts';

export interface InitialSyncOptions {
  readonly localCluster: LocalCluster;
  readonly remotes: RemoteClusters;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Clusters that nobody has mentioned until now were removed while no agent ran. */
  readonly onOver: () => void;
}

/** How often members that have not told their id are asked after. */
const untoldMs = 1_000;

/**
 * How long the agent waits for remote clusters: until they are listed and all have been read, or for a time after our own
 * cluster is known (protocol.md §4.5). A store that lacks our own cluster is being filled: that is no time.
 */
export class InitialSync {
  readonly #options: InitialSyncOptions;
  #isOver = false;
  #areListed = false;

  constructor(options: InitialSyncOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { localCluster, clock, timeoutMs, onOver } = this.#options;
    const listed = this.#whenListed();
    const known = localCluster.feed.kinds.map(({ firstSync }) => firstSync);
    await Promise.race([Promise.all(known), aborted(signal)]);
    await clock.sleep(timeoutMs, signal);
    if (isAborted(signal)) return;
    this.#warn();
    this.#isOver = true;
    const listedMs = (await Promise.race([listed, aborted(signal)])) ?? 0;
    // A store of its own may have been empty until now: it has the same time to be filled.
    await clock.sleep(Math.max(0, listedMs + timeoutMs - clock.monotonicMs()), signal);
    if (isAborted(signal)) return;
    onOver();
    await this.#untilTold(signal);
    if (!isAborted(signal)) onOver();
  }

  /** What is being waited for, if anything. */
  get waitsFor(): string | undefined {
    const { localCluster } = this.#options;
    if (!localCluster.feed.hasSynced) return 'identities and addresses of this cluster';
    if (!this.#areListed && !this.#isOver) return 'the list of remote clusters';
    const unread = this.#unread;
    return unread.length === 0 || this.#isOver ? undefined : `cluster ${unread.join(', ')}`;
  }

  get #unread(): readonly string[] {
    const { remotes } = this.#options;
    return remotes.all().flatMap(({ name, state }) => (state.state === 'syncing' ? [name] : []));
  }

  async #whenListed(): Promise<number> {
    await this.#options.remotes.listed;
    this.#areListed = true;
    return this.#options.clock.monotonicMs();
  }

  #warn(): void {
    const clusters = this.#unread;
    const { log, timeoutMs } = this.#options;
    if (clusters.length > 0) log.warn({ clusters, timeoutMs }, 'going on without clusters that could not be read yet');
  }

  /** What a predecessor left of a cluster that is away is not given up because its id is not known (I4, I7). */
  async #untilTold(signal: AbortSignal): Promise<void> {
    const { remotes, clock } = this.#options;
    while (remotes.untold.length > 0 && !isAborted(signal)) await clock.sleep(untoldMs, signal);
  }
}
