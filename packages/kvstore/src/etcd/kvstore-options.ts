import { MeshError, parseDuration } from '@clustermesh/runtime';

import type { WriteRate } from '../write-pace.ts';
import type { EtcdClientConfig } from './client-file.ts';
import type { EtcdTuning } from './etcd-kv-store.ts';

/** What Cilium's `--kvstore-opt` says (protocol.md §3.9). */
export interface KvstoreOptions {
  /** The path of an etcd client file, or where an etcd without TLS is; undefined: not said. */
  readonly at: string | EtcdClientConfig | undefined;
  /** Undefined: as fast as etcd takes them. */
  readonly writeRate: WriteRate | undefined;
  readonly tuning: EtcdTuning;
}

const known = [
  ...['etcd.config', 'etcd.address', 'etcd.qps', 'etcd.bootstrapQps', 'etcd.maxInflight', 'etcd.limit'],
  ...['etcd.keepaliveHeartbeat', 'etcd.keepaliveTimeout'],
] as const;
type Key = (typeof known)[number];
type Texts = ReadonlyMap<Key, string>;

/**
 * `KEY=VALUE,KEY=VALUE`, or a JSON object, as ConfigMaps of Cilium have it. Throws CONFIG_INVALID for a key or a value that
 * Cilium would not take either.
 */
export function parseKvstoreOptions(text: string): KvstoreOptions {
  const texts: Texts = new Map(pairs(text).map(([key, value]) => [knownKey(key), value]));
  const perSecond = count(texts, 'etcd.qps') ?? 0;
  const whileStarting = count(texts, 'etcd.bootstrapQps') ?? 0;
  const address = texts.get('etcd.address');
  const tuning = {
    maxInFlight: count(texts, 'etcd.maxInflight') || undefined,
    pageSize: count(texts, 'etcd.limit') || undefined,
    keepaliveMs: milliseconds(texts, 'etcd.keepaliveHeartbeat'),
    keepaliveTimeoutMs: milliseconds(texts, 'etcd.keepaliveTimeout'),
  };
  return {
    at: texts.get('etcd.config') ?? (address === undefined ? undefined : withoutTls(address)),
    writeRate: perSecond === 0 ? undefined : { perSecond, whileStarting: whileStarting || perSecond },
    tuning: Object.fromEntries(Object.entries(tuning).filter(([, value]) => value !== undefined)),
  };
}

function pairs(text: string): readonly (readonly [key: string, value: string])[] {
  if (text.trimStart().startsWith('{')) return pairsOfJson(text);
  const parts = text.split(',').filter((part) => part !== '');
  return parts.map((part) => {
    const [key = '', ...value] = part.split('=');
    return [key.trim(), value.join('=')];
  });
}

function pairsOfJson(text: string): readonly (readonly [key: string, value: string])[] {
  try {
    return Object.entries(JSON.parse(text) as object).map(([key, value]) => [key, String(value)]);
  } catch (cause) {
    throw new MeshError('CONFIG_INVALID', `--kvstore-opt: ${text} is no JSON object`, { cause });
  }
}

function knownKey(text: string): Key {
  const key = known.find((each) => each === text);
  if (key !== undefined) return key;
  const names = known.join(', ');
  throw new MeshError('CONFIG_INVALID', `--kvstore-opt: unknown option ${JSON.stringify(text)}; there are ${names}`);
}

/** 0: no limit. */
function count(texts: Texts, key: Key): number | undefined {
  const text = texts.get(key);
  if (text === undefined || /^\d{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new MeshError('CONFIG_INVALID', `--kvstore-opt: ${key} must be a number, not ${JSON.stringify(text)}`);
}

function milliseconds(texts: Texts, key: Key): number | undefined {
  const text = texts.get(key);
  if (text === undefined) return undefined;
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new MeshError('CONFIG_INVALID', `--kvstore-opt: ${key}: ${parsed.reason}`);
  if (parsed.value > 0) return parsed.value;
  throw new MeshError('CONFIG_INVALID', `--kvstore-opt: ${key} must be above 0`);
}

/** An address stands for an etcd that is reached without TLS; who wants TLS has a client file. */
function withoutTls(address: string): EtcdClientConfig {
  const endpoint = address.includes('://') ? address : `http://${address}`;
  if (!/^http:\/\/[^/]+:\d+\/?$/.test(endpoint) || URL.parse(endpoint) === null) {
    const problem = `etcd.address must be HOST:PORT, not ${JSON.stringify(address)}; for TLS give etcd.config`;
    throw new MeshError('CONFIG_INVALID', `--kvstore-opt: ${problem}`);
  }
  return { endpoints: [endpoint.replace(/\/$/, '')], tls: undefined, hostAliases: new Map() };
}
