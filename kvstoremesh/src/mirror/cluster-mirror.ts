import type { KvReader } from '@clustermesh/kvstore';
import { aborted, runAll } from '@clustermesh/runtime';
import type { Health } from '@clustermesh/runtime';
import { canaryKey, clusterConfigKey, kindByName, kinds } from '@clustermesh/wire';
import type { ClusterConfig, ClusterName, KindName } from '@clustermesh/wire';

import { Canaries } from './canaries.ts';
import { emptySource } from './empty-source.ts';
import { KindMirror } from './kind-mirror.ts';
import type { MirrorDeps, MirrorSource } from './kind-mirror.ts';
import type { KindStatus } from '../status/status.ts';

/** Both tell of the backends of services. */
const successors: Readonly<Partial<Record<KindName, KindName>>> = {
  services: 'endpointslices',
  endpointslices: 'services',
};

/** All kinds of one remote cluster, mirrored into the local cache; outlives the connections to it. */
export class ClusterMirror {
  readonly #cluster: ClusterName;
  readonly #mirrors: readonly KindMirror[];
  readonly #local: MirrorDeps['local'];
  readonly #quota: MirrorDeps['quota'];
  #config: ClusterConfig | undefined;

  constructor(cluster: ClusterName, deps: MirrorDeps & { readonly health: Health }) {
    this.#cluster = cluster;
    this.#local = deps.local;
    this.#quota = deps.quota;
    this.#mirrors = kinds.map((kind) => {
      const health = deps.health.scope(`remote/${cluster}/cache/${kind.name}`);
      return new KindMirror(kind, cluster, { ...deps, health });
    });
  }

  get isComplete(): boolean {
    return this.#mirrors.every((mirror) => mirror.isComplete || this.#isOptional(mirror));
  }

  /** Entries that a limit keeps out, or keeps from being updated. */
  get notAdmitted(): number {
    return this.#mirrors.reduce((sum, mirror) => sum + mirror.notAdmitted, 0);
  }

  /** Asks for what was not admitted if it might be by now. Called now and then. */
  reviewLimits(): void {
    if (this.notAdmitted === 0) this.#quota.forgetRefusals();
    if (this.#quota.mayReadmit()) for (const mirror of this.#mirrors) mirror.readmit();
  }

  status(): Record<KindName, KindStatus> {
    const rows = this.#mirrors.map(({ kind, size, pending, isListed, isComplete }) => {
      const enabled = this.#config === undefined || kind.enabled(this.#config);
      return [kind.name, { count: size, pending, listed: isListed, synced: isComplete, enabled }] as const;
    });
    return Object.fromEntries(rows) as Record<KindName, KindStatus>;
  }

  /** Takes over what an earlier process left in the cache; once, before the first `run`. */
  async adopt(signal: AbortSignal): Promise<void> {
    for (const mirror of this.#mirrors) await mirror.adopt(this.#local, signal);
  }

  /** The writing side of all kinds, until abort. */
  async write(signal: AbortSignal): Promise<void> {
    await runAll(
      this.#mirrors.map((mirror) => (both) => mirror.write(both)),
      signal,
    );
  }

  /**
   * Until abort, or until contact is lost (thrown). Tells `onComplete` when every kind is. A kind starts when its
   * canary is in the source: before, keys that are not there yet would look deleted (I3).
   */
  async run(
    source: Pick<KvReader, 'watch'>,
    config: ClusterConfig,
    onComplete: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#config = config;
    const canaries = new Canaries();
    const complete = (): void => {
      if (this.isComplete) onComplete();
    };
    const mirrored = new Map(this.#mirrors.map(({ kind }) => [kind.name, Promise.withResolvers<undefined>()]));
    const jobs = this.#mirrors.map((mirror) => async (both: AbortSignal) => {
      const from = this.#sourceOf(mirror, source, config);
      if (from.canary !== undefined) await canaries.seen(from.canary, both);
      const successor = this.#successorOf(mirror, config);
      if (successor !== undefined) {
        await Promise.race([mirrored.get(successor.kind.name)?.promise, aborted(both)]);
        await successor.settled(both);
      }
      const onComplete = (): void => {
        mirrored.get(mirror.kind.name)?.resolve(undefined);
        complete();
      };
      if (!both.aborted) await mirror.run(from, onComplete, both);
    });
    const follow = (both: AbortSignal): Promise<void> => canaries.follow(source, this.#cluster, both);
    await runAll(config.capabilities.syncedCanaries ? [follow, ...jobs] : jobs, signal);
  }

  /** Deletes the copies of the kinds that may be withdrawn. Not while in `run`. */
  async revoke(signal: AbortSignal): Promise<void> {
    for (const mirror of this.#mirrors) if (mirror.kind.revocable) await mirror.revoke(signal);
  }

  /**
   * What the source publishes from now on in another kind: until that is here, copies of the old kind stay, or readers
   * would have neither (I4).
   */
  #successorOf({ kind, size }: KindMirror, config: ClusterConfig): KindMirror | undefined {
    if (size === 0 || kind.enabled(config)) return undefined;
    const name = successors[kind.name];
    return this.#mirrors.find((other) => other.kind.name === name && other.kind.enabled(config));
  }

  /** A source that is itself a copy may have its origin's mode and no slices, nor their canary (protocol.md §14). */
  #isOptional({ kind: { name } }: KindMirror): boolean {
    const config = this.#config;
    return name === 'endpointslices' && config?.capabilities.cached === true && kindByName.services.enabled(config);
  }

  /** What the source does not have is mirrored from nothing: deleted here, and yet announced (protocol.md §9.1). */
  #sourceOf(
    { kind }: KindMirror,
    store: Pick<KvReader, 'watch'>,
    config: ClusterConfig,
  ): MirrorSource & { canary?: string } {
    const { cached, syncedCanaries } = config.capabilities;
    const prefix = cached ? kind.cachePrefix(this.#cluster) : kind.statePrefix(this.#cluster);
    if (!kind.enabled(config)) return { store: emptySource, prefix, witnesses: [] };
    const configKey = clusterConfigKey(this.#cluster);
    if (!syncedCanaries) return { store, prefix, witnesses: [configKey] };
    const canary = canaryKey(this.#cluster, cached ? kind.cacheCanary : kind.stateCanary);
    return { store, prefix, witnesses: [configKey, canary], canary };
  }
}
