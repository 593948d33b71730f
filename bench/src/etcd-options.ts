import { readFileSync } from 'node:fs';

import type { EtcdOptions } from '@clustermesh/kvstore';

import type { Endpoint } from '../floors/etcd.ts';

/** How our own client is told what a floor's client is told. */
export function etcdOptions({ url, tls }: Endpoint): Pick<EtcdOptions, 'endpoints' | 'tls'> {
  if (tls === undefined) return { endpoints: [url] };
  return {
    endpoints: [url],
    tls: { ca: readFileSync(tls.ca), cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
  };
}
