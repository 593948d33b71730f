import type { Codec } from './codec.ts';
import { boolean, goJson, string } from './go-json.ts';
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
}

export const freshnessCodec: Codec<Freshness> = goJson(
  struct<Freshness>({
    connected: ['connected', boolean],
    since: ['since', string],
    lastContact: ['lastContact', string],
    sourceRevision: ['sourceRevision', string],
    storeId: ['storeId', string],
  }),
);
