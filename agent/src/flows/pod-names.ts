import type { Clock } from '@clustermesh/runtime';
import { formatIp, kindByName } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import type { Published } from '../ingest/cluster-feed.ts';
import { keyText } from '../maps/address.ts';

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** An address, and whose cluster's it is. */
export interface OwnedAddress {
  readonly address: Uint8Array;
  readonly clusterId: number;
}

export interface PodNamesOptions {
  /** Of our own cluster too; undefined: no cluster of this name is connected. */
  readonly published: (cluster: string) => Published | undefined;
  readonly nameOfCluster: (clusterId: number) => ClusterName | '';
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** So many are remembered. */
const rememberedNames = 4_096;
/** An address may be another pod's after a while. */
const validMs = 30_000;
/** A name that is not there may be on its way. */
const noneMs = 2_000;
/** So many are asked for at once: a flood of addresses is a flood of look-ups. */
const askedAtOnce = 64;

interface Known {
  readonly pod: PodName | undefined;
  readonly untilMs: number;
}

/**
 * The names of pods that are not of this node, by address. They stand in the values of the store, and are read when a
 * flow is told: to keep three million of them for that would cost more than all else that is known of an address.
 */
export class PodNames {
  readonly #options: PodNamesOptions;
  /** In the order in which they were learnt. */
  readonly #known = new Map<string, Known>();

  constructor(options: PodNamesOptions) {
    this.#options = options;
  }

  /** Undefined while nobody has learnt it, and where there is none. */
  nameOf(address: Uint8Array): PodName | undefined {
    return this.#fresh(address)?.pod;
  }

  /** Those that are not known yet, as far as they can be read before abort. What fails is asked again later. */
  async learn(addresses: readonly OwnedAddress[], signal: AbortSignal): Promise<void> {
    const wanted = new Map(addresses.map((owned) => [keyText(owned.address), owned]));
    const unknown = [...wanted.values()].filter(({ address }) => this.#fresh(address) === undefined);
    await Promise.all(unknown.slice(0, askedAtOnce).map((owned) => this.#ask(owned, signal)));
  }

  async #ask(owned: OwnedAddress, signal: AbortSignal): Promise<void> {
    try {
      const pod = await this.#read(owned, signal);
      if (!signal.aborted) this.#remember(owned.address, pod);
    } catch {
      // Without its store an agent goes on; who fails there is told by those whose work it is.
    }
  }

  async #read({ address, clusterId }: OwnedAddress, signal: AbortSignal): Promise<PodName | undefined> {
    const published = this.#options.published(this.#options.nameOfCluster(clusterId));
    const keyName = formatIp(address);
    const entry = await published?.kv?.get(published.prefixOf('ip') + keyName, signal);
    if (published === undefined || entry === undefined) return undefined;
    const value = kindByName.ip.read(published.context, keyName, entry.value);
    if (!value.ok || value.value.k8sPodName === '') return undefined;
    return { namespace: value.value.k8sNamespace, name: value.value.k8sPodName };
  }

  #remember(address: Uint8Array, pod: PodName | undefined): void {
    const key = keyText(address);
    this.#known.delete(key);
    this.#known.set(key, { pod, untilMs: this.#options.clock.monotonicMs() + (pod === undefined ? noneMs : validMs) });
    const [oldest] = this.#known.keys();
    if (this.#known.size > rememberedNames && oldest !== undefined) this.#known.delete(oldest);
  }

  #fresh(address: Uint8Array): Known | undefined {
    const known = this.#known.get(keyText(address));
    return known !== undefined && known.untilMs > this.#options.clock.monotonicMs() ? known : undefined;
  }
}
