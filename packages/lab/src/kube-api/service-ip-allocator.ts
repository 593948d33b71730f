import { BlockList, isIPv4 } from 'node:net';

/** Gives out IPv4 addresses of a service CIDR, each only once, and a released one as late as possible. */
export class ServiceIpAllocator {
  readonly cidr: string;
  readonly #range = new BlockList();
  readonly #network: number;
  readonly #size: number;
  readonly #taken = new Set<string>();
  #cursor = 0;

  /** `cidr` such as `10.101.0.0/16`. */
  constructor(cidr: string) {
    this.cidr = cidr;
    const [network = '', prefixLength = ''] = cidr.split('/');
    this.#range.addSubnet(network, Number(prefixLength));
    this.#size = 2 ** (32 - Number(prefixLength));
    this.#network = (toNumber(network) & -this.#size) >>> 0;
  }

  contains(address: string): boolean {
    return isIPv4(address) && this.#range.check(address);
  }

  isTaken(address: string): boolean {
    return this.#taken.has(address);
  }

  take(address: string): void {
    this.#taken.add(address);
    this.#cursor = (toNumber(address) - this.#network) % this.#size;
  }

  release(address: string): void {
    this.#taken.delete(address);
  }

  /** The next free address after the last one taken, without taking it; never the network's first or last. */
  next(): string | undefined {
    for (let step = 1; step <= this.#size; step++) {
      const offset = (this.#cursor + step) % this.#size;
      const address = toText(this.#network + offset);
      if (offset !== 0 && offset !== this.#size - 1 && !this.#taken.has(address)) return address;
    }
    return undefined;
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}
