import {
  clusterOfIdentity,
  formatIp,
  isClusterIndependent,
  podNamespaceLabel,
  reservedIdentities,
} from '@clustermesh/wire';
import type { MaxConnectedClusters } from '@clustermesh/wire';

import type { IpcacheTable } from '../tables/ipcache-table.ts';
import { hostPrefix } from '../tables/prefix-index.ts';
import { prefixText } from '../status/prefix-text.ts';
import type { FlowParty } from './flow.ts';
import type { KnownSubject, PolicyView } from './policy-view.ts';
import type { OwnedAddress, PodNames } from './pod-names.ts';

export interface PartiesOptions {
  readonly policy: Pick<PolicyView, 'subjectOf' | 'networkOf' | 'resolver'>;
  readonly ipcache: Pick<IpcacheTable, 'find'>;
  readonly names: Pick<PodNames, 'nameOf'>;
  /** In whose range an address lies. */
  readonly ownerOf: (address: Uint8Array) => number | undefined;
  readonly nameOfCluster: (clusterId: number) => string;
  readonly local: { readonly id: number; readonly maxConnectedClusters: MaxConnectedClusters };
}

/** Identities of this node's own: of networks that policies name, and of pods that nobody publishes. */
const firstOfOwn = 0x0100_0000;

/** Who stands behind an address and an identity, in words. */
export class Parties {
  readonly #options: PartiesOptions;

  constructor(options: PartiesOptions) {
    this.#options = options;
  }

  /** @param judgedAs what the programs went by: an identity, or the subject of a pod of this node */
  party(address: Uint8Array, port: number, judgedAs: number): FlowParty {
    const { policy, names, nameOfCluster } = this.#options;
    const own = policy.subjectOf(address);
    const identity = own?.identity ?? this.#identityOf(address, judgedAs);
    const labels = this.#labels(own?.subject ?? identity);
    const pod = own ?? names.nameOf(address);
    return {
      address: formatIp(address),
      port,
      identity,
      cluster: nameOfCluster(this.#clusterId(address, identity, own)),
      namespace: pod?.namespace ?? namespaceOf(labels),
      pod: pod?.name ?? '',
      labels,
    };
  }

  /** For the names to be learnt; nothing where there is none, or where it is known without. */
  owned(address: Uint8Array, identity: number): OwnedAddress | undefined {
    const own = this.#options.policy.subjectOf(address);
    // Hosts and networks have no names of pods.
    if (own !== undefined || isClusterIndependent(identity) || identity >= firstOfOwn) return undefined;
    return { address, clusterId: this.#clusterId(address, identity, own) };
  }

  /** A packet that was dropped before anybody looked who sent it has no identities. */
  #identityOf(address: Uint8Array, judgedAs: number): number {
    return judgedAs === 0 ? (this.#options.ipcache.find(address, hostPrefix)?.identity ?? 0) : judgedAs;
  }

  #clusterId(address: Uint8Array, identity: number, own: KnownSubject | undefined): number {
    const { ipcache, ownerOf, local } = this.#options;
    if (own !== undefined) return local.id;
    const claimed = ipcache.find(address, hostPrefix)?.clusterId ?? 0;
    if (claimed !== 0) return claimed;
    const isOfCluster = !isClusterIndependent(identity) && identity < firstOfOwn;
    // A pod that its cluster does not publish is the world, and still is where it is.
    return isOfCluster ? clusterOfIdentity(identity, local.maxConnectedClusters) : (ownerOf(address) ?? 0);
  }

  #labels(identity: number): readonly string[] {
    const { policy } = this.#options;
    const reserved = reservedIdentities.get(identity);
    if (reserved !== undefined) return [`reserved:${reserved}`];
    const network = policy.networkOf(identity);
    if (network !== undefined) return ['reserved:world', `cidr:${prefixText(network.address, network.bits)}`];
    const labels = [...(policy.resolver.identity(identity)?.labels ?? [])];
    return labels.map(({ source, key, value }) => `${source}:${key}=${value}`);
  }
}

function namespaceOf(labels: readonly string[]): string {
  const start = `k8s:${podNamespaceLabel}=`;
  return labels.find((label) => label.startsWith(start))?.slice(start.length) ?? '';
}
