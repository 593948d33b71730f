import type { IpIdentity } from '@clustermesh/wire';

import type { KindSink } from './kind-publisher.ts';

/** Holds an IP back until the store has acknowledged the identity that it points to (I2). */
export class IpGate implements KindSink<IpIdentity> {
  readonly #ips: KindSink<IpIdentity>;
  /** Published identities: is it in the store yet? */
  readonly #isWrittenByIdentity = new Map<string, boolean>();
  readonly #heldByName = new Map<string, IpIdentity>();
  readonly #heldNamesByIdentity = new Map<string, Set<string>>();
  /** Held when `synced` was called; undefined before. */
  #awaited: Set<string> | undefined;

  constructor(ips: KindSink<IpIdentity>) {
    this.#ips = ips;
  }

  /** While it is held, what was published before stays. */
  upsert(name: string, value: IpIdentity): void {
    this.#drop(name);
    const identity = `${value.id}`;
    if (this.#isWrittenByIdentity.get(identity) === true) {
      this.#ips.upsert(name, value);
      this.#passed(name);
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
    this.#heldNamesByIdentity.get(`${value.id}`)?.delete(name);
  }

  #passed(name: string): void {
    if (this.#awaited?.delete(name) === true && this.#awaited.size === 0) this.#ips.synced();
  }
}
