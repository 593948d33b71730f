import { numericIdentity } from '@clustermesh/wire';
import type { ClusterService, IpIdentity, LabelArray, MeshNode, SourceContext } from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { keyedPrefix } from './keyed-prefix.ts';

/** Where validated entries of one kind and cluster go. Key names are what follows the kind's prefix. */
export interface Sink<T> {
  /** The reason why the entry cannot be taken, if any. */
  upserted(keyName: string, value: T): string | undefined;
  deleted(keyName: string): void;
}

export function nodeSink(state: MeshState, { cluster, clusterId }: SourceContext): Sink<MeshNode> {
  return {
    upserted: (_name, node) => {
      state.upsertNode(clusterId, node);
      return undefined;
    },
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

export function ipSink(state: MeshState, { clusterId }: SourceContext): Sink<IpIdentity> {
  return {
    upserted: (_name, value) => state.upsertIp(clusterId, value),
    deleted: (name) => state.removeIp(clusterId, keyedPrefix(name)),
  };
}

export function serviceSink(state: MeshState, { cluster }: SourceContext): Sink<ClusterService> {
  return {
    upserted: (name, service) => {
      state.services.setRemote(name, cluster, service.shared ? slim(service) : undefined);
      return undefined;
    },
    deleted: (name) => state.services.setRemote(name, cluster, undefined),
  };
}

const none = {};

/** Without what selection does not read: hundreds of clusters publish thousands of services each. */
function slim(service: ClusterService): ClusterService {
  return { ...service, frontends: none, hostnames: none, labels: none, selector: none };
}
