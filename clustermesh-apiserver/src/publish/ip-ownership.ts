/**
 * Who owns an IP when several objects claim it: the first claimant, then the others in order of arrival
 * (protocol.md §7.4). A pod's IP may be used anew before the old pod's delete event comes.
 */
export class IpOwnership {
  /** Owner first, then those who wait. */
  readonly #claimantsByIp = new Map<string, string[]>();
  readonly #ipsByClaimant = new Map<string, ReadonlySet<string>>();

  ownerOf(ip: string): string | undefined {
    return this.#claimantsByIp.get(ip)?.[0];
  }

  /** The claimant now has exactly these IPs. Returns the IPs whose owner changed, gained ones before lost ones. */
  claim(claimant: string, ips: readonly string[]): readonly string[] {
    const before = this.#ipsByClaimant.get(claimant) ?? new Set<string>();
    const now = new Set(ips);
    if (now.size === 0) this.#ipsByClaimant.delete(claimant);
    else this.#ipsByClaimant.set(claimant, now);
    const gained = [...now].filter((ip) => !before.has(ip) && this.#join(ip, claimant));
    const lost = [...before].filter((ip) => !now.has(ip) && this.#leave(ip, claimant));
    return [...gained, ...lost];
  }

  release(claimant: string): readonly string[] {
    return this.claim(claimant, []);
  }

  ipsOf(claimant: string): Iterable<string> {
    return this.#ipsByClaimant.get(claimant) ?? [];
  }

  #join(ip: string, claimant: string): boolean {
    const claimants = this.#claimantsByIp.get(ip);
    if (claimants === undefined) this.#claimantsByIp.set(ip, [claimant]);
    else claimants.push(claimant);
    return claimants === undefined;
  }

  #leave(ip: string, claimant: string): boolean {
    const claimants = this.#claimantsByIp.get(ip) ?? [];
    const wasOwner = claimants[0] === claimant;
    const left = claimants.filter((other) => other !== claimant);
    if (left.length === 0) this.#claimantsByIp.delete(ip);
    else this.#claimantsByIp.set(ip, left);
    return wasOwner;
  }
}
