import { isAborted } from '@clustermesh/runtime';
import type { KvReader } from '@clustermesh/kvstore';
import type { ClusterConfig, ClusterName, Freshness } from '@clustermesh/wire';

import type { ClusterWay, KnownFreshness } from './cluster-way.ts';
import { ContactAge } from './contact-age.ts';
import type { MirrorPulse } from './mirror-pulse.ts';
import { RemoteCluster } from './remote-cluster.ts';
import type { RemoteClusterDeps } from './remote-cluster.ts';

export interface CachedClusterDeps extends RemoteClusterDeps {
  /** The store that the copies are in. */
  readonly kv: KvReader;
  readonly pulse: MirrorPulse;
}

/** A refused cluster may become acceptable without a change of its own: the id's holder may leave. */
const refusedRetryMs = 5_000;
/** Mirrors write more often than this: an age below it says nothing. */
const beatMs = 30_000;
/** A cluster that a living mirror says nothing of any more; longer than the mirror's own removal takes. */
const departedMs = 300_000;

/**
 * A remote cluster whose copy our own cluster's store holds. Its configuration there decides whether it is followed; how
 * old the copy is, its mirror tells.
 */
export class CachedCluster implements ClusterWay {
  readonly cluster: RemoteCluster;
  readonly #deps: CachedClusterDeps;
  #config: ClusterConfig | undefined;
  #unlistedSinceMs: number | undefined;
  #isGone = false;
  /** The newest configuration cannot be read. */
  #unreadable: string | undefined;
  #refusal: string | undefined;
  readonly #contact: ContactAge;
  #round = new AbortController();

  constructor(name: ClusterName, deps: CachedClusterDeps) {
    this.#deps = deps;
    this.#contact = new ContactAge(deps.clock);
    this.cluster = new RemoteCluster(name, this, deps);
  }

  get trouble(): ClusterWay['trouble'] {
    const refusal = this.#unreadable ?? this.#refusal;
    if (this.#unlistedSinceMs !== undefined) return { state: 'leaving', reason: 'its configuration left our cache' };
    return refusal === undefined ? undefined : { state: 'refused', reason: refusal };
  }

  get obstacle(): undefined {
    return undefined;
  }

  get lost(): string | undefined {
    const { freshness, hasVanished } = this.#contact;
    if (freshness?.connected === false) return `no contact with the cluster since ${freshness.since}`;
    if (hasVanished) return 'its mirror tells nothing of it any more';
    if (this.#deps.pulse.isSilent) return 'the mirror that fills our cache is silent';
    return this.cluster.feed?.isLive === false ? 'no contact with our own cache' : undefined;
  }

  get isOutOfContact(): boolean {
    const { freshness, hasVanished, ms: ageMs = 0 } = this.#contact;
    return freshness?.connected === false || hasVanished || ageMs > beatMs;
  }

  get ageMs(): number | undefined {
    return this.#contact.ms;
  }

  get freshness(): KnownFreshness | undefined {
    const { freshness, ms: ageMs } = this.#contact;
    return freshness && { ...freshness, ageMs, ageOf: 'mirror' };
  }

  /**
   * The mirror speaks as long as it lives and has contact. In its silence deletes may be its leases running out,
   * unless it had lost the cluster and then removed it: the configuration goes first.
   */
  get mayHaveExpired(): boolean {
    const isConnected = this.#isMentioned && this.#contact.freshness?.connected === true;
    const isRemoval = this.#unlistedSinceMs !== undefined && !isConnected;
    return this.#deps.pulse.isSilent && !isRemoval;
  }

  get steadyMs(): number {
    return this.#contact.freshness?.connected === false ? 0 : this.#deps.pulse.steadyMs;
  }

  configure(config: ClusterConfig): void {
    this.#config = config;
    this.#unreadable = undefined;
    this.#unlistedSinceMs = undefined;
    this.#round.abort();
  }

  /** Its configuration cannot be read: a followed cluster is followed on as before. */
  refuse(reason: string): void {
    this.#unreadable = reason;
    this.#unlistedSinceMs = undefined;
  }

  unlist(): void {
    this.#unlistedSinceMs = this.#deps.clock.monotonicMs();
  }

  /** `isLive`: written just now, not before we began to read. */
  setFreshness(freshness: Freshness, isLive: boolean): void {
    this.#contact.heard(freshness, isLive);
  }

  freshnessVanished(): void {
    this.#contact.vanished();
  }

  /** Until abort, or until the cluster was removed and nothing of it is left. */
  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal) && !this.#isGone) {
      this.#round = new AbortController();
      await this.#follow(AbortSignal.any([signal, this.#round.signal]));
    }
    if (!this.#isGone) return;
    this.cluster.remove();
    this.#deps.log.info({ cluster: this.cluster.name }, 'cluster removed');
  }

  /** What time decides. Called every second or so. */
  tick(): void {
    this.cluster.tick();
    if (this.#unlistedSinceMs === undefined) return;
    const { feed } = this.cluster;
    if (feed === undefined || feed.entries === 0 || this.#hasDeparted(this.#unlistedSinceMs)) {
      this.#isGone = true;
      this.#round.abort();
    }
  }

  /** We were away while the mirror removed it: a living mirror that says nothing of it is proof enough. */
  #hasDeparted(unlistedSinceMs: number): boolean {
    const { pulse, clock } = this.#deps;
    const forMs = Math.min(pulse.steadyMs, clock.monotonicMs() - unlistedSinceMs);
    return !this.#isMentioned && forMs >= departedMs;
  }

  get #isMentioned(): boolean {
    return this.#contact.freshness !== undefined && !this.#contact.hasVanished;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const config = this.#config;
    const scope = this.#deps.health.scope(`cluster/${this.cluster.name}`);
    this.#refusal = config === undefined ? 'its configuration is not known' : this.#accept(config);
    const { feed } = this.cluster;
    if (this.#refusal !== undefined || config === undefined || feed === undefined) {
      scope.degraded(this.#refusal ?? '');
      await this.#deps.clock.sleep(refusedRetryMs, signal);
      return;
    }
    scope.ok();
    await feed.run(this.#deps.kv, config, signal);
  }

  #accept(config: ClusterConfig): string | undefined {
    if (config.capabilities.cached) return this.cluster.accept(config);
    return this.cluster.refuse('its configuration in our cache is not that of a cache');
  }
}
