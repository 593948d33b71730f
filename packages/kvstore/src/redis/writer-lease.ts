import { randomBytes } from 'node:crypto';

import { MeshError, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

import { settleEstate } from './estate.ts';
import { Heirs } from './heirs.ts';
import { HeldKeys } from './held-keys.ts';
import { namespace } from './keyspace.ts';
import type { TransactionOp } from './packed-ops.ts';
import type { RedisLink } from './redis-link.ts';
import { registerScript } from './scripts.ts';
import { transact } from './transact.ts';
import type { Loss, Registration, StreamLimits } from './transact.ts';

export interface WriterLeaseOptions extends StreamLimits {
  /** How often the key is put again, and dead writers are looked for. */
  readonly renewMs: number;
}

export interface WriterLeaseDeps {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The key of one writer: it expires when the writer is dead. The keys that a dead writer wrote are settled by the
 * writers that live (`Heirs`); when none does, they stay, and readers are told that contact is lost.
 */
export class WriterLease {
  readonly limits: StreamLimits;
  readonly #renewMs: number;
  readonly #deps: WriterLeaseDeps;
  readonly #heirs: Heirs;
  readonly #listeners = new Set<(keys: readonly string[]) => void>();
  readonly #keys = new HeldKeys();
  #registration: Promise<Registration> | undefined;
  /** The server has forgotten commits of ours: keys may be there again that we have deleted. */
  #mayHaveRevived = false;
  #renewNow = new AbortController();

  constructor({ renewMs, ...limits }: WriterLeaseOptions, deps: WriterLeaseDeps) {
    this.limits = limits;
    this.#renewMs = renewMs;
    this.#deps = deps;
    this.#heirs = new Heirs(deps.log);
  }

  onLost(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ours, made by the first who asks. */
  async registration(): Promise<Registration> {
    this.#registration ??= this.#adopted(this.#register());
    return this.#registration;
  }

  /** Before these are written: whatever happens to them on the way, they are ours to put again. */
  begin(ops: readonly TransactionOp[]): void {
    for (const { kind, key } of ops) if (kind === 'put') this.#keys.add(key);
  }

  written(ops: readonly TransactionOp[], mine: Registration, revision: bigint): void {
    if (revision > mine.told) mine.told = revision;
    for (const { kind, key } of ops) if (kind === 'delete') this.#keys.delete(key);
  }

  /** Gives a registration up, once, for another. Tells whose keys have to be put again. */
  async lose(lost: Registration, loss: Loss): Promise<void> {
    const current = this.#registration;
    if (current === undefined || (await current) !== lost || this.#registration !== current) return;
    this.#deps.log.warn({ loss: loss.kind, keys: this.#keys.size }, 'registration as a writer lost');
    if (loss.kind === 'behind') {
      this.#mayHaveRevived = true;
      this.#registration = Promise.resolve({ ...lost, told: loss.wrote });
    } else {
      this.#registration = this.#adopted(this.#register());
    }
    this.#renewNow.abort();
    try {
      await this.#registration;
    } finally {
      this.#tell(this.#keys.all());
    }
  }

  /** Until abort: renews now and then, and at once after a loss. */
  async keepAlive(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    let reason: string | undefined;
    while (!signal.aborted) {
      this.#renewNow = new AbortController();
      await clock.sleep(this.#renewMs, AbortSignal.any([signal, this.#renewNow.signal]));
      if (isAborted(signal)) return;
      try {
        await this.renew();
        reason = undefined;
      } catch (error) {
        if (isAborted(signal)) return;
        if (reason !== describeError(error))
          log.warn({ reason: describeError(error) }, 'writer not renewed, will retry');
        reason = describeError(error);
        await clock.sleep(this.#renewMs / 2, signal);
      }
    }
  }

  /** Puts the key again, deletes what the server has brought back, and looks after what dead writers have left. */
  async renew(): Promise<void> {
    const { link, log } = this.#deps;
    const session = await link.session();
    const mine = await this.registration();
    const attempted = `renew the registration as a writer at ${link.description}`;
    const outcome = await transact(session, [], mine, { ...this.limits, attempted });
    if (typeof outcome !== 'bigint') {
      await this.lose(mine, outcome);
      return;
    }
    const heir = { heir: mine, holds: (key: string) => this.#keys.has(key), limits: this.limits };
    if (this.#mayHaveRevived) {
      const { deleted } = await settleEstate(session, { ...heir, from: mine.writer, deletes: true });
      this.#mayHaveRevived = false;
      log.warn({ deleted }, 'keys deleted that the server had brought back');
    }
    this.#tell(await this.#heirs.look(session, heir));
  }

  #tell(keys: readonly string[]): void {
    if (keys.length > 0) for (const tell of this.#listeners) tell(keys);
  }

  /** Not kept when it fails: the next who asks tries again. */
  #adopted(made: Promise<Registration>): Promise<Registration> {
    made.catch(() => {
      if (this.#registration === made) this.#registration = undefined;
    });
    return made;
  }

  async #register(): Promise<Registration> {
    const { link } = this.#deps;
    const [writer, newId] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
    const attempted = `register as a writer at ${link.description}`;
    const session = await link.session();
    const args = [namespace, newId, writer, this.limits.ttlSeconds * 1_000];
    const reply = await session.run(registerScript, args, attempted);
    if (!Buffer.isBuffer(reply)) throw new MeshError('KV_REFUSED', `${attempted}: it has no store id`);
    return { writer, storeId: reply.toString('latin1'), told: 0n };
  }
}
