import { prefixText } from '@clustermesh/policy';
import { firstNetworkIdentity } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

export interface NumberedNetwork {
  readonly prefix: Prefix;
  readonly number: number;
}

/** An identity for each network that policies name, the same one as long as any agent of this node remembers it (I7). */
export class NetworkNumbers {
  readonly #byText = new Map<string, NumberedNetwork>();
  readonly #byNumber = new Map<number, NumberedNetwork>();
  #last = firstNetworkIdentity;

  get size(): number {
    return this.#byText.size;
  }

  get(number: number): Prefix | undefined {
    return this.#byNumber.get(number)?.prefix;
  }

  all(): Iterable<NumberedNetwork> {
    return this.#byText.values();
  }

  /** Found in the maps. */
  restore(prefix: Prefix, number: number): void {
    this.#keep({ prefix, number });
  }

  numberOf(prefix: Prefix): number {
    const known = this.#byText.get(prefixText(prefix));
    return known?.number ?? this.#keep({ prefix, number: this.#last + 1 });
  }

  release(prefix: Prefix): void {
    const known = this.#byText.get(prefixText(prefix));
    if (known === undefined) return;
    this.#byText.delete(prefixText(prefix));
    this.#byNumber.delete(known.number);
  }

  #keep(network: NumberedNetwork): number {
    this.#byText.set(prefixText(network.prefix), network);
    this.#byNumber.set(network.number, network);
    this.#last = Math.max(this.#last, network.number);
    return network.number;
  }
}
