import type { Clock, Logger } from '@clustermesh/runtime';

import type { IdentityAllocator } from './allocator.ts';
import type { MeshIdentityClient } from './mesh-identity-client.ts';
import { markedUnused, unusedSince } from './mesh-identity.ts';
import type { Identity } from './mesh-identity.ts';

export interface CollectorDeps {
  readonly allocator: IdentityAllocator;
  readonly client: MeshIdentityClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** An identity stays that long after its last user went, milliseconds. */
  readonly graceMs: number;
}

interface Observation {
  /** Which mark on which object. */
  readonly mark: string;
  readonly sinceMs: number;
}

/**
 * Deletes identities that nobody uses. First it marks them, for every replica to see; a replica with a user takes the
 * mark off. What we have seen under one and the same mark for the whole grace period goes, on condition that it is
 * still as we saw it. Durations are our own: the replicas' wall clocks need not agree.
 */
export class IdentityCollector {
  readonly #deps: CollectorDeps;
  #observations: ReadonlyMap<string, Observation> = new Map();

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
  }

  /** Call only when every user is known. */
  async round(signal: AbortSignal): Promise<void> {
    const unused = [...this.#deps.allocator.unused()];
    this.#observations = new Map(unused.flatMap((identity) => this.#observe(identity)));
    for (const identity of unused) await this.#advance(identity, signal);
  }

  #observe({ object }: Identity): [string, Observation][] {
    const since = unusedSince(object);
    if (since === undefined) return [];
    const { name, uid } = object.metadata;
    const mark = `${uid ?? ''} ${since}`;
    const before = this.#observations.get(name);
    return [[name, before?.mark === mark ? before : { mark, sinceMs: this.#deps.clock.monotonicMs() }]];
  }

  async #advance({ number, object, text }: Identity, signal: AbortSignal): Promise<void> {
    const { allocator, client, clock, log, graceMs } = this.#deps;
    const observed = this.#observations.get(object.metadata.name);
    if (observed === undefined) {
      const marked = await client.replace(markedUnused(object, new Date(clock.now()).toISOString()), signal);
      if (marked !== undefined) allocator.upserted(marked);
    } else if (clock.monotonicMs() - observed.sinceMs >= graceMs && (await client.delete(object, signal))) {
      log.info({ identity: number, labels: text }, 'unused identity deleted');
      allocator.deleted(object);
    }
  }
}
