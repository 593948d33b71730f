import { randomBytes } from 'node:crypto';

import { MeshError, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

import { names, namespace } from './keyspace.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisSession } from './redis-session.ts';
import { registerScript } from './scripts.ts';
import { sweepWriter } from './sweep.ts';
import type { Loss } from './transact.ts';

export interface WriterLeaseOptions {
  readonly ttlSeconds: number;
  /** What the sweep's own commits may leave in the stream. */
  readonly streamBytes: number;
}

export interface WriterLeaseDeps {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Who writes, and into which store. */
export interface Registration {
  readonly writer: string;
  readonly storeId: string;
}

/**
 * The key of one writer: it expires when the writer is dead. The keys that a dead writer wrote are deleted by the
 * writers that live; when none does, they stay, and readers are told that contact is lost.
 */
export class WriterLease {
  readonly #options: WriterLeaseOptions;
  readonly #deps: WriterLeaseDeps;
  readonly #listeners = new Set<(keys: readonly string[]) => void>();
  readonly #keys = new Set<string>();
  #registration: Promise<Registration> | undefined;

  constructor(options: WriterLeaseOptions, deps: WriterLeaseDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  onLost(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ours, made by the first who asks. */
  async registration(): Promise<Registration> {
    if (this.#registration === undefined) {
      const made = this.#register(randomBytes(8).toString('hex'));
      this.#registration = made;
      made.catch(() => {
        if (this.#registration === made) this.#registration = undefined;
      });
    }
    return this.#registration;
  }

  /** Written under this lease, until `release` or a loss. */
  hold(key: string): void {
    this.#keys.add(key);
  }

  release(key: string): void {
    this.#keys.delete(key);
  }

  /** Gives a registration up, once; the next commit makes another. Tells whose keys have to be put again. */
  async lose(lost: Registration, loss: Loss): Promise<void> {
    const current = this.#registration;
    if (current === undefined || (await current).writer !== lost.writer || this.#registration !== current) return;
    this.#registration = undefined;
    const keys = [...this.#keys];
    this.#keys.clear();
    this.#deps.log.warn({ loss, keys: keys.length }, 'registration as a writer lost');
    try {
      // Expired: what is left of it goes first. Behind: its key lives on, so that all is put again before a sweep.
      if (loss === 'writer') await this.#sweep(lost.writer, (await this.registration()).storeId);
    } finally {
      if (keys.length > 0) for (const tell of this.#listeners) tell(keys);
    }
  }

  /** Until abort, every third of the TTL: prolongs the key, then deletes what dead writers have left. */
  async keepAlive(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const periodMs = (this.#options.ttlSeconds * 1_000) / 3;
    let waitMs = periodMs;
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal);
      if (isAborted(signal)) return;
      try {
        await this.renew();
        waitMs = periodMs;
      } catch (error) {
        waitMs = Math.min(periodMs, 5_000);
        log.warn({ reason: describeError(error), waitMs }, 'registration as a writer not renewed, will retry');
      }
    }
  }

  async renew(): Promise<void> {
    const mine = await this.registration();
    const session = await this.#deps.link.session();
    const attempted = `renew the registration at ${this.#deps.link.description}`;
    const key = names.writer(mine.writer);
    if (Number(await session.call(['PEXPIRE', key, this.#options.ttlSeconds * 1_000], attempted)) === 0) {
      await this.lose(mine, 'writer');
    }
    const { storeId } = await this.registration();
    for (const writer of await deadWriters(session, attempted)) await this.#sweep(writer, storeId);
  }

  async #register(writer: string): Promise<Registration> {
    const { link } = this.#deps;
    const newId = randomBytes(8).toString('hex');
    const session = await link.session();
    const args = [namespace, newId, writer, this.#options.ttlSeconds * 1_000];
    const reply = await session.call(
      ['EVAL', registerScript, 0, ...args],
      `register as a writer at ${link.description}`,
    );
    if (!Buffer.isBuffer(reply)) {
      throw new MeshError('KV_REFUSED', `register as a writer at ${link.description}: it has no store id`);
    }
    return { writer, storeId: reply.toString('latin1') };
  }

  async #sweep(writer: string, storeId: string): Promise<void> {
    const session = await this.#deps.link.session();
    const keys = await sweepWriter(session, { writer, storeId, streamBytes: this.#options.streamBytes });
    this.#deps.log.warn({ writer, keys }, 'keys of a dead writer deleted');
  }
}

async function deadWriters(session: RedisSession, attempted: string): Promise<readonly string[]> {
  const writers = (await session.call(['SMEMBERS', names.writers], attempted)) as readonly Buffer[];
  const dead: string[] = [];
  for (const id of writers.map((bytes) => bytes.toString('latin1'))) {
    if (Number(await session.call(['EXISTS', names.writer(id)], attempted)) === 0) dead.push(id);
  }
  return dead;
}
