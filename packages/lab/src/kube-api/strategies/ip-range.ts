import { BlockList, SocketAddress, isIPv4, isIPv6 } from 'node:net';

export type IpFamily = 'IPv4' | 'IPv6';

/** More than a lab has services, and a bound for the search in the wide ranges of IPv6. */
const largestSize = 2 ** 24;

/** Undefined for what is no address (`None`). */
export function familyOf(address: string): IpFamily | undefined {
  if (isIPv4(address)) return 'IPv4';
  return isIPv6(address) ? 'IPv6' : undefined;
}

/** Gives out addresses of one CIDR, each only once, and a released one as late as possible. */
export class IpRange {
  readonly cidr: string;
  readonly family: IpFamily;
  readonly #range = new BlockList();
  readonly #network: bigint;
  readonly #size: number;
  readonly #taken = new Set<string>();
  #cursor = 0;

  /** `cidr` such as `10.101.0.0/16` or `fd00:20:1::/112`. */
  constructor(cidr: string) {
    this.cidr = cidr;
    const [network = '', prefixLength = ''] = cidr.split('/');
    this.family = isIPv6(network) ? 'IPv6' : 'IPv4';
    this.#range.addSubnet(network, Number(prefixLength), blockFamily(this.family));
    const hostBits = addressBits(this.family) - Number(prefixLength);
    this.#size = Math.min(2 ** hostBits, largestSize);
    this.#network = (toNumber(network) >> BigInt(hostBits)) << BigInt(hostBits);
  }

  contains(address: string): boolean {
    return familyOf(address) === this.family && this.#range.check(address, blockFamily(this.family));
  }

  isTaken(address: string): boolean {
    return this.#taken.has(canonical(address));
  }

  take(address: string): void {
    this.#taken.add(canonical(address));
    this.#cursor = Number((toNumber(address) - this.#network) % BigInt(this.#size));
  }

  release(address: string): void {
    this.#taken.delete(canonical(address));
  }

  /** The next free address after the last one taken, without taking it; never the network's first or last. */
  next(): string | undefined {
    for (let step = 1; step <= this.#size; step++) {
      const offset = (this.#cursor + step) % this.#size;
      const address = toText(this.#network + BigInt(offset), this.family);
      if (offset !== 0 && offset !== this.#size - 1 && !this.#taken.has(address)) return address;
    }
    return undefined;
  }
}

function addressBits(family: IpFamily): number {
  return family === 'IPv4' ? 32 : 128;
}

function blockFamily(family: IpFamily): 'ipv4' | 'ipv6' {
  return family === 'IPv4' ? 'ipv4' : 'ipv6';
}

/** One text for one address: IPv6 has several. */
function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

function toNumber(address: string): bigint {
  const sum = (parts: readonly string[], base: bigint, prefix: string): bigint =>
    parts.reduce((total, part) => total * base + BigInt(prefix + part), 0n);
  if (isIPv4(address)) return sum(address.split('.'), 256n, '');
  const [head = '', tail] = address.split('::');
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const gap = Array<string>(8 - before.length - after.length).fill('0');
  return sum([...before, ...gap, ...after], 65_536n, '0x');
}

function toText(value: bigint, family: IpFamily): string {
  const digits = value.toString(16).padStart(addressBits(family) / 4, '0');
  if (family === 'IPv6') return canonical((digits.match(/.{4}/g) ?? []).join(':'));
  return (digits.match(/../g) ?? []).map((octet) => Number.parseInt(octet, 16)).join('.');
}
