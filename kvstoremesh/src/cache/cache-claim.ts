import { Backoff, MeshError, aborted, describeError, retryLoop } from '@clustermesh/runtime';
import type { KvStore } from '@clustermesh/kvstore';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { cacheOwnerKey } from '@clustermesh/wire';

export interface CacheClaimDeps {
  readonly kv: KvStore;
  /** Of the store, for people. */
  readonly address: string;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

/** In health. */
export const cacheOwnerScope = 'cache-owner';
const lookMs = 5_000;

/**
 * One Redis database holds the cache of one cluster: two would delete each other's copies. Whoever mirrors says under one
 * key whose cache it is, and writes nothing to another's. The key goes when the other cluster's kvstoremesh has been gone
 * for as long as all that it wrote lives.
 */
export class CacheClaim {
  readonly #deps: CacheClaimDeps;
  readonly #held = Promise.withResolvers<undefined>();
  #problem: string | undefined = 'whose cache it is has not been looked at';
  /** Said under a lease that we still have. */
  #isSaid = false;

  constructor(deps: CacheClaimDeps) {
    this.#deps = deps;
    deps.kv.onLeaseLost((keys) => {
      if (keys.includes(cacheOwnerKey)) this.#isSaid = false;
    });
  }

  /** Why nothing is mirrored, as long as it is not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves when the cache is ours, or on abort. */
  async held(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#held.promise, aborted(signal)]);
  }

  /** Until abort: a Redis that has lost its data is told again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    const follow = async (both: AbortSignal, progressed: () => void): Promise<void> => {
      while (!both.aborted) {
        await this.#look(both);
        progressed();
        await clock.sleep(lookMs, both);
      }
    };
    const backoff = new Backoff({ baseMs: 200, capMs: lookMs, random });
    await retryLoop(follow, { ...this.#deps, name: cacheOwnerScope, backoff }, signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      await this.#claim(signal);
      this.#problem = undefined;
      this.#held.resolve(undefined);
    } catch (error) {
      if (this.#problem !== undefined) this.#problem = describeError(error);
      throw error;
    }
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { kv, address, cluster } = this.#deps;
    const found = await kv.get(cacheOwnerKey, signal);
    const owner = found === undefined ? undefined : Buffer.from(found.value).toString();
    if (owner !== undefined && owner !== cluster) {
      const advice = `each cluster needs a database of its own (--cache=${withoutDatabase(address)}/NUMBER)`;
      throw new MeshError(
        'KV_OTHER_OWNER',
        `mirror into ${address}: it holds the cache of cluster ${owner}; ${advice}`,
      );
    }
    if (owner === undefined || !this.#isSaid) await this.#say(signal);
  }

  async #say(signal: AbortSignal): Promise<void> {
    const { kv, cluster } = this.#deps;
    this.#isSaid = true; // a lease that is lost meanwhile makes it false again
    try {
      const { refused } = await kv.commit([{ kind: 'put', key: cacheOwnerKey, value: Buffer.from(cluster) }], signal);
      if (refused[0] !== undefined) throw refused[0].error;
    } catch (error) {
      this.#isSaid = false;
      throw error;
    }
  }
}

function withoutDatabase(address: string): string {
  return address.replace(/\/\d*$/, '');
}
