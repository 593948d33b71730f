const firstHost = 2; // .1 would be the node's
const lastHost = 254;

/** Addresses of one node's pods. A freed one rests as long as others are free: what still remembers it can forget. */
export class AddressPool {
  readonly #prefix: string;
  readonly #taken = new Set<string>();
  #next = firstHost;

  /** @param cidr a /24 */
  constructor(cidr: string) {
    this.#prefix = cidr.replace(/\.0\/24$/, '.');
  }

  /** Undefined when all are taken. */
  take(): string | undefined {
    for (let tries = firstHost; tries <= lastHost; tries++) {
      const address = `${this.#prefix}${this.#next}`;
      this.#next = this.#next === lastHost ? firstHost : this.#next + 1;
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      return address;
    }
    return undefined;
  }

  /** Marks an address that a pod had before this process started. */
  reserve(address: string): void {
    this.#taken.add(address);
  }

  free(address: string): void {
    this.#taken.delete(address);
  }
}
