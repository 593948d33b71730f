import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestEtcd } from '@clustermesh/testkit';

import type { Endpoint } from '../../floors/etcd.ts';
import { Child } from '../child.ts';
import type { StoreWatcher } from './store-watcher.ts';

export const cluster = { name: 'east', id: 1 };

export interface OwnEtcd extends AsyncDisposable {
  readonly endpoint: Endpoint;
  /** Go's etcd client file, for the apiserver. */
  readonly configFile: string;
  /** Sees what is committed under its prefixes. */
  readonly watcher: Child<StoreWatcher>;
}

/** As in deploy/manifests: how long it remembers, how it elects. */
const flags = [
  ...['--auto-compaction-mode', 'periodic', '--auto-compaction-retention', '10m'],
  ...['--heartbeat-interval', '50', '--election-timeout', '250'],
];

/** A cluster's own etcd, empty, with mutual TLS and its users; without fsync. */
export async function startOwnEtcd(dir: string, prefixes: readonly string[], signal: AbortSignal): Promise<OwnEtcd> {
  await using stack = new AsyncDisposableStack();
  const etcd = stack.use(await TestEtcd.start({ tls: true, flags }));
  const user = `admin-${cluster.name}`;
  const { certFile: cert, keyFile: key } = await etcd.ca.issue({ commonName: user });
  await etcd.ctl('user', 'add', 'root', '--no-password');
  await etcd.ctl('user', 'grant-role', 'root', 'root');
  await etcd.ctl('user', 'add', user, '--no-password');
  await etcd.ctl('user', 'grant-role', user, 'root');
  await etcd.ctl('auth', 'enable');
  const endpoint = { url: etcd.endpoint, tls: { ca: etcd.ca.certFile, cert, key } };
  const configFile = join(dir, 'etcd-config.yaml');
  const files = { 'trusted-ca-file': endpoint.tls.ca, 'cert-file': cert, 'key-file': key };
  await writeFile(configFile, JSON.stringify({ endpoints: [endpoint.url], ...files }));
  const watcher = stack.use(new Child<StoreWatcher>(new URL('./store-watcher.ts', import.meta.url), signal));
  await watcher.ask('open', { endpoint, prefixes });
  const all = stack.move();
  return { endpoint, configFile, watcher, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
