import { endpointsOfService, endpointsOfSlice } from '@clustermesh/select';
import { coveredPrefix, formatIp, isIpv4, numericIdentity } from '@clustermesh/wire';
import type {
  ClusterEndpointSlice,
  ClusterService,
  IpEntry,
  LabelArray,
  MeshNode,
  Prefix,
  SourceContext,
} from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { podPrefixes } from '../tables/node-table.ts';
import { keyedPrefix } from './keyed-prefix.ts';
import { managedByLabel, meshController, serviceNameLabel } from './kept-fields.ts';

/** Where validated entries of one kind and cluster go. Key names are what follows the kind's prefix. */
export interface Sink<T> {
  /** Why the value is not believed, beside what its kind itself refuses. */
  check?(value: T): string | undefined;
  /** The reason why there is no room for it, if any: it is offered again later. */
  upserted(keyName: string, value: T): string | undefined;
  /** Might there be room for what was not taken? Absent: always. */
  hasRoom?(): boolean;
  deleted(keyName: string): void;
}

export function nodeSink(state: MeshState, { cluster, clusterId }: SourceContext): Sink<MeshNode> {
  return {
    check: (node) => podPrefixes(node).map(tooWide).find(Boolean),
    // Annotations are the most of a node, and nobody reads them.
    upserted: (_name, node) => state.upsertNode(clusterId, { ...node, annotations: null }),
    hasRoom: () => state.hasRoomForNodes(clusterId),
    deleted: (name) => state.removeNode(cluster, name),
  };
}

export function identitySink(state: MeshState, { clusterId }: SourceContext): Sink<LabelArray> {
  return {
    upserted: (name, labels) => {
      const identity = numericIdentity(name);
      if (!identity.ok) return identity.reason;
      state.upsertIdentity(clusterId, identity.value, labels);
      return undefined;
    },
    deleted: (name) => {
      const identity = numericIdentity(name);
      if (identity.ok) state.removeIdentity(identity.value);
    },
  };
}

export function ipSink(state: MeshState, { clusterId }: SourceContext): Sink<IpEntry> {
  return {
    check: tooWide,
    upserted: (_name, entry) => state.upsertIp(clusterId, entry),
    hasRoom: () => state.hasRoomForIps(clusterId),
    deleted: (name) => {
      const prefix = coveredPrefix(keyedPrefix(name));
      if (prefix !== undefined) state.removeIp(clusterId, prefix);
    },
  };
}

export function serviceSink(state: MeshState, source: SourceContext): Sink<ClusterService> {
  const { remote } = state.services;
  return {
    upserted: (name, service) => {
      remote.setEntry(source, name, endpointsOfService(service));
      return undefined;
    },
    deleted: (name) => remote.setEntry(source, name, undefined),
  };
}

/** What a mesh made of other clusters' backends comes to us from those clusters themselves. */
export function sliceSink(state: MeshState, source: SourceContext): Sink<ClusterEndpointSlice> {
  const { remote } = state.services;
  return {
    upserted: (name, slice) => {
      const service = slice.labels[serviceNameLabel] ?? '';
      const isUsed = service !== '' && slice.labels[managedByLabel] !== meshController;
      const row = isUsed && { service: `${slice.namespace}/${service}`, endpoints: endpointsOfSlice(slice) };
      remote.setSlice(source, name, row || undefined);
      return undefined;
    },
    deleted: (name) => remote.setSlice(source, name, undefined),
  };
}

/** No node has more addresses than these networks; whoever claims a wider one claims everybody's. */
const widestIpv4 = 96 + 12;
const widestIpv6 = 40;

function tooWide({ address, bits }: Prefix): string | undefined {
  const isV4 = isIpv4(address);
  if (bits >= (isV4 ? widestIpv4 : widestIpv6)) return undefined;
  return `network ${formatIp(address)}/${isV4 ? bits - 96 : bits} is wider than any node's can be`;
}
