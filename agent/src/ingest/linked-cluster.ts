import type { KvReader } from '@clustermesh/kvstore';
import { RemoteLink, isConnected } from '@clustermesh/remote';
import type { LinkDeps, LinkOwner, NamedCluster, ReceivedConfig, RemoteFile } from '@clustermesh/remote';
import { MeshError, isAborted, runAll } from '@clustermesh/runtime';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

import type { ClusterWay, KnownFreshness } from './cluster-way.ts';
import { ContactAge } from './contact-age.ts';
import { MirrorPulse } from './mirror-pulse.ts';
import { readFreshness } from './read-freshness.ts';
import { RemoteCluster } from './remote-cluster.ts';
import type { RemoteClusterDeps } from './remote-cluster.ts';

export interface LinkedClusterDeps
  extends RemoteClusterDeps, Pick<LinkDeps, 'connect' | 'explain' | 'settings' | 'clock'> {
  /** A writer silent for so long, milliseconds, may be losing its leases. */
  readonly silenceMs: number;
}

/** Failures that only somebody who changes a configuration puts right. */
const refusals: readonly string[] = ['CLUSTER_CONFIG_INVALID', 'CLUSTER_ID_CONFLICT', 'CONFIG_INVALID'];

/**
 * A remote cluster that this agent reads over a link of its own, as the cluster's file says: at its own store
 * (`cilium/state`), or at a cache that somebody else fills (`cilium/cache`), as the configuration there says
 * (protocol.md §1.4).
 */
export class LinkedCluster implements NamedCluster, LinkOwner, ClusterWay {
  readonly name: ClusterName;
  readonly cluster: RemoteCluster;
  readonly #deps: LinkedClusterDeps;
  readonly #link: RemoteLink;
  /** Of the store that is read; in a cache of ours, of the mirror that fills it. */
  readonly #heartbeat: MirrorPulse;
  readonly #mirrorPulse: MirrorPulse;
  /** What a mirror of ours tells; those of Cilium tell nothing. */
  readonly #told: ContactAge;
  #isCached = false;
  #isReading = false;
  #allRead: () => void = () => undefined;

  constructor(name: ClusterName, file: RemoteFile, deps: LinkedClusterDeps) {
    const { clock, silenceMs, pacer } = deps;
    this.name = name;
    this.#deps = deps;
    this.#heartbeat = new MirrorPulse(clock, silenceMs);
    this.#mirrorPulse = new MirrorPulse(clock, silenceMs);
    this.#told = new ContactAge(clock);
    const log = deps.log.child({ cluster: name });
    this.#link = new RemoteLink(name, file, { ...deps, log, paceHeartbeats: () => pacer.pause() }, this);
    this.cluster = new RemoteCluster(name, this, deps);
  }

  get trouble(): ClusterWay['trouble'] {
    const { lastFailure } = this.#link;
    if (this.#isReading || lastFailure === undefined || !refusals.includes(lastFailure.code)) return undefined;
    return { state: 'refused', reason: lastFailure.reason };
  }

  get obstacle(): string | undefined {
    const { lastFailure, state } = this.#link;
    return isConnected(state) ? undefined : lastFailure?.reason;
  }

  get lost(): string | undefined {
    const { freshness, hasVanished } = this.#told;
    const { lastFailure } = this.#link;
    if (!this.#isReading) {
      const what = this.#isCached ? 'the cache that holds its copy' : 'the cluster';
      const why = lastFailure === undefined ? '' : `: ${lastFailure.reason}`;
      return `no contact with ${what} since ${this.#link.contact.freshness(0).since}${why}`;
    }
    if (freshness?.connected === false) return `no contact with the cluster since ${freshness.since}`;
    if (hasVanished) return 'its mirror tells nothing of it any more';
    if (this.#pulse.isSilent) return 'who writes what we read of it is silent';
    return this.cluster.feed?.isLive === false ? 'what it publishes is being read again' : undefined;
  }

  get isOutOfContact(): boolean {
    return !this.#isReading || this.#told.freshness?.connected === false || this.#told.hasVanished;
  }

  get ageMs(): number | undefined {
    return this.#told.ms ?? this.#link.contact.ageMs;
  }

  get freshness(): KnownFreshness | undefined {
    const { freshness, ms } = this.#told;
    if (freshness !== undefined) return { ...freshness, ageMs: ms, ageOf: 'mirror' };
    const { contact } = this.#link;
    return { ...contact.freshness(0), ageMs: contact.ageMs, ageOf: this.#isCached ? 'cache' : 'cluster' };
  }

  get mayHaveExpired(): boolean {
    return this.#pulse.isSilent;
  }

  get steadyMs(): number {
    return this.isOutOfContact ? 0 : this.#pulse.steadyMs;
  }

  /** Has it ever told its id to this process? */
  get hasTold(): boolean {
    return this.cluster.feed !== undefined || this.cluster.claimedId !== undefined;
  }

  update(file: RemoteFile | undefined): void {
    this.#link.update(file);
  }

  /** Until its file is gone and nothing of it is left, or until abort, which keeps everything (I7). */
  async run(signal: AbortSignal): Promise<void> {
    await this.#link.run(signal);
    if (isAborted(signal)) return;
    this.cluster.remove();
    this.#link.drained();
    const { health, log } = this.#deps;
    for (const { name } of health.report()) if (name.startsWith(`remote/${this.name}/`)) health.scope(name).remove();
    log.info({ cluster: this.name }, 'cluster removed');
  }

  tick(): void {
    this.cluster.tick();
  }

  async accept({ config }: ReceivedConfig): Promise<void> {
    const refusal = this.cluster.accept(config);
    if (refusal !== undefined) throw new MeshError('CLUSTER_ID_CONFLICT', refusal);
    this.#isCached = config.capabilities.cached;
  }

  async follow(source: KvReader, config: ClusterConfig, onSynced: () => void, signal: AbortSignal): Promise<void> {
    const { feed } = this.cluster;
    if (feed === undefined) return;
    this.#allRead = onSynced;
    const jobs = [(both: AbortSignal) => feed.follow(source, config, both)];
    if (config.capabilities.cached) jobs.push((both) => this.#followMirror(source, both));
    await runAll(jobs, signal);
  }

  beat(): void {
    this.#heartbeat.heard();
  }

  setConnected(connected: boolean): void {
    this.#isReading = connected;
  }

  read(): void {
    if (this.cluster.feed?.isLive === true) this.#allRead();
  }

  /** A mirror that tells of its contact is believed more than the heartbeat of the store that it writes to. */
  get #pulse(): MirrorPulse {
    return this.#told.freshness === undefined ? this.#heartbeat : this.#mirrorPulse;
  }

  async #followMirror(source: KvReader, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#deps;
    const options = { cluster: this.name, clock, intervalMs: settings.contactIntervalMs };
    for await (const { freshness, isLive } of readFreshness(source, options, signal)) {
      if (freshness === undefined) this.#told.vanished();
      else {
        this.#mirrorPulse.heard();
        this.#told.heard(freshness, isLive);
      }
    }
  }
}
