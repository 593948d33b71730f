import type { KvReader } from '@clustermesh/kvstore';
import { hasCode, isAborted } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { freshnessCodec, freshnessKey } from '@clustermesh/wire';
import type { ClusterName, Freshness } from '@clustermesh/wire';

export interface ReadFreshnessOptions {
  readonly cluster: ClusterName;
  readonly intervalMs: number;
  readonly clock: Pick<Clock, 'sleep'>;
}

export interface FreshnessNews {
  /** `undefined`: it is gone. */
  readonly freshness: Freshness | undefined;
  /** Written since it was looked at before. */
  readonly isLive: boolean;
}

/**
 * What the mirror that fills a cache tells of one cluster, whenever that has changed, until abort. Ends at once where the
 * user may not read it: that is so in caches of Cilium (user `local`), whose mirrors tell nothing either.
 */
export async function* readFreshness(
  kv: Pick<KvReader, 'get'>,
  { cluster, intervalMs, clock }: ReadFreshnessOptions,
  signal: AbortSignal,
): AsyncGenerator<FreshnessNews> {
  let seen: Uint8Array | undefined;
  for (let isFirst = true; !isAborted(signal); isFirst = false) {
    const value = await read(kv, cluster, signal);
    if (value === 'denied') return;
    if (value === undefined && seen !== undefined) yield { freshness: undefined, isLive: true };
    if (value !== undefined && (seen === undefined || !Buffer.from(value).equals(seen))) {
      const decoded = freshnessCodec.decode(value);
      if (decoded.ok) yield { freshness: decoded.value, isLive: !isFirst };
    }
    seen = value;
    await clock.sleep(intervalMs, signal);
  }
}

async function read(
  kv: Pick<KvReader, 'get'>,
  cluster: ClusterName,
  signal: AbortSignal,
): Promise<Uint8Array | 'denied' | undefined> {
  try {
    return (await kv.get(freshnessKey(cluster), signal))?.value;
  } catch (error) {
    if (hasCode(error, 'KV_PERMISSION_DENIED')) return 'denied';
    throw error;
  }
}
