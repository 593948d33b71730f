import type { SimMaps } from './sim-maps.ts';
import type { Ledger } from './ledger.ts';

/** Whose traffic policy judges: nobody's, what crosses clusters, all of the pods'. */
export type PolicyScope = 'none' | 'mesh' | 'all';

/** Settings of the programs: bpf/README.md. Addresses have 16 bytes. */
export interface SimSettings {
  readonly localClusterId: number;
  readonly vxlanIfindex: number;
  readonly localUnderlay: Uint8Array;
  readonly localUnderlay6: Uint8Array;
  /** The largest packet of a pod that the tunnel takes over IPv4, from its IP header; 0: any. */
  readonly tunnelMtu: number;
  /** The same over IPv6. */
  readonly tunnelMtu6: number;
  readonly policyScope: PolicyScope;
  readonly hostNetnsCookie: bigint;
}

/** What every stage is given. */
export interface SimContext {
  readonly maps: SimMaps;
  readonly settings: SimSettings;
  readonly ledger: Ledger;
  /** CLOCK_MONOTONIC */
  readonly nowNs: () => bigint;
}
