import { parseByteSize, ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

/** What one remote cluster may have in the cache, and how fast it may change it (I1). */
export interface RemoteLimits {
  readonly maxKeys: number;
  /** Of keys and values, with what etcd adds to each. */
  readonly maxBytes: number;
  readonly maxValueBytes: number;
  readonly maxChangesPerSecond: number;
  readonly maxBytesPerSecond: number;
}

export interface LimitSettings {
  readonly perRemote: RemoteLimits;
  /** By cluster name. */
  readonly overrides: ReadonlyMap<string, Partial<RemoteLimits>>;
  /** Of all remote clusters together. */
  readonly totalBytes: number;
}

const mebi = 1024 * 1024;

/**
 * Sized so that 200 clusters of 15,000 addresses each fit, or one of 500,000, and so that one remote alone cannot fill a
 * local etcd of 2 GiB with what it has and what it changed since the last compactions (docs/adr/0121).
 */
export const defaultLimits: LimitSettings = {
  perRemote: {
    maxKeys: 500_000,
    maxBytes: 256 * mebi,
    maxValueBytes: 1_535 * 1024,
    maxChangesPerSecond: 1_000,
    maxBytesPerSecond: mebi,
  },
  overrides: new Map(),
  totalBytes: 1_280 * mebi,
};

export function limitsOf(settings: LimitSettings, cluster: string): RemoteLimits {
  return { ...settings.perRemote, ...settings.overrides.get(cluster) };
}

const names = new Map<string, keyof RemoteLimits>([
  ['max-keys', 'maxKeys'],
  ['max-bytes', 'maxBytes'],
  ['max-value-bytes', 'maxValueBytes'],
  ['max-changes-per-second', 'maxChangesPerSecond'],
  ['max-bytes-per-second', 'maxBytesPerSecond'],
]);

/** `east/max-keys=1000000,west/max-bytes=512Mi` */
export function parseOverrides(text: string): Result<LimitSettings['overrides']> {
  const overrides = new Map<string, Partial<RemoteLimits>>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue;
    const match = /^([^/=]+)\/([^/=]+)=(.+)$/.exec(part);
    const name = names.get(match?.[2] ?? '');
    if (match === null || name === undefined) {
      return refuse(
        `"${part}" is no limit: write CLUSTER/NAME=VALUE, where NAME is one of ${[...names.keys()].join(', ')}`,
      );
    }
    const value = parseByteSize(match[3] ?? '');
    if (!value.ok) return value;
    const [, cluster = ''] = match;
    overrides.set(cluster, { ...overrides.get(cluster), [name]: value.value });
  }
  return ok(overrides);
}
