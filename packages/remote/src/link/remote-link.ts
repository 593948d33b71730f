import { MeshError, ScopedAbort, aborted, isAborted } from '@clustermesh/runtime';
import type { Health, Logger, Random } from '@clustermesh/runtime';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

import type { RemoteConfig, RemoteFile } from '../directory/remote-file.ts';
import { Contact } from './contact.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';
import { RemoteClusterRecord } from './remote-cluster-record.ts';
import type { LastFailure } from './remote-cluster-record.ts';
import type { RemoteClusterState } from './remote-cluster-state.ts';
import { RemoteSession } from './remote-session.ts';
import type { SessionDeps, SessionOwner, SessionSettings } from './remote-session.ts';

export type LinkSettings = SessionSettings & Pick<SessionDeps, 'maxConnectedClusters'>;

export interface LinkDeps extends Pick<SessionDeps, 'connect' | 'paceHeartbeats' | 'clock'> {
  /** Finds a better error for a failed connection; may look at the network. */
  readonly explain: (remote: RemoteConfig, error: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly settings: LinkSettings;
  /** For so long a file may be gone, and come back, without an end to anything. */
  readonly graceMs?: number;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

/** Who reads what the link leads to, and wants to know how it stands. */
export interface LinkOwner extends SessionOwner {
  /** A cluster with an acceptable config is read now, or no longer. May be told the same twice. */
  setConnected(connected: boolean): void;
  /** An attempt failed, and the next one has not begun. */
  failed?(signal: AbortSignal): Promise<void>;
  /** The file is gone; the grace begins when this is done. */
  leaving?(signal: AbortSignal): Promise<void>;
}

/**
 * The way to one remote cluster, as its file says: dialled, and dialled again for as long as there is a file
 * (docs/spec/remote-cluster.md). What was read stays with the owner, whatever happens here (I3, I4).
 */
export class RemoteLink {
  readonly contact: Contact;
  readonly #deps: LinkDeps;
  readonly #owner: LinkOwner;
  readonly #record: RemoteClusterRecord;
  #file: RemoteFile | undefined;
  /** Aborted when the file changes: the next attempt begins with the new one. */
  #attempt: ScopedAbort | undefined;
  /** Of the file that is gone. */
  #returned = new AbortController();
  #mayReturn: boolean;

  /** Without a file: a cluster whose removal an earlier process has begun. */
  constructor(name: ClusterName, file: RemoteFile | undefined, deps: LinkDeps, owner: LinkOwner) {
    const { clock, log, health } = deps;
    this.contact = new Contact(clock);
    this.#deps = deps;
    this.#owner = owner;
    this.#file = file;
    this.#mayReturn = deps.graceMs !== undefined;
    this.#record = new RemoteClusterRecord({ clock, log, health: health.scope(`remote/${name}/connection`) });
    if (file === undefined) this.#record.happened('file-removed');
  }

  /** None once the file is gone, or while it cannot be read. */
  get endpoints(): readonly string[] {
    return this.#file?.config.ok === true ? this.#file.config.value.endpoints : [];
  }

  get state(): RemoteClusterState {
    return this.#record.state;
  }

  /** The newest that was accepted. */
  get config(): ClusterConfig | undefined {
    return this.#record.config;
  }

  get wasReady(): boolean {
    return this.#record.wasReady;
  }

  /** Since the start. */
  get failures(): number {
    return this.#record.failures;
  }

  get lastFailure(): LastFailure | undefined {
    return this.#record.lastFailure;
  }

  /**
   * The file as it is now; undefined when it is gone. The same content changes nothing (protocol.md §5.8), nor do renewed
   * certificates: the next handshake reads them. Only who waits after a failure tries at once whether they help.
   */
  update(file: RemoteFile | undefined): void {
    const before = this.#file;
    if (this.#isLate(file)) return;
    this.#file = file;
    const mayHelp = file?.certificates !== before?.certificates && this.state === 'waiting';
    if (file?.hash === before?.hash && !mayHelp) return;
    this.#record.happened(file === undefined ? 'file-removed' : 'file-changed');
    this.#attempt?.abort();
    if (before === undefined) this.#returned.abort();
  }

  /** Until there has been no file for the grace, or until abort. */
  async run(signal: AbortSignal): Promise<void> {
    do {
      while (this.#file !== undefined && !signal.aborted) {
        using attempt = new ScopedAbort(signal);
        this.#attempt = attempt;
        await this.#try(this.#file, attempt.signal);
        this.#setConnected(false);
      }
    } while (await this.#returns(signal));
  }

  /** Once the file is gone only one that comes back in time is news. */
  #isLate(file: RemoteFile | undefined): boolean {
    return this.#file === undefined && (file === undefined || !this.#mayReturn);
  }

  #hasFile(): boolean {
    return this.#file !== undefined;
  }

  async #returns(signal: AbortSignal): Promise<boolean> {
    const { clock, graceMs = 0 } = this.#deps;
    if (isAborted(signal)) return false;
    this.#returned = new AbortController();
    if (this.#hasFile()) return true;
    const both = AbortSignal.any([signal, this.#returned.signal]);
    await this.#owner.leaving?.(both);
    if (graceMs > 0) await clock.sleep(graceMs, both);
    if (isAborted(signal)) return false;
    if (this.#hasFile()) return true;
    this.#mayReturn = false;
    this.#record.happened('grace-over');
    return false;
  }

  /** Nothing is left of what was read over a link whose file is gone. */
  drained(): void {
    this.#record.happened('drained');
  }

  async #try(file: RemoteFile, signal: AbortSignal): Promise<void> {
    if (!file.config.ok) {
      this.#record.failed(new MeshError('CONFIG_INVALID', file.config.reason), 'file-unusable');
      await aborted(signal);
      return;
    }
    const remote = file.config.value;
    const session = new RemoteSession(remote, this.#sessionDeps(), this.#owner, {
      connected: () => this.#record.happened('connected'),
      configured: (config) => this.#configured(config),
      synced: () => this.#synced(),
      configChanged: () => this.#record.happened('config-changed'),
    });
    try {
      await session.run(signal);
    } catch (error) {
      if (!isAborted(signal)) await this.#failed(remote, error, signal);
    }
  }

  #sessionDeps(): SessionDeps {
    const { settings, connect, paceHeartbeats, clock } = this.#deps;
    return { ...settings, connect, paceHeartbeats, clock, contact: this.contact };
  }

  #configured(config: ClusterConfig): void {
    this.#record.configured(config);
    if (!this.contact.isSilent) this.#setConnected(true);
  }

  #synced(): void {
    this.#record.happened('synced');
    this.#setConnected(true);
  }

  #setConnected(connected: boolean): void {
    this.contact.setConnected(connected);
    this.#owner.setConnected(connected);
  }

  async #failed(remote: RemoteConfig, error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, random, explain } = this.#deps;
    this.#record.happened('failed');
    this.#setConnected(false);
    const cause = await explain(remote, error, signal).catch((other: unknown) => other);
    if (isAborted(signal)) return;
    this.#record.failed(cause, 'failed');
    await this.#owner.failed?.(signal);
    await clock.sleep(reconnectDelayMs(this.#record.failuresInRow, cause, random), signal);
    this.#record.happened('retry');
  }
}
