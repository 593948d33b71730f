import type { KvStore } from '@clustermesh/kvstore';
import { Backoff, MeshError, aborted, isAborted, retryLoop, runAll } from '@clustermesh/runtime';
import type { Health, HealthScope } from '@clustermesh/runtime';
import type { ClusterConfig, ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

import { Announcement } from '../mirror/announcement.ts';
import { CacheTtl } from '../mirror/cache-ttl.ts';
import type { ClusterIds } from './cluster-ids.ts';
import { ClusterMirror } from '../mirror/cluster-mirror.ts';
import { Contact } from './contact.ts';
import { drainCluster } from '../mirror/drain-cluster.ts';
import type { RemoteLimits } from '../limits/remote-limits.ts';
import type { MirrorDeps } from '../mirror/kind-mirror.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';
import { RemoteClusterRecord } from './remote-cluster-record.ts';
import type { RemoteConfig, RemoteFile } from '../directory/remote-file.ts';
import { RemoteSession } from './remote-session.ts';
import type { SessionDeps } from './remote-session.ts';
import { quotaStatus } from '../status/quota-status.ts';
import type { RemoteClusterSnapshot } from '../status/status.ts';

/** Durations are configuration because a lab cannot wait for minutes. */
export interface RemoteClusterSettings {
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly heartbeatIntervalMs: number;
  /** How often an idle source is asked whether it still answers, and freshness is written. */
  readonly contactIntervalMs: number;
  readonly drainGraceMs: number;
  /** After so long without contact revocable kinds are deleted from the cache; 0 = never. */
  readonly cacheTtlMs: number;
}

export interface RemoteClusterDeps extends MirrorDeps {
  readonly connect: (remote: RemoteConfig, signal: AbortSignal) => Promise<KvStore>;
  /** Finds a better error for a failed connection; may look at the network. */
  readonly explain: (remote: RemoteConfig, error: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly ids: ClusterIds;
  readonly health: Health;
  readonly settings: RemoteClusterSettings;
}

/**
 * One remote cluster, from the appearance of its file to the end of its draining. A failure domain of its own (I1):
 * nothing that happens in here is thrown out of `run`, waits for another cluster, or deletes more than its own keys.
 */
export class RemoteCluster {
  readonly name: ClusterName;
  readonly #deps: RemoteClusterDeps;
  readonly #record: RemoteClusterRecord;
  readonly #mirror: ClusterMirror;
  readonly #announcement: Announcement;
  readonly #contact: Contact;
  readonly #limitsHealth: HealthScope;
  #file: RemoteFile | undefined;
  /** Aborted when the file changes: the next attempt begins with the new one. */
  #attempt = new AbortController();
  readonly #ttl: CacheTtl;
  #revocations = 0;

  constructor(name: ClusterName, file: RemoteFile, deps: RemoteClusterDeps) {
    const { clock, health } = deps;
    const log = deps.log.child({ cluster: name });
    this.name = name;
    this.#file = file;
    this.#deps = { ...deps, log };
    this.#record = new RemoteClusterRecord({ clock, log, health: health.scope(`remote/${name}/connection`) });
    this.#mirror = new ClusterMirror(name, this.#deps);
    this.#announcement = new Announcement(name, { ...this.#deps, health: health.scope(`remote/${name}/cache`) });
    this.#contact = new Contact(clock);
    this.#limitsHealth = health.scope(`remote/${name}/limits`);
    this.#ttl = new CacheTtl(deps.settings.cacheTtlMs, clock);
  }

  setLimits(limits: RemoteLimits): void {
    this.#deps.quota.setLimits(limits);
    this.#reviewLimits();
  }

  /** The file as it is now; undefined when it is gone. The same content changes nothing (protocol.md §5.8). */
  update(file: RemoteFile | undefined): void {
    if (this.#file === undefined || file?.hash === this.#file.hash) return;
    this.#file = file;
    this.#record.happened(file === undefined ? 'file-removed' : 'file-changed');
    this.#attempt.abort();
  }

  /** Until the cluster is removed and drained, or until abort, which keeps what was mirrored (I7). */
  async run(signal: AbortSignal): Promise<void> {
    const writing = new AbortController();
    const write = (both: AbortSignal): Promise<void> => this.#write(AbortSignal.any([both, writing.signal]));
    const follow = async (both: AbortSignal): Promise<void> => {
      await this.#follow(both);
      await this.#announcement.settled(both);
      writing.abort();
    };
    await runAll([write, follow], signal);
    if (!signal.aborted) await this.#drain(signal);
  }

  snapshot(): RemoteClusterSnapshot {
    const { state, config, wasReady, failures, lastFailure } = this.#record;
    const file = this.#file?.config;
    return {
      name: this.name,
      state,
      endpoints: file?.ok === true ? file.value.endpoints : [],
      config,
      kinds: this.#mirror.status(),
      wasReady,
      failures,
      revocations: this.#revocations,
      lastFailure,
      lastContactMs: this.#contact.lastMs,
      storeId: this.#contact.storeId,
      quota: quotaStatus(this.#deps.quota, this.#mirror.notAdmitted),
    };
  }

  async #write(signal: AbortSignal): Promise<void> {
    await runAll([(both) => this.#mirror.write(both), (both) => this.#announcement.write(both)], signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    await this.#adopt(signal);
    const over = new AbortController();
    const freshness = this.#keepFreshness(AbortSignal.any([signal, over.signal]));
    while (this.#file !== undefined && !signal.aborted) {
      this.#attempt = new AbortController();
      await this.#try(this.#file, AbortSignal.any([signal, this.#attempt.signal]));
      this.#setConnected(false);
    }
    over.abort();
    await freshness;
  }

  async #keepFreshness(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#deps;
    while (!signal.aborted) {
      this.#reviewLimits();
      this.#announceFreshness();
      await clock.sleep(settings.contactIntervalMs, signal);
    }
  }

  #reviewLimits(): void {
    this.#mirror.reviewLimits();
    const reason = this.#deps.quota.explain(this.#mirror.notAdmitted);
    if (reason === '') this.#limitsHealth.ok();
    else this.#limitsHealth.degraded(reason);
  }

  /** Before anything is mirrored, or deletions that happened while this process was away would be missed (I3). */
  #adopt(signal: AbortSignal): Promise<void> {
    const { clock, health, log, random } = this.#deps;
    const backoff = new Backoff({ baseMs: 1000, capMs: 30_000, random });
    const options = { name: `remote/${this.name}/adopt`, backoff, clock, health, log };
    const adopt = async (both: AbortSignal): Promise<void> => {
      const freshness = await this.#announcement.adopt(both);
      if (freshness !== undefined) this.#contact.restore(freshness);
      await this.#mirror.adopt(both);
    };
    return retryLoop(adopt, options, signal);
  }

  async #try(file: RemoteFile, signal: AbortSignal): Promise<void> {
    if (!file.config.ok) {
      this.#record.failed(new MeshError('CONFIG_INVALID', file.config.reason), 'file-unusable');
      await aborted(signal);
      return;
    }
    const remote = file.config.value;
    const session = new RemoteSession(remote, this.#sessionDeps(), {
      connected: () => this.#record.happened('connected'),
      configured: (config) => this.#configured(config),
      synced: () => this.#record.happened('synced'),
      configChanged: () => this.#record.happened('config-changed'),
    });
    try {
      await session.run(signal);
    } catch (error) {
      if (!isAborted(signal)) await this.#failed(remote, error, signal);
    }
  }

  #sessionDeps(): SessionDeps {
    const { settings, ...deps } = this.#deps;
    const parts = { mirror: this.#mirror, announcement: this.#announcement, contact: this.#contact };
    return { ...deps, ...settings, ...parts };
  }

  #configured(config: ClusterConfig): void {
    this.#record.configured(config);
    this.#ttl.restored();
    this.#setConnected(true);
  }

  #setConnected(connected: boolean): void {
    this.#contact.setConnected(connected);
    if (!connected) this.#ttl.lost();
    this.#announceFreshness();
  }

  #announceFreshness(): void {
    this.#announcement.freshness(this.#contact.freshness(this.#mirror.notAdmitted));
  }

  async #failed(remote: RemoteConfig, error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, random, explain } = this.#deps;
    this.#record.happened('failed');
    this.#setConnected(false);
    const cause = await explain(remote, error, signal).catch((other: unknown) => other);
    if (isAborted(signal)) return;
    this.#record.failed(cause, 'failed');
    if (this.#ttl.isDue) await this.#revoke(signal);
    await clock.sleep(reconnectDelayMs(this.#record.failuresInRow, cause, random), signal);
    this.#record.happened('retry');
  }

  async #revoke(signal: AbortSignal): Promise<void> {
    await this.#mirror.revoke(signal);
    if (isAborted(signal)) return;
    this.#ttl.revoked();
    this.#revocations++;
    this.#deps.log.warn({}, 'cache ttl is over, revocable entries are deleted');
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { health, ids, settings } = this.#deps;
    await drainCluster(this.name, { ...this.#deps, graceMs: settings.drainGraceMs }, signal);
    if (signal.aborted) return;
    ids.release(this.name);
    this.#deps.quota.leave();
    this.#record.happened('drained');
    for (const { name } of health.report()) if (name.startsWith(`remote/${this.name}/`)) health.scope(name).remove();
  }
}
