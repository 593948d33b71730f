import type { RemoteLimits } from '../limits/remote-limits.ts';
import type { Malformed, Refusal, RemoteQuota } from '../limits/remote-quota.ts';

/** What one remote cluster may use, uses and is denied. */
export interface QuotaStatus {
  readonly limits: RemoteLimits;
  readonly keys: number;
  readonly bytes: number;
  /** Entries that are not mirrored, or not in their newest value, because of a limit. */
  readonly overQuota: number;
  /** One line that says so; '' when there are none. */
  readonly reason: string;
  readonly refusal: Refusal | undefined;
  /** Since the start. */
  readonly refusals: number;
  readonly malformed: Malformed;
  readonly isThrottled: boolean;
  /** Since the start. */
  readonly throttledMs: number;
}

export function quotaStatus(quota: RemoteQuota, overQuota: number): QuotaStatus {
  const { limits, keys, bytes, refusals, malformed, isThrottled, throttledMs } = quota;
  const refusal = overQuota === 0 ? undefined : quota.refusal;
  const reason = quota.explain(overQuota);
  return { limits, keys, bytes, overQuota, reason, refusal, refusals, malformed, isThrottled, throttledMs };
}

/** The part of `GET /v1/cluster` that tells of it. */
export interface QuotaJson {
  readonly limits: Readonly<Record<string, number>>;
  readonly usage: { readonly keys: number; readonly bytes: number };
  readonly 'over-quota'?: {
    readonly count: number;
    readonly reason: string;
    readonly limit: string;
    readonly kind: string;
    readonly example: string;
    readonly refusals: number;
  };
  readonly malformed?: Malformed;
  readonly throttled?: { readonly pending: number; readonly seconds: number };
}

export function quotaJson(quota: QuotaStatus, pending: number): QuotaJson {
  const { limits, keys, bytes, overQuota, reason, refusal, refusals, malformed, isThrottled, throttledMs } = quota;
  return {
    limits: {
      'max-keys': limits.maxKeys,
      'max-bytes': limits.maxBytes,
      'max-value-bytes': limits.maxValueBytes,
      'max-changes-per-second': limits.maxChangesPerSecond,
      'max-bytes-per-second': limits.maxBytesPerSecond,
    },
    usage: { keys, bytes },
    ...(refusal && { 'over-quota': { count: overQuota, reason, ...refusal, refusals } }),
    ...(malformed.count > 0 && { malformed }),
    ...(isThrottled && { throttled: { pending, seconds: Math.round(throttledMs / 1_000) } }),
  };
}
