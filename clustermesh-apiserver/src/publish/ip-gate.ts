import { isClusterIndependent } from '@clustermesh/wire';
import type { IpIdentity } from '@clustermesh/wire';

import type { KindSink } from './kind-publisher.ts';

export interface IpSink extends KindSink<IpIdentity> {
  /** IPs that waited since the last call for an identity that nobody publishes wait no longer. */
  passOverdue(): void;
}

/**
 * Holds an IP back until the store has acknowledged the identity that it points to (I2). Identities that are the same
 * in every cluster are never published: nothing waits for them.
 */
export class IpGate implements IpSink {
  readonly #ips: KindSink<IpIdentity>;
  /** Published identities: is it in the store yet? */
  readonly #isWrittenByIdentity = new Map<string, boolean>();
  readonly #heldByName = new Map<string, IpIdentity>();
  readonly #heldNamesByIdentity = new Map<string, Set<string>>();
  /** Held for an unknown identity when `passOverdue` was called last. */
  #overdue: ReadonlyMap<string, IpIdentity> = new Map();
  /** Held when `synced` was called; undefined before. */
  #awaited: Set<string> | undefined;

  constructor(ips: KindSink<IpIdentity>) {
    this.#ips = ips;
  }

  /** While it is held, what was published before stays. */
  upsert(name: string, value: IpIdentity): void {
    this.#drop(name);
    const identity = `${value.id}`;
    if (isClusterIndependent(value.id) || this.#isWrittenByIdentity.get(identity) === true) {
      this.#pass(name, value);
    } else {
      this.#heldByName.set(name, value);
      const names = this.#heldNamesByIdentity.get(identity) ?? new Set();
      this.#heldNamesByIdentity.set(identity, names.add(name));
    }
  }

  delete(name: string): void {
    this.#drop(name);
    this.#ips.delete(name);
    this.#passed(name);
  }

  synced(): void {
    if (this.#awaited !== undefined) return;
    this.#awaited = new Set(this.#heldByName.keys());
    if (this.#awaited.size === 0) this.#ips.synced();
  }

  passOverdue(): void {
    for (const [name, value] of this.#overdue) {
      if (!this.#isHeldForNobody(name, value)) continue;
      this.#drop(name);
      this.#pass(name, value);
    }
    this.#overdue = new Map([...this.#heldByName].filter(([name, value]) => this.#isHeldForNobody(name, value)));
  }

  identityUpserted(identity: string): void {
    if (!this.#isWrittenByIdentity.has(identity)) this.#isWrittenByIdentity.set(identity, false);
  }

  identityDeleted(identity: string): void {
    this.#isWrittenByIdentity.delete(identity);
  }

  /** A late word of an identity that is deleted by now counts for nothing. */
  identityWritten(identity: string): void {
    if (this.#isWrittenByIdentity.get(identity) !== false) return;
    this.#isWrittenByIdentity.set(identity, true);
    const names = this.#heldNamesByIdentity.get(identity) ?? [];
    this.#heldNamesByIdentity.delete(identity);
    for (const name of names) {
      const value = this.#heldByName.get(name);
      if (value !== undefined) this.upsert(name, value);
    }
  }

  #drop(name: string): void {
    const value = this.#heldByName.get(name);
    if (value === undefined) return;
    this.#heldByName.delete(name);
    const names = this.#heldNamesByIdentity.get(`${value.id}`);
    names?.delete(name);
    if (names?.size === 0) this.#heldNamesByIdentity.delete(`${value.id}`);
  }

  #isHeldForNobody(name: string, value: IpIdentity): boolean {
    return this.#heldByName.get(name) === value && !this.#isWrittenByIdentity.has(`${value.id}`);
  }

  #pass(name: string, value: IpIdentity): void {
    this.#ips.upsert(name, value);
    this.#passed(name);
  }

  #passed(name: string): void {
    if (this.#awaited?.delete(name) === true && this.#awaited.size === 0) this.#ips.synced();
  }
}
