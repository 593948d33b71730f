import { MeshError } from '@clustermesh/runtime';

import type { WriteRate } from './publish/write-pace.ts';

/** What Cilium's `--kvstore-opt` can say (protocol.md §3.9), as far as it means something here. */
export interface KvstoreOptions {
  /** Path of the etcd client file. */
  readonly etcdConfig: string | undefined;
  readonly writeRate: WriteRate | undefined;
}

/** Of Cilium's client library: ours has its own ways, and a chart that sets them need not know. */
const withoutEffect = new Set(['etcd.maxInflight', 'etcd.limit', 'etcd.keepaliveHeartbeat', 'etcd.keepaliveTimeout']);

/** `KEY=VALUE,KEY=VALUE`. Throws CONFIG_INVALID for a key or a value that Cilium would not take either. */
export function parseKvstoreOptions(text: string): KvstoreOptions {
  const options = new Map<string, string>();
  for (const part of text.split(',').filter((each) => each !== '')) {
    const [key = '', ...value] = part.split('=');
    if (!isKnown(key)) throw new MeshError('CONFIG_INVALID', `--kvstore-opt: unknown option ${JSON.stringify(key)}`);
    options.set(key, value.join('='));
  }
  const perSecond = count(options, 'etcd.qps');
  const whileStarting = count(options, 'etcd.bootstrapQps');
  const writeRate = perSecond === 0 ? undefined : { perSecond, whileStarting: whileStarting || perSecond };
  return { etcdConfig: options.get('etcd.config'), writeRate };
}

function isKnown(key: string): boolean {
  return ['etcd.config', 'etcd.qps', 'etcd.bootstrapQps'].includes(key) || withoutEffect.has(key);
}

/** 0: no limit. */
function count(options: ReadonlyMap<string, string>, key: string): number {
  const text = options.get(key) ?? '0';
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new MeshError('CONFIG_INVALID', `--kvstore-opt: ${key} must be a number, not ${JSON.stringify(text)}`);
}
