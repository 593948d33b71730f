import { EtcdKvStore } from '@clustermesh/kvstore';
import type { KvOp, KvStore } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { eventually } from '@clustermesh/testkit';
import { canaryKey, clusterConfigKey, heartbeatKey, kindByName, kinds } from '@clustermesh/wire';
import type { KindName } from '@clustermesh/wire';

import { name } from '../../testing/mesh-fixture.ts';

const never = new AbortController().signal;

export interface Published {
  readonly ip?: number;
  readonly services?: number;
}

/** What the apiserver of a cluster writes to its etcd, as far as a mirror can tell: names, bytes, order. */
export class SourceCluster implements AsyncDisposable {
  readonly name;
  readonly #writer: KvStore;
  /** Key in a cache -> value. */
  readonly #entries = new Map<string, string>();
  #beats = 0;

  /** Owns `writer`. */
  constructor(cluster: string, writer: KvStore) {
    this.name = name(cluster);
    this.#writer = writer;
  }

  static async open(cluster: string, etcd: { readonly endpoint: string }): Promise<SourceCluster> {
    const options = { endpoints: [etcd.endpoint], session: false };
    return new SourceCluster(cluster, await EtcdKvStore.open(options, { clock, random, log }, never));
  }

  /** What a cache has to hold of it, canaries and config aside. */
  get entries(): ReadonlyMap<string, string> {
    return this.#entries;
  }

  /** Its etcd has come to hold these, and not by us. */
  is(entries: ReadonlyMap<string, string>): void {
    this.#entries.clear();
    for (const [key, value] of entries) this.#entries.set(key, value);
  }

  /** Config, entries, canaries, heartbeat, in this order. */
  async publish(published: Published = {}): Promise<void> {
    await this.announce();
    await this.fill(published);
    await this.canaries();
    await this.beat();
  }

  async announce(): Promise<void> {
    await this.write(put(clusterConfigKey(this.name), '{"id":2,"capabilities":{"syncedCanaries":true}}'));
  }

  async fill({ ip = 30, services = 10 }: Published = {}): Promise<void> {
    const addresses = Array.from({ length: ip }, (_, at) => this.put('ip', `10.0.${at >> 8}.${at & 255}`, 'of 1'));
    const names = Array.from({ length: services }, (_, at) => this.put('services', `default/s${at}`, 'first'));
    const rest = [this.put('identities', '131073', 'k8s:app=a;'), this.put('nodes', 'n1', 'node')];
    await this.write(...rest, ...addresses, ...names);
  }

  /** All that it, or another of its name, has published so far: after a wipe, or as a replica. */
  async fillAs({ entries }: Pick<SourceCluster, 'entries'> = this): Promise<void> {
    const ops = kinds.flatMap((kind) => {
      const prefix = kind.cachePrefix(this.name);
      const own = [...entries].filter(([key]) => key.startsWith(prefix));
      return own.map(([key, value]) => this.put(kind.name, key.slice(prefix.length), value));
    });
    await this.write(...ops);
  }

  async canaries(): Promise<void> {
    const at = new Date().toISOString();
    await this.write(...kinds.map((kind) => put(canaryKey(this.name, kind.stateCanary), at)));
  }

  async beat(): Promise<void> {
    await this.write(put(heartbeatKey, String(this.#beats++)));
  }

  put(kind: KindName, keyName: string, value: string): KvOp {
    this.#entries.set(kindByName[kind].cachePrefix(this.name) + keyName, value);
    return put(kindByName[kind].statePrefix(this.name) + keyName, value);
  }

  delete(kind: KindName, keyName: string): KvOp {
    this.#entries.delete(kindByName[kind].cachePrefix(this.name) + keyName);
    return { kind: 'delete', key: kindByName[kind].statePrefix(this.name) + keyName };
  }

  /** In one revision, where etcd takes so much at once; as soon as it is up. */
  async write(...ops: readonly KvOp[]): Promise<void> {
    await eventually(() => this.#writer.commit(ops, never));
  }

  /** One entry each is changed, deleted and new; what a cache is then to be told. */
  async change(): Promise<string[]> {
    const ops = [
      this.put('services', 'default/s1', 'changed'),
      this.delete('ip', '10.0.0.2'),
      this.put('ip', '10.0.1.0', 'of 2'),
    ];
    for (const op of ops) await this.write(op);
    const cached = (kind: KindName): string => kindByName[kind].cachePrefix(this.name);
    return [`+${cached('ip')}10.0.1.0=of 2`, `+${cached('services')}default/s1=changed`, `-${cached('ip')}10.0.0.2`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}

function put(key: string, value: string): KvOp {
  return { kind: 'put', key, value: Buffer.from(value) };
}
