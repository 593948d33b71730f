import { MeshError, isAborted } from '@clustermesh/runtime';

import type { RedisAddress } from './redis-address.ts';
import { serverTarget } from './redis-options.ts';
import type { RedisCredentials } from './redis-options.ts';
import { RedisSession } from './redis-session.ts';
import { openPrimary } from './sentinel.ts';
import { assertUsable } from './server-checks.ts';

export interface RedisLinkOptions {
  /** Asked before each connection. */
  readonly credentials: () => Promise<RedisCredentials>;
  readonly requestTimeoutMs: number;
}

/** The way to the one server, wherever it is: a connection for requests, made anew by the next one after it broke. */
export class RedisLink {
  readonly #address: RedisAddress;
  readonly #options: RedisLinkOptions;
  readonly #closing = new AbortController();
  #session: Promise<RedisSession> | undefined;

  constructor(address: RedisAddress, options: RedisLinkOptions) {
    this.#address = address;
    this.#options = options;
  }

  get description(): string {
    return this.#address.description;
  }

  get requestTimeoutMs(): number {
    return this.#options.requestTimeoutMs;
  }

  /** The shared connection. Callers keep it for what has to be answered by one server. */
  async session(): Promise<RedisSession> {
    const current = this.#session;
    if (current !== undefined && !(await current).ended) return current;
    if (this.#session === current) {
      const opening = this.dedicated();
      this.#session = opening;
      opening.catch(() => {
        if (this.#session === opening) this.#session = undefined;
      });
    }
    return this.#session ?? this.session();
  }

  /** A connection of the caller's own, for commands that block. */
  async dedicated(): Promise<RedisSession> {
    if (this.#closing.signal.aborted) throw this.#closed();
    try {
      const session = await this.#open();
      if (!isAborted(this.#closing.signal)) return session;
      session.close();
    } catch (error) {
      if (!isAborted(this.#closing.signal)) throw error;
    }
    throw this.#closed();
  }

  /** A connection that is being made is given up. */
  close(): void {
    this.#closing.abort();
    this.#session?.then(
      (session) => session.close(),
      () => undefined,
    );
  }

  async #open(): Promise<RedisSession> {
    const credentials = await this.#options.credentials();
    const dialling = { requestTimeoutMs: this.requestTimeoutMs, signal: this.#closing.signal };
    const [first] = this.#address.hosts;
    if (this.#address.primary !== undefined || first === undefined) {
      return openPrimary(this.#address, credentials, dialling);
    }
    const target = serverTarget(this.#address, first, credentials);
    const session = await RedisSession.open(target, dialling);
    return assertUsable(session, { mustBePrimary: false });
  }

  #closed(): MeshError {
    return new MeshError('KV_UNAVAILABLE', `connect to ${this.description}: this client is closed`, {
      retryable: true,
    });
  }
}
