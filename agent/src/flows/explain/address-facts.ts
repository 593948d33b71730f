import { formatIp, isIpv4 } from '@clustermesh/wire';

import { lookUpIpcache } from '../../datapath/sim/ipcache-lookup.ts';
import type { NodeIndexes } from '../../datapath/addresses/node-indexes.ts';
import { keyText } from '../../maps/address.ts';
import type { DatapathMaps } from '../../maps/datapath-maps.ts';
import { decodeEndpoint } from '../../maps/endpoint.ts';
import { encodeHostKey, hostKeyLayout } from '../../maps/ipcache.ts';
import type { NodeProbe } from '../../probe/node-probe.ts';
import type { IpcacheEntry } from '../../status/agent-status.ts';
import type { NodeTable } from '../../tables/node-table.ts';
import type { EndpointRow, FlowPath, IpcacheRow } from './explanation.ts';

export interface AddressFactsOptions {
  readonly maps: Pick<DatapathMaps, 'ipc_host' | 'ipc_cidr' | 'ep_ip'>;
  readonly state: {
    readonly nodes: Pick<NodeTable, 'rows'>;
    readonly nodeIndexes: Pick<NodeIndexes, 'underlay' | 'clusterId'>;
  };
  readonly nodeProbe: Pick<NodeProbe, 'reports'>;
  /** As clusters claim it. */
  readonly entryOf: (address: Uint8Array) => IpcacheEntry | undefined;
  readonly nameOfCluster: (clusterId: number) => string;
  readonly localClusterId: number;
}

/** bpf/lib/identity.h: what nobody in the mesh has is the world. */
const worldIpv4 = 9;
const worldIpv6 = 10;

/** What tables and maps hold of an address. */
export class AddressFacts {
  readonly #options: AddressFactsOptions;

  constructor(options: AddressFactsOptions) {
    this.#options = options;
  }

  entry(address: Uint8Array): IpcacheEntry | undefined {
    return this.#options.entryOf(address);
  }

  row(address: Uint8Array): IpcacheRow | undefined {
    const { maps, state } = this.#options;
    const found = lookUpIpcache(maps, address);
    if (found === undefined) return undefined;
    const { identity, nodeIndex } = found;
    const host = new Uint8Array(hostKeyLayout.size);
    encodeHostKey(address, host);
    const map = maps.ipc_host.lookup(host) === undefined ? 'ipc_cidr' : 'ipc_host';
    return {
      map,
      identity,
      nodeIndex,
      nodeAddress: nodeIndex === 0 ? '' : formatIp(state.nodeIndexes.underlay(nodeIndex)),
    };
  }

  endpoint(address: Uint8Array): EndpointRow | undefined {
    const value = this.#options.maps.ep_ip.lookup(address);
    if (value === undefined) return undefined;
    const { ifindex, identity, subject } = decodeEndpoint(value);
    return { ifindex, identity, subject: subject === 0 ? identity : subject };
  }

  /** As the programs see it. */
  identityOf(address: Uint8Array): number {
    return this.row(address)?.identity ?? (isIpv4(address) ? worldIpv4 : worldIpv6);
  }

  /** Packets to and from it go through the tunnel. */
  isInOtherCluster(address: Uint8Array): boolean {
    const { state, localClusterId } = this.#options;
    const index = this.row(address)?.nodeIndex ?? 0;
    const clusterId = index === 0 ? 0 : state.nodeIndexes.clusterId(index);
    return clusterId !== 0 && clusterId !== localClusterId;
  }

  path(address: Uint8Array): FlowPath {
    const { state, nodeProbe, nameOfCluster } = this.#options;
    const row = this.row(address);
    const none = { cluster: '', node: '', nodeAddress: '', reachable: '', rttMs: 0 };
    if (row === undefined || row.nodeIndex === 0) return { kind: 'network', ...none };
    const underlay = state.nodeIndexes.underlay(row.nodeIndex);
    const node = [...state.nodes.rows()].find((each) => each.underlay && keyText(each.underlay) === keyText(underlay));
    const cluster = node?.cluster ?? nameOfCluster(state.nodeIndexes.clusterId(row.nodeIndex));
    const name = node?.name ?? '';
    const report = nodeProbe.reports().find((each) => each.cluster === cluster && each.node === name);
    return {
      kind: this.isInOtherCluster(address) ? 'tunnel' : 'network',
      cluster,
      node: name,
      nodeAddress: row.nodeAddress,
      reachable: report?.verdict ?? '',
      rttMs: report?.rttMs ?? 0,
    };
  }

  /** Where tables and maps do not say the same. */
  problems(address: Uint8Array): readonly string[] {
    const entry = this.entry(address);
    const row = this.row(address);
    const text = formatIp(address);
    if (entry === undefined || entry.state !== 'programmed') {
      return entry === undefined || entry.state === 'restored'
        ? []
        : [`${text} is ${entry.state}: the programs do not see it as it is claimed`];
    }
    if (row === undefined) return [`${text} is in no map, and should have identity ${entry.identity}`];
    if (row.identity === entry.identity) return [];
    return [`${text} has identity ${row.identity} in ${row.map}, and should have ${entry.identity}`];
  }
}
