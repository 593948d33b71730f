import { HeartbeatWatch } from '@clustermesh/kvstore';
import type { KvEntry, KvReader, KvStore } from '@clustermesh/kvstore';
import { ScopedAbort, isAborted, runAll, withDeadline } from '@clustermesh/runtime';
import { clusterConfigKey, heartbeatKey } from '@clustermesh/wire';
import type { ClusterConfig } from '@clustermesh/wire';

import type { RemoteConfig } from '../directory/remote-file.ts';
import { noteAnswers } from './contact.ts';
import type { Contact } from './contact.ts';
import { pacedReader } from './paced-reader.ts';
import type { Pace } from './paced-reader.ts';
import { receiveClusterConfig } from './receive-cluster-config.ts';
import type { ReceiveDeps, ReceivedConfig } from './receive-cluster-config.ts';

/** What is done with a cluster that is reached. */
export interface SessionOwner {
  /** Its config is valid; whoever will not have it throws. */
  accept(received: ReceivedConfig, signal: AbortSignal): Promise<void>;
  /** Reads it until abort; throws when contact is lost. `onSynced`: all that it has is read. */
  follow(source: KvReader, config: ClusterConfig, onSynced: () => void, signal: AbortSignal): Promise<void>;
  /** A heartbeat that was not there before, of this session or an earlier one. */
  beat?(): void;
  /** The connection is given up because none came for two intervals. */
  beatMissed?(): void;
}

export interface SessionSettings {
  /** How often an idle source is asked whether it still answers. */
  readonly contactIntervalMs: number;
  readonly heartbeatIntervalMs: number;
}

export interface SessionDeps extends ReceiveDeps, SessionSettings {
  readonly connect: (remote: RemoteConfig, signal: AbortSignal) => Promise<KvStore>;
  readonly paceHeartbeats: Pace;
  readonly contact: Contact;
}

export interface SessionObserver {
  connected(): void;
  configured(config: ClusterConfig): void;
  synced(): void;
  configChanged(): void;
}

const connectTimeoutMs = 10_000;
const shortestAnswerMs = 5000;

/** One connection to a remote cluster, from dialling to its loss. Whatever it throws, nothing that was read goes. */
export class RemoteSession {
  readonly #remote: RemoteConfig;
  readonly #deps: SessionDeps;
  readonly #owner: SessionOwner;
  readonly #observer: SessionObserver;
  #isSyncedInSilence = false;

  constructor(remote: RemoteConfig, deps: SessionDeps, owner: SessionOwner, observer: SessionObserver) {
    this.#remote = remote;
    this.#deps = deps;
    this.#owner = owner;
    this.#observer = observer;
  }

  /** Until abort; throws when the connection cannot be made, is lost, or leads to a cluster that is refused. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, connect, contact, heartbeatIntervalMs, paceHeartbeats } = this.#deps;
    const options = { ms: connectTimeoutMs, what: `connect to ${this.#remote.endpoints.join(', ')}`, clock };
    await using store = await withDeadline(options, (both) => connect(this.#remote, both), signal);
    const source = noteAnswers(store, contact);
    const heartbeat = new HeartbeatWatch({ prefix: heartbeatKey, intervalMs: heartbeatIntervalMs }, clock);
    const beats = pacedReader(source, paceHeartbeats);
    const onBeat = (modRevision: bigint): void => {
      if (!contact.isNewBeat(modRevision)) return;
      this.#owner.beat?.();
      if (this.#isSyncedInSilence && !isAborted(signal)) this.#synced();
    };
    const listen = async (both: AbortSignal): Promise<void> => {
      try {
        await heartbeat.run(beats, both, onBeat);
      } catch (error) {
        if (heartbeat.ageMs >= 2 * heartbeatIntervalMs) {
          contact.beatMissed();
          this.#owner.beatMissed?.();
        }
        throw error;
      }
    };
    await runAll([listen, (both) => this.#follow(source, both)], signal);
  }

  async #follow(source: KvReader, signal: AbortSignal): Promise<void> {
    // Every user may read this key: it tells one without access from one of another cluster. It need not exist.
    await this.#ask(source, heartbeatKey, signal);
    this.#observer.connected();
    while (!signal.aborted) {
      const received = await receiveClusterConfig(source, this.#remote.cluster, this.#deps, signal);
      await this.#owner.accept(received, signal);
      this.#observer.configured(received.config);
      using changed = new ScopedAbort(signal);
      const jobs = [
        (both: AbortSignal) => this.#owner.follow(source, received.config, () => this.#synced(), both),
        (both: AbortSignal) => this.#untilOtherConfig(source, received.bytes, both).then(() => changed.abort()),
      ];
      await runAll(jobs, changed.signal);
      this.#isSyncedInSilence = false;
      if (!isAborted(signal)) this.#observer.configChanged();
    }
  }

  /** Everything is read; that it is up to date is believed only of a cluster whose heart beats. */
  #synced(): void {
    this.#isSyncedInSilence = this.#deps.contact.isSilent;
    if (!this.#isSyncedInSilence) this.#observer.synced();
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
