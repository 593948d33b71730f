import type { Codec } from './codec.ts';
import { boolean, goJson, string, uint32 } from './go-json.ts';
import { struct } from './go-struct.ts';

/** What a cache knows of its contact with one source cluster (I4). Ours: Cilium has no such key. */
export interface Freshness {
  readonly connected: boolean;
  /** RFC 3339: when `connected` last changed. */
  readonly since: string;
  /** RFC 3339: when the source last answered; '' when it never did. */
  readonly lastContact: string;
  /** Revision of the source up to which the cache is complete, decimal. */
  readonly sourceRevision: string;
  /** The source etcd's cluster id, lower-case hex. */
  readonly storeId: string;
  /**
   * RFC 3339: when this was written, by the writer's clock. It changes with every write, so that each one is a beat:
   * readers count from its arrival, by their own clocks. '' from writers that do not know it.
   */
  readonly writtenAt: string;
  /** Entries of the source that the cache does not take, because they are over a limit. */
  readonly overQuota: number;
}

export const freshnessCodec: Codec<Freshness> = goJson(
  struct<Freshness>({
    connected: ['connected', boolean],
    since: ['since', string],
    lastContact: ['lastContact', string],
    sourceRevision: ['sourceRevision', string],
    storeId: ['storeId', string],
    writtenAt: ['writtenAt', string],
    overQuota: ['overQuota', uint32],
  }),
);
