import { MeshError, isAborted } from '@clustermesh/runtime';

import type { RedisTarget } from './redis-options.ts';
import { RedisSession } from './redis-session.ts';

/** The way to one server: a connection for requests, made anew by the next request after it broke. */
export class RedisLink {
  readonly #target: RedisTarget;
  readonly requestTimeoutMs: number;
  readonly #closing = new AbortController();
  #session: Promise<RedisSession> | undefined;

  constructor(target: RedisTarget, requestTimeoutMs: number) {
    this.#target = target;
    this.requestTimeoutMs = requestTimeoutMs;
  }

  get description(): string {
    return this.#target.description;
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
    const session = await RedisSession.open(this.#target, this.requestTimeoutMs);
    if (!isAborted(this.#closing.signal)) return session;
    session.close();
    throw this.#closed();
  }

  /** Does not wait for a connection that is being made: it is closed as soon as it is there. */
  close(): void {
    this.#closing.abort();
    this.#session?.then(
      (session) => session.close(),
      () => undefined,
    );
  }

  #closed(): MeshError {
    return new MeshError('KV_UNAVAILABLE', `connect to ${this.description}: this client is closed`, {
      retryable: true,
    });
  }
}
