import { parseIp } from '@clustermesh/wire';
import type { Backend } from './backend.ts';
import { matches, type Frontend } from './frontend.ts';
import type { SelectedFrontend } from './global-service.ts';
import { comparing, countPreferred, rankOf, type Preference, type RankedBackend } from './service-affinity.ts';

/** A backend, and by which number its holder knows it. */
export interface NumberedBackend {
  readonly backend: Backend;
  readonly id: number;
}

/**
 * A selected frontend that follows changes of single addresses: each costs a search and a shift in place, instead of
 * selecting thousands of backends again. The result is what selecting them all would give, unless a rule of traffic
 * distribution compares all backends with each other.
 */
export class LiveFrontend {
  readonly #frontend: Frontend;
  readonly #preference: Preference;
  readonly #compare: (left: RankedBackend, right: RankedBackend) => number;
  readonly #order: RankedBackend[];
  /** In the same order. */
  readonly #backends: Backend[];
  readonly #ids: number[];
  readonly #byAddress = new Map<string, RankedBackend[]>();

  /** `ids`: one a backend of the selected frontend, in its order. */
  constructor(selected: SelectedFrontend, preference: Preference, ids: readonly number[]) {
    this.#frontend = selected;
    this.#preference = preference;
    this.#compare = comparing(preference);
    this.#order = selected.backends.map((backend) => this.#rank(backend));
    this.#backends = [...selected.backends];
    this.#ids = [...ids];
    for (const ranked of this.#order) this.#list(ranked);
  }

  /** As it is until the next change. */
  get selected(): SelectedFrontend {
    return { ...this.#frontend, backends: this.#backends, count: countPreferred(this.#order) };
  }

  /** Of the selected backends, in their order. */
  get ids(): Uint32Array {
    return new Uint32Array(this.#ids);
  }

  /** Their numbers are these from now on. */
  setIds(ids: Uint32Array): void {
    for (let at = 0; at < ids.length; at++) this.#ids[at] = ids[at] ?? 0;
  }

  /**
   * What is at these addresses is what the pool has there, and nothing else. `idOf` is asked for the number of each that
   * comes, and told of the one that was in its place. Those that go are returned.
   */
  replace(
    addresses: ReadonlySet<string>,
    pool: Iterable<Backend>,
    idOf: (backend: Backend, before: NumberedBackend | undefined) => number,
  ): readonly NumberedBackend[] {
    const before = this.#take(addresses);
    for (const backend of pool) {
      if (!matches(this.#frontend, backend)) continue;
      this.#insert(backend, idOf(backend, before.get(backend.key)));
      before.delete(backend.key);
    }
    return [...before.values()];
  }

  #take(addresses: ReadonlySet<string>): Map<string, NumberedBackend> {
    const taken = new Map<string, NumberedBackend>();
    for (const address of addresses) {
      const key = keyOf(address);
      for (const ranked of this.#byAddress.get(key) ?? []) {
        const place = this.#placeOf(ranked);
        this.#order.splice(place, 1);
        this.#backends.splice(place, 1);
        const [id = 0] = this.#ids.splice(place, 1);
        taken.set(ranked.backend.key, { backend: ranked.backend, id });
      }
      this.#byAddress.delete(key);
    }
    return taken;
  }

  #insert(backend: Backend, id: number): void {
    const ranked = this.#rank(backend);
    const place = this.#placeOf(ranked);
    this.#order.splice(place, 0, ranked);
    this.#backends.splice(place, 0, backend);
    this.#ids.splice(place, 0, id);
    this.#list(ranked);
  }

  #rank(backend: Backend): RankedBackend {
    return { backend, rank: rankOf(backend, this.#preference) };
  }

  #list(ranked: RankedBackend): void {
    const key = ranked.backend.key.slice(0, addressLength);
    const listed = this.#byAddress.get(key);
    if (listed === undefined) this.#byAddress.set(key, [ranked]);
    else listed.push(ranked);
  }

  /** Where it stands, or is to stand. */
  #placeOf(ranked: RankedBackend): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#order[middle];
      if (there !== undefined && this.#compare(there, ranked) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Of a backend's key. */
const addressLength = 16;

function keyOf(address: string): string {
  const bytes = parseIp(address);
  return bytes === undefined ? '' : Buffer.from(bytes).toString('latin1');
}
