import { objectKey } from '@clustermesh/kube';
import type { ListWatchObserver, Pod } from '@clustermesh/kube';
import { identityLabels } from '@clustermesh/wire';
import type { IpIdentity } from '@clustermesh/wire';

import type { IdentityAllocator } from '../../identity/allocator.ts';
import { ipIdentity } from '../../map/ip-identity.ts';
import type { LocalCluster } from '../../map/local-cluster.ts';
import { podFacts } from '../../map/pod.ts';
import type { PodFacts } from '../../map/pod.ts';
import { IpOwnership } from '../../publish/ip-ownership.ts';
import type { KindSink } from '../../publish/kind-publisher.ts';
import { GroupedKeys } from '../grouped-keys.ts';
import type { NamespaceTable } from '../namespace-table.ts';

export interface PodEntriesDeps {
  readonly cluster: LocalCluster;
  readonly namespaces: NamespaceTable;
  readonly allocator: Pick<IdentityAllocator, 'use' | 'release' | 'numberOf'>;
  readonly sink: KindSink<IpIdentity>;
  /** Pods were listed, and each of them had its chance to get an identity. */
  readonly onSettled: () => void;
}

/** Pods -> IP entries: which pod has an IP, and which identity that pod has. */
export class PodEntries implements ListWatchObserver<Pod> {
  readonly #deps: PodEntriesDeps;
  readonly #pods = new Map<string, PodFacts>();
  readonly #podsByNamespace = new GroupedKeys();
  /** By the text of their label set. */
  readonly #podsByText = new GroupedKeys();
  readonly #ownership = new IpOwnership();
  /** Label sets that pods of the first listing wait for; undefined before it. */
  #awaited: Set<string> | undefined;

  constructor(deps: PodEntriesDeps) {
    this.#deps = deps;
    deps.namespaces.onChange((name) => {
      for (const key of this.#podsByNamespace.keysOf(name)) this.#refresh(key);
    });
  }

  upserted(pod: Pod): void {
    const key = objectKey(pod);
    const facts = podFacts(pod);
    if (facts === undefined) this.#pods.delete(key);
    else this.#pods.set(key, facts);
    this.#podsByNamespace.put(key, facts?.namespace);
    this.#refresh(key);
  }

  deleted(pod: Pod): void {
    const key = objectKey(pod);
    this.#pods.delete(key);
    this.#podsByNamespace.put(key, undefined);
    this.#refresh(key);
  }

  synced(): void {
    if (this.#awaited !== undefined) return;
    const { allocator } = this.#deps;
    this.#awaited = new Set([...this.#podsByText.groups()].filter((text) => allocator.numberOf(text) === undefined));
    if (this.#awaited.size === 0) this.#deps.onSettled();
  }

  /** The allocator knows a label set's number now, or that there is none. */
  settled(text: string): void {
    for (const key of this.#podsByText.keysOf(text)) this.#publishPod(key);
    if (this.#awaited?.delete(text) === true && this.#awaited.size === 0) this.#deps.onSettled();
  }

  /** Brings identity, ownership and entries of one pod in line with what is known of it now. */
  #refresh(key: string): void {
    const facts = this.#pods.get(key);
    const published = facts !== undefined && this.#deps.namespaces.isGlobal(facts.namespace) ? facts : undefined;
    this.#assignIdentity(key, published);
    const changed = this.#ownership.claim(key, published?.ips ?? []);
    // Not the ones gained: until their pod has an identity, what an earlier process published stays (I7).
    const lost = changed.filter((ip) => this.#ownership.ownerOf(ip) !== key);
    for (const ip of lost) if (!this.#publishIp(ip)) this.#deps.sink.delete(ip);
    this.#publishPod(key);
  }

  #assignIdentity(key: string, facts: PodFacts | undefined): void {
    const { allocator, cluster, namespaces } = this.#deps;
    const labels = facts && identityLabels(facts, namespaces.labelsOf(facts.namespace), cluster.name);
    const text = labels && allocator.use(labels, key);
    const before = this.#podsByText.put(key, text);
    if (before === undefined || before === text) return;
    allocator.release(before, key);
    if (this.#podsByText.keysOf(before).length === 0) this.settled(before);
  }

  /** While a pod waits for a new identity its entries stay as they are. */
  #publishPod(key: string): void {
    for (const ip of this.#ownership.ipsOf(key)) if (this.#ownership.ownerOf(ip) === key) this.#publishIp(ip);
  }

  /** False when there is nothing to publish under the IP now. */
  #publishIp(ip: string): boolean {
    const owner = this.#ownership.ownerOf(ip);
    const facts = owner === undefined ? undefined : this.#pods.get(owner);
    const text = owner === undefined ? undefined : this.#podsByText.groupOf(owner);
    const number = text === undefined ? undefined : this.#deps.allocator.numberOf(text);
    if (facts === undefined || number === undefined) return false;
    this.#deps.sink.upsert(ip, ipIdentity(ip, facts, number));
    return true;
  }
}
