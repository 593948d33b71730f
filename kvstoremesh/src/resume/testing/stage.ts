import { expect } from '@jest/globals';
import type { KvStore, ResumePoint } from '@clustermesh/kvstore';
import { systemClock } from '@clustermesh/runtime';
import { FaultProxy, eventually } from '@clustermesh/testkit';
import { canaryKey, clusterConfigKey, kinds } from '@clustermesh/wire';

import type { ClustersSource } from '@clustermesh/remote';

import type { KvstoremeshSettings } from '../../kvstoremesh.ts';
import { CacheReader } from './cache-reader.ts';
import type { CacheServer } from './cache-server.ts';
import { changesSince, pointOf } from './history.ts';
import { MeshProcess } from './mesh-process.ts';
import { QuickClock } from './quick-clock.ts';
import { SourceCluster } from './source-cluster.ts';

/** Long enough for a write that should not be there to show. */
const restMs = 200;

export interface StageServers {
  readonly cache: CacheServer;
  readonly etcd: { readonly port: number; readonly endpoint: string };
}

export interface StageOptions {
  /** Instead of one that is called `east` and needs no certificates. */
  readonly source?: SourceCluster;
  readonly connect?: (port: number, signal: AbortSignal) => Promise<KvStore>;
  readonly leaseTtlSeconds?: number;
  /** Of the mirrors' clocks. Where this process is busy, their deadlines would be over before it comes to answers. */
  readonly speed?: number;
  readonly settings?: Partial<KvstoremeshSettings>;
}

export type StartOptions = Partial<KvstoremeshSettings> & { readonly clusters?: ClustersSource };

/** A source, a kvstoremesh, the cache and one who reads it; and between each two a network that fails. */
export class Stage implements AsyncDisposable {
  readonly clock: QuickClock;
  /** Whom the cache has to follow. */
  source: SourceCluster;
  readonly cache: CacheServer;
  readonly sourceProxy: FaultProxy;
  readonly cacheProxy: FaultProxy;
  readonly reader: CacheReader;
  readonly #options: StageOptions;
  readonly #processes: MeshProcess[] = [];
  #marked: ResumePoint | undefined;

  private constructor(
    { source, cache }: { source: SourceCluster; cache: CacheServer },
    proxies: { source: FaultProxy; cache: FaultProxy },
    options: StageOptions,
  ) {
    this.source = source;
    this.cache = cache;
    this.sourceProxy = proxies.source;
    this.cacheProxy = proxies.cache;
    this.clock = new QuickClock(options.speed ?? 10);
    this.reader = new CacheReader(cache, this.clock);
    this.#options = options;
  }

  /** Nothing is published, and nobody mirrors. */
  static async open({ cache, etcd }: StageServers, options: StageOptions = {}): Promise<Stage> {
    const source = options.source ?? (await SourceCluster.open('east', etcd));
    const proxies = { source: await FaultProxy.listen(etcd.port), cache: await FaultProxy.listen(cache.port) };
    return new Stage({ source, cache }, proxies, options);
  }

  /** What a cache gets besides entries, of whatever cluster. */
  get announcements(): string[] {
    return [clusterConfigKey(this.source.name), ...this.canaries];
  }

  get canaries(): string[] {
    return kinds.map((kind) => canaryKey(this.source.name, kind.cacheCanary));
  }

  /** The one that was started last. */
  get process(): MeshProcess {
    const [last] = this.#processes.slice(-1);
    if (last === undefined) throw new Error('nobody mirrors');
    return last;
  }

  /** The next one to mirror. */
  async start({ clusters, ...settings }: StartOptions = {}): Promise<MeshProcess> {
    const { leaseTtlSeconds = 900, connect } = this.#options;
    const local = await this.cache.open({ session: true, leaseTtlSeconds, port: this.cacheProxy.port });
    const process = new MeshProcess({
      ...{ local, sourcePort: this.sourceProxy.port, clock: this.clock },
      settings: { ...this.#options.settings, ...settings },
      ...(clusters && { clusters }),
      ...(connect && { connect: (signal) => connect(this.sourceProxy.port, signal) }),
    });
    this.#processes.push(process);
    process.follow(this.source.name);
    return process;
  }

  /** As by a signal that it cannot catch: what it had not said by now, nobody hears. */
  async kill(process = this.process): Promise<void> {
    this.sourceProxy.refuse();
    this.cacheProxy.refuse();
    await this.end(process);
    this.sourceProxy.resume();
    this.cacheProxy.resume();
  }

  async end(process = this.process): Promise<void> {
    this.#processes.splice(this.#processes.indexOf(process), 1);
    await process.end();
  }

  /** Published, mirrored, read. */
  async ready(): Promise<void> {
    await this.source.publish();
    await this.start();
    await this.same();
    this.reader.follow(this.source.name);
    await this.seen();
    await this.mark();
  }

  /** The way to the source is cut, and the mirror knows. */
  async cutOff(): Promise<void> {
    this.sourceProxy.refuse();
    await eventually(() => expect(this.process.status(this.source.name)).toMatchObject({ connected: false }));
  }

  /** Another source is behind the same address. */
  async retarget(source: SourceCluster, port: number): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    this.source = source;
    this.sourceProxy.retarget(port);
    this.sourceProxy.cut();
  }

  /** `written` counts from here. */
  async mark(): Promise<void> {
    await using store = await this.cache.open({ session: false });
    this.#marked = await pointOf(store);
  }

  /** The mirror says that it is complete, and the cache has what the source has. */
  async same(): Promise<void> {
    await eventually(() => expect(this.process.status(this.source.name)).toMatchObject({ state: 'ready' }));
    await eventually(async () => expect(await this.content()).toEqual(new Map(this.source.entries)));
  }

  /** Who reads the cache sees what the source has. */
  async seen(): Promise<void> {
    await eventually(() => expect(this.reader.entries).toEqual(new Map(this.source.entries)));
    await eventually(() => expect(this.reader.state(this.source.name)).toBe('ready'));
  }

  /** Same and seen, and then the store was told exactly this, in any order; the reader lost what is deleted in it. */
  async expectWritten(want: readonly string[]): Promise<void> {
    await this.same();
    await this.seen();
    await systemClock.sleep(restMs);
    expect([...(await this.written())].sort()).toEqual([...want].sort());
    expect([...this.reader.deleted].sort()).toEqual(deletes(want));
  }

  /** In order. What is said of freshness, now and then, is not counted. */
  async written(): Promise<string[]> {
    if (this.#marked === undefined) throw new Error('nothing is marked');
    await using store = await this.cache.open({ session: false });
    const changes = await changesSince(store, this.#marked);
    return changes.filter((change) => change.slice(1).startsWith('cilium/'));
  }

  /** Entries of the source's cluster in the cache. */
  async content(): Promise<Map<string, string>> {
    await using store = await this.cache.open({ session: false });
    const entries = new Map<string, string>();
    for await (const { phase, events } of store.watch('cilium/cache/', {}, new AbortController().signal)) {
      for (const event of events) if (event.kind === 'put') entries.set(event.key, Buffer.from(event.value).toString());
      if (phase === 'list-done') break;
    }
    const prefixes = kinds.map((kind) => kind.cachePrefix(this.source.name));
    return new Map([...entries].filter(([key]) => prefixes.some((prefix) => key.startsWith(prefix))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.end();
    for (const process of this.#processes.splice(0)) await process.end();
    for (const closing of [this.sourceProxy, this.cacheProxy, this.source]) await closing[Symbol.asyncDispose]();
  }
}

/** The keys that changes delete, sorted. */
export function deletes(changes: readonly string[]): string[] {
  return changes
    .filter((change) => change.startsWith('-'))
    .map((change) => change.slice(1))
    .sort();
}

/** Without values: those of canaries are times. */
export function keysOf(changes: readonly string[]): string[] {
  return changes.map((change) => change.replace(/=.*$/s, '')).sort();
}
