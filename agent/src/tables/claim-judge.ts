import { chooseClaim, noClaimant, refineClaim } from './ipcache-claims.ts';
import type { IpcacheClaim, RangeOwners } from './ipcache-claims.ts';

export interface ClaimJudgeOptions {
  readonly localClusterId: number;
  readonly ranges: RangeOwners;
}

/** Who wins an address or prefix: by who claims it, and whose range it lies in. */
export class ClaimJudge {
  readonly #localClusterId: number;
  readonly #ranges: RangeOwners;

  constructor({ localClusterId, ranges }: ClaimJudgeOptions) {
    this.#localClusterId = localClusterId;
    this.#ranges = ranges;
  }

  /** Does the cluster win if nobody else claims it? */
  winsAlone(clusterId: number, address: Uint8Array, bits: number): boolean {
    if (clusterId === noClaimant || clusterId === this.#localClusterId) return true;
    return !this.#ranges.touchesLocal({ address, bits });
  }

  /** Of claims in order of arrival. */
  winner(claims: readonly IpcacheClaim[], address: Uint8Array, bits: number): IpcacheClaim | undefined {
    const own = claims.find(({ clusterId }) => clusterId === noClaimant);
    if (own === undefined) return this.#clusterWinner(claims, address, bits);
    const others = claims.filter((claim) => claim !== own);
    return refineClaim(this.#clusterWinner(others, address, bits), own);
  }

  #clusterWinner(claims: readonly IpcacheClaim[], address: Uint8Array, bits: number): IpcacheClaim | undefined {
    const [only] = claims;
    if (only === undefined) return undefined;
    if (claims.length === 1) return this.winsAlone(only.clusterId, address, bits) ? only : undefined;
    const isOurs = this.#ranges.touchesLocal({ address, bits });
    return chooseClaim(claims, this.#localClusterId, isOurs ? this.#localClusterId : this.#ranges.owner(address));
  }
}
