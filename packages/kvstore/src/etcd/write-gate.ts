import { MeshError, aborted, isAborted } from '@clustermesh/runtime';

import type { EtcdConnection } from './connection.ts';
import type { EtcdAuth } from './etcd-auth.ts';

/** Is asked when authorisation is off, before anything is written: may turn it on. */
export type WhenAuthIsOff = (auth: EtcdAuth, signal: AbortSignal) => Promise<void>;

/**
 * Lets nothing be written to an etcd whose authorisation is off. An etcd that lost its data comes back without users at
 * the same address, so it is asked on each new connection, by the first who wants to write.
 */
export class WriteGate {
  readonly #connection: EtcdConnection;
  readonly #auth: EtcdAuth;
  readonly #whenOff: WhenAuthIsOff;
  #checkedEpoch: number | undefined;
  #checking: Promise<void> | undefined;

  constructor(connection: EtcdConnection, auth: EtcdAuth, whenOff: WhenAuthIsOff) {
    this.#connection = connection;
    this.#auth = auth;
    this.#whenOff = whenOff;
  }

  /** Resolves when the present connection may be written to; throws KV_UNAUTHENTICATED when it may not. */
  async pass(signal: AbortSignal): Promise<void> {
    while (this.#checkedEpoch !== this.#connection.epoch && !isAborted(signal)) {
      this.#checking ??= this.#check(signal).finally(() => (this.#checking = undefined));
      await Promise.race([this.#checking, aborted(signal)]);
    }
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { epoch } = this.#connection;
    if (!(await this.#auth.isEnabled(signal))) {
      await this.#whenOff(this.#auth, signal);
      if (!(await this.#auth.isEnabled(signal))) throw authIsOff();
    }
    // Lost meanwhile: nobody knows what answers now.
    if (epoch === this.#connection.epoch) this.#checkedEpoch = epoch;
  }
}

function authIsOff(): MeshError {
  const text =
    'write to etcd: its authorisation is off, so that every certificate of its CA could change what is written; ' +
    'has it lost its data?';
  return new MeshError('KV_UNAUTHENTICATED', text, { retryable: true });
}
