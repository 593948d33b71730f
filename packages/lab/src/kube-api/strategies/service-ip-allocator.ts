import { IpRange, familyOf } from './ip-range.ts';
import type { IpFamily } from './ip-range.ts';

/** The cluster IPs of one cluster: a range of each IP family that it has. */
export class ServiceIpAllocator {
  readonly #ranges: readonly IpRange[];

  /** @param cidrs one or two, comma-separated, as kube-apiserver's flag has them; the first one's family is the default */
  constructor(cidrs: string) {
    this.#ranges = cidrs.split(',').map((cidr) => new IpRange(cidr));
  }

  get families(): readonly IpFamily[] {
    return this.#ranges.map(({ family }) => family);
  }

  /** For messages. */
  get cidrs(): string {
    return this.#ranges.map(({ cidr }) => cidr).join(', ');
  }

  contains(address: string): boolean {
    return this.#rangeOf(address)?.contains(address) === true;
  }

  isTaken(address: string): boolean {
    return this.#rangeOf(address)?.isTaken(address) === true;
  }

  /** Does nothing for what is not in the ranges. */
  take(address: string): void {
    if (this.contains(address)) this.#rangeOf(address)?.take(address);
  }

  release(address: string): void {
    this.#rangeOf(address)?.release(address);
  }

  /** A free address, without taking it; undefined when there is none, or no such family. */
  next(family: IpFamily): string | undefined {
    return this.#ranges.find((range) => range.family === family)?.next();
  }

  #rangeOf(address: string): IpRange | undefined {
    const family = familyOf(address);
    return this.#ranges.find((range) => range.family === family);
  }
}
