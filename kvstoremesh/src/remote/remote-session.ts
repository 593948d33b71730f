import { HeartbeatWatch } from '@clustermesh/kvstore';
import type { KvEntry, KvReader, KvStore } from '@clustermesh/kvstore';
import { every, isAborted, runAll, withDeadline } from '@clustermesh/runtime';
import type { Clock, Health, Logger } from '@clustermesh/runtime';
import { clusterConfigKey, heartbeatKey } from '@clustermesh/wire';
import type { ClusterConfig } from '@clustermesh/wire';

import { pacedReader } from '../limits/paced-reader.ts';
import type { RemoteQuota } from '../limits/remote-quota.ts';
import type { Announcement } from '../mirror/announcement.ts';
import type { ClusterMirror } from '../mirror/cluster-mirror.ts';
import { noteAnswers } from './contact.ts';
import type { Contact } from './contact.ts';
import { receiveClusterConfig } from './receive-cluster-config.ts';
import type { ReceiveDeps } from './receive-cluster-config.ts';
import type { RemoteConfig } from '../directory/remote-file.ts';

export interface SessionDeps extends ReceiveDeps {
  readonly connect: (remote: RemoteConfig, signal: AbortSignal) => Promise<KvStore>;
  readonly mirror: ClusterMirror;
  readonly announcement: Announcement;
  readonly contact: Contact;
  readonly quota: RemoteQuota;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
  /** How often an idle source is asked whether it still answers. */
  readonly contactIntervalMs: number;
  readonly heartbeatIntervalMs: number;
}

export interface SessionObserver {
  connected(): void;
  configured(config: ClusterConfig): void;
  synced(): void;
  configChanged(): void;
}

const connectTimeoutMs = 10_000;
const enforceIntervalMs = 5 * 60_000;
const shortestAnswerMs = 5000;

/** One connection to a remote cluster, from dialling to its loss. Whatever it throws, nothing mirrored is deleted. */
export class RemoteSession {
  readonly #remote: RemoteConfig;
  readonly #deps: SessionDeps;
  readonly #observer: SessionObserver;

  constructor(remote: RemoteConfig, deps: SessionDeps, observer: SessionObserver) {
    this.#remote = remote;
    this.#deps = deps;
    this.#observer = observer;
  }

  /** Until abort; throws when the connection cannot be made, is lost, or leads to a cluster that is refused. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, connect, contact, heartbeatIntervalMs } = this.#deps;
    const options = { ms: connectTimeoutMs, what: `connect to ${this.#remote.endpoints.join(', ')}`, clock };
    await using store = await withDeadline(options, (both) => connect(this.#remote, both), signal);
    const source = noteAnswers(store, contact);
    const heartbeat = new HeartbeatWatch({ prefix: heartbeatKey, intervalMs: heartbeatIntervalMs }, clock);
    const beats = pacedReader(source, this.#deps.quota.paceHeartbeats);
    await runAll([(both) => heartbeat.run(beats, both), (both) => this.#follow(source, both)], signal);
  }

  async #follow(source: KvReader, signal: AbortSignal): Promise<void> {
    const { announcement, mirror } = this.#deps;
    // Every user may read this key: it tells one without access from one of another cluster. It need not exist.
    await this.#ask(source, heartbeatKey, signal);
    this.#observer.connected();
    const entries = pacedReader(source, this.#deps.quota.paceEntries);
    while (!signal.aborted) {
      const { config, bytes, copy } = await receiveClusterConfig(source, this.#remote.cluster, this.#deps, signal);
      await announcement.config(copy, signal);
      this.#observer.configured(config);
      const changed = new AbortController();
      const jobs = [
        (both: AbortSignal) => mirror.run(entries, config, () => this.#observer.synced(), both),
        (both: AbortSignal) => this.#enforce(both),
        (both: AbortSignal) => this.#untilOtherConfig(source, bytes, both).then(() => changed.abort()),
      ];
      await runAll(jobs, AbortSignal.any([signal, changed.signal]));
      if (!isAborted(signal)) this.#observer.configChanged();
    }
  }

  #enforce(signal: AbortSignal): Promise<void> {
    const { announcement, clock, health, log } = this.#deps;
    const name = `remote/${this.#remote.cluster}/enforce`;
    return every(enforceIntervalMs, (both) => announcement.enforce(both), { name, clock, health, log }, signal);
  }

  /** Asking is also how a dead connection shows before the heartbeat is missed. */
  async #untilOtherConfig(source: KvReader, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { clock, contactIntervalMs } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(contactIntervalMs, signal);
      if (isAborted(signal)) return;
      const entry = await this.#ask(source, clusterConfigKey(this.#remote.cluster), signal);
      // A config that is gone is one whose writer restarts: nothing to act on.
      if (entry !== undefined && !Buffer.from(bytes).equals(entry.value)) return;
    }
  }

  #ask(source: KvReader, key: string, signal: AbortSignal): Promise<KvEntry | undefined> {
    const { clock, contactIntervalMs } = this.#deps;
    const ms = Math.max(shortestAnswerMs, 2 * contactIntervalMs);
    return withDeadline(
      { ms, what: `read ${key} of the remote store`, clock },
      (both) => source.get(key, both),
      signal,
    );
  }
}
