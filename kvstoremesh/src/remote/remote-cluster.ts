import { Backoff, MeshError, ScopedAbort, every, retryLoop, runAll } from '@clustermesh/runtime';
import type { Health, HealthScope } from '@clustermesh/runtime';
import type { KvReader } from '@clustermesh/kvstore';
import { RemoteLink, pacedReader } from '@clustermesh/remote';
import type { LinkDeps, LinkOwner, LinkSettings, NamedCluster, ReceivedConfig, RemoteFile } from '@clustermesh/remote';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

import { Announcement } from '../mirror/announcement.ts';
import { CacheTtl } from '../mirror/cache-ttl.ts';
import { copyClusterConfig } from '../mirror/cluster-config-copy.ts';
import type { ClusterIds } from './cluster-ids.ts';
import { ClusterMirror } from '../mirror/cluster-mirror.ts';
import type { StartTurns } from './start-turns.ts';
import { drainCluster } from '../mirror/drain-cluster.ts';
import type { LocalWrites } from '../limits/local-writes.ts';
import type { RemoteLimits } from '../limits/remote-limits.ts';
import type { MirrorDeps } from '../mirror/kind-mirror.ts';
import { quotaStatus } from '../status/quota-status.ts';
import type { RemoteClusterSnapshot } from '../status/status.ts';

/** Durations are configuration because a lab cannot wait for minutes. */
export interface RemoteClusterSettings extends LinkSettings {
  readonly drainGraceMs: number;
  /** A removed cluster's data stays as it is, until this process ends and its lease after it. */
  readonly keepsRemoved?: boolean;
  /** After so long without contact revocable kinds are deleted from the cache; 0 = never. */
  readonly cacheTtlMs: number;
}

export interface RemoteClusterDeps extends MirrorDeps, Pick<LinkDeps, 'connect' | 'explain'> {
  readonly ids: ClusterIds;
  readonly starts: StartTurns;
  readonly health: Health;
  readonly settings: RemoteClusterSettings;
  /** How writing its entries and what is said of it goes. */
  readonly writes: LocalWrites;
  readonly onHeartbeatMissed?: (() => void) | undefined;
}

const enforceIntervalMs = 5 * 60_000;
/** What is said of a cluster last need not be heard where the local store takes nothing. */
const lastWordsMs = 5_000;

/**
 * One remote cluster, from the appearance of its file to the end of its draining. A failure domain of its own (I1):
 * nothing that happens in here is thrown out of `run`, waits for another cluster, or deletes more than its own keys.
 */
export class RemoteCluster implements NamedCluster, LinkOwner {
  readonly name: ClusterName;
  readonly #deps: RemoteClusterDeps;
  readonly #link: RemoteLink;
  readonly #mirror: ClusterMirror;
  readonly #announcement: Announcement;
  readonly #limitsHealth: HealthScope;
  readonly #ttl: CacheTtl;
  #revocations = 0;
  #endStart = (): void => undefined;

  /** Without a file: one whose removal an earlier process has begun. */
  constructor(name: ClusterName, file: RemoteFile | undefined, deps: RemoteClusterDeps) {
    const { clock, health, quota, settings } = deps;
    const log = deps.log.child({ cluster: name });
    this.name = name;
    this.#deps = { ...deps, log };
    this.#link = new RemoteLink(
      name,
      file,
      { ...this.#deps, ...linkSettings(settings), paceHeartbeats: quota.paceHeartbeats },
      this,
    );
    this.#mirror = new ClusterMirror(name, this.#deps);
    this.#announcement = new Announcement(name, { ...this.#deps, health: health.scope(`remote/${name}/cache`) });
    this.#limitsHealth = health.scope(`remote/${name}/limits`);
    this.#ttl = new CacheTtl(deps.settings.cacheTtlMs, clock);
  }

  setLimits(limits: RemoteLimits): void {
    this.#deps.quota.setLimits(limits);
    this.#reviewLimits();
  }

  update(file: RemoteFile | undefined): void {
    this.#link.update(file);
  }

  /** Until the cluster is removed and drained, or until abort, which keeps what was mirrored (I7). */
  async run(signal: AbortSignal): Promise<void> {
    let writing: ScopedAbort | undefined;
    const write = async (both: AbortSignal): Promise<void> => {
      using until = (writing = new ScopedAbort(both));
      await this.#write(until.signal);
    };
    const mirror = async (both: AbortSignal): Promise<void> => {
      await this.#mirrorWhileNamed(both);
      await this.#lastWords(both);
      writing?.abort();
    };
    await runAll([write, mirror], signal);
    if (!signal.aborted) await this.#drain(signal);
  }

  snapshot(): RemoteClusterSnapshot {
    const { state, config, wasReady, failures, lastFailure, endpoints, contact } = this.#link;
    return {
      name: this.name,
      state,
      endpoints,
      config,
      kinds: this.#mirror.status(),
      wasReady,
      failures,
      revocations: this.#revocations,
      lastFailure,
      lastContactMs: contact.lastMs,
      storeId: contact.storeId,
      isSilent: contact.isSilent,
      writeProblem: this.#deps.writes.problem,
      quota: quotaStatus(this.#deps.quota, this.#mirror.notAdmitted),
    };
  }

  /** Its id is its own from now on, and readers find its config before any data. */
  async accept({ config, bytes }: ReceivedConfig, signal: AbortSignal): Promise<void> {
    const conflict = this.#deps.ids.reserve(config.id, this.name);
    if (conflict !== undefined) {
      throw new MeshError('CLUSTER_ID_CONFLICT', `${conflict}; every cluster of a mesh needs an id of its own`);
    }
    await this.#announcement.config(copyClusterConfig(bytes, config), signal);
  }

  async follow(source: KvReader, config: ClusterConfig, onSynced: () => void, signal: AbortSignal): Promise<void> {
    const entries = pacedReader(source, this.#deps.quota.paceEntries);
    const synced = (): void => {
      this.#endStart();
      onSynced();
    };
    const jobs = [
      (both: AbortSignal) => this.#mirror.run(entries, config, synced, both),
      (both: AbortSignal) => this.#enforce(both),
    ];
    await runAll(jobs, signal);
  }

  /** Who connects now finds no such cluster; who already reads has the grace to be told of the removal. */
  async leaving(signal: AbortSignal): Promise<void> {
    const { settings, log } = this.#deps;
    if (settings.keepsRemoved === true) return;
    await this.#retry('withdraw', (both) => this.#announcement.withdraw(both), signal);
    if (!signal.aborted)
      log.info({ graceMs: settings.drainGraceMs }, 'cluster removed, its data is kept for a grace period');
  }

  beatMissed(): void {
    this.#deps.onHeartbeatMissed?.();
  }

  setConnected(connected: boolean): void {
    if (connected) this.#ttl.restored();
    else this.#ttl.lost();
    this.#announceFreshness();
  }

  async failed(signal: AbortSignal): Promise<void> {
    this.#endStart();
    if (!this.#ttl.isDue) return;
    await this.#mirror.revoke(signal);
    if (signal.aborted) return;
    this.#ttl.revoked();
    this.#revocations++;
    this.#deps.log.warn({}, 'cache ttl is over, revocable entries are deleted');
  }

  async #write(signal: AbortSignal): Promise<void> {
    await runAll([(both) => this.#mirror.write(both), (both) => this.#announcement.write(both)], signal);
  }

  async #mirrorWhileNamed(signal: AbortSignal): Promise<void> {
    this.#endStart = await this.#deps.starts.take(signal);
    await this.#adopt(signal);
    using over = new ScopedAbort(signal);
    const freshness = this.#keepFreshness(over.signal);
    await this.#link.run(signal);
    this.#endStart();
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
    const adopt = async (both: AbortSignal): Promise<void> => {
      const freshness = await this.#announcement.adopt(both);
      if (freshness !== undefined) this.#link.contact.restore(freshness);
      await this.#mirror.adopt(both);
    };
    return this.#retry('adopt', adopt, signal);
  }

  #retry(what: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ baseMs: 1000, capMs: 30_000, random: this.#deps.random });
    return retryLoop(work, { ...this.#deps, name: `remote/${this.name}/${what}`, backoff }, signal);
  }

  async #lastWords(signal: AbortSignal): Promise<void> {
    using over = new ScopedAbort(signal);
    const both = over.signal;
    await Promise.race([this.#announcement.settled(both), this.#deps.clock.sleep(lastWordsMs, both)]);
  }

  #enforce(signal: AbortSignal): Promise<void> {
    const { clock, health, log } = this.#deps;
    const name = `remote/${this.name}/enforce`;
    const enforce = (both: AbortSignal): Promise<void> => this.#announcement.enforce(both);
    return every(enforceIntervalMs, enforce, { name, clock, health, log }, signal);
  }

  #announceFreshness(): void {
    this.#announcement.freshness(this.#link.contact.freshness(this.#mirror.notAdmitted));
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { health, ids, settings } = this.#deps;
    if (settings.keepsRemoved === true) this.#deps.log.warn({}, 'removed, its data is left in the cache');
    else await drainCluster(this.name, this.#deps, signal);
    if (signal.aborted) return;
    ids.release(this.name);
    this.#deps.quota.leave();
    this.#link.drained();
    for (const { name } of health.report()) if (name.startsWith(`remote/${this.name}/`)) health.scope(name).remove();
  }
}

/** What stays in the cache anyway needs no grace. */
function linkSettings({ drainGraceMs, keepsRemoved }: RemoteClusterSettings): Pick<LinkDeps, 'graceMs'> {
  return { graceMs: keepsRemoved === true ? 0 : drainGraceMs };
}
