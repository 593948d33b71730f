import { noClaimant } from './ipcache-claims.ts';
import type { IpcacheClaim } from './ipcache-claims.ts';

/** How many claims lost against whom: kept up to date, because a hostile cluster can make them millions. */
export class LostClaims {
  readonly #counts = new Map<string, { readonly clusterId: number; readonly holderId: number; count: number }>();

  /** The claims of one row, of which the holder's is none that lost. */
  note(claims: readonly IpcacheClaim[], holderId: number): void {
    this.#change(claims, holderId, 1);
  }

  forget(claims: readonly IpcacheClaim[], holderId: number): void {
    this.#change(claims, holderId, -1);
  }

  counts(): Iterable<{ readonly clusterId: number; readonly holderId: number; readonly count: number }> {
    return this.#counts.values();
  }

  #change(claims: readonly IpcacheClaim[], holderId: number, by: number): void {
    for (const { clusterId } of claims) {
      if (clusterId === holderId || clusterId === noClaimant) continue;
      const key = `${clusterId}/${holderId}`;
      const entry = this.#counts.get(key) ?? { clusterId, holderId, count: 0 };
      entry.count += by;
      if (entry.count === 0) this.#counts.delete(key);
      else this.#counts.set(key, entry);
    }
  }
}
