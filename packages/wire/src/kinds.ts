import { refuse, type Result } from '@clustermesh/runtime';
import type { ClusterConfig } from './cluster-config.ts';
import type { ClusterName } from './cluster.ts';
import type { Codec } from './codec.ts';
import { endpointSliceCodec, type ClusterEndpointSlice } from './endpoint-slice.ts';
import { identityCodec, type LabelArray } from './identity.ts';
import { ipIdentityCodec, type IpIdentity } from './ip-identity.ts';
import { joinKey, statePrefix, stateToCache } from './keys.ts';
import { nodeCodec, type MeshNode } from './node.ts';
import { serviceExportCodec, type ServiceExport } from './service-export.ts';
import { serviceCodec, type ClusterService } from './service.ts';
import {
  validateEndpointSlice,
  validateIdentity,
  validateIpIdentity,
  validateNode,
  validateService,
  validateServiceExport,
  type SourceContext,
  type Validate,
} from './validate.ts';

export type KindName = 'nodes' | 'identities' | 'ip' | 'services' | 'serviceexports' | 'endpointslices';

/** One resource of the protocol. Publishing, mirroring and ingesting are driven by these rows alone. */
export interface Kind<T> {
  readonly name: KindName;
  /** Where the source cluster itself publishes; ends in `/`, and what follows is the key name. */
  readonly statePrefix: (cluster: ClusterName) => string;
  /** Does a key under statePrefix say which cluster it is of? */
  readonly namesCluster: boolean;
  /** Where a cache holds that cluster's entries; ends in `/`, same key names. */
  readonly cachePrefix: (cluster: ClusterName) => string;
  readonly stateCanary: string;
  readonly cacheCanary: string;
  /** May entries be withdrawn when contact is lost for long? Not those whose loss cuts connections (§5.6). */
  readonly revocable: boolean;
  /** Does a cluster with this config publish the kind (and its canary)? */
  readonly enabled: (config: ClusterConfig) => boolean;
  readonly codec: Codec<T>;
  readonly validate: Validate<T>;
  /** Decodes and validates: what a reader may believe of one entry (I6). `limit`: as of the codec. */
  readonly read: (context: SourceContext, keyName: string, bytes: Uint8Array, limit?: number) => Result<T>;
}

interface Differences<T> {
  readonly codec: Codec<T>;
  readonly validate: Validate<T>;
  readonly revocable?: boolean;
  readonly enabled?: (config: ClusterConfig) => boolean;
  /** What stands between `cilium/state/<kind>/v1/` and the key name; by default the cluster. */
  readonly stateSegment?: string;
  /** What stands between the cluster and the key name in a cache. */
  readonly cacheSuffix?: string;
}

function kind<T>(name: KindName, differences: Differences<T>): Kind<T> {
  const { stateSegment, cacheSuffix = '', revocable = false, enabled = () => true, codec, validate } = differences;
  const root = joinKey(statePrefix, name, 'v1');
  return {
    name,
    statePrefix: (cluster) => `${root}/${stateSegment ?? cluster}/`,
    namesCluster: stateSegment === undefined,
    cachePrefix: (cluster) => `${stateToCache(root)}/${cluster}/${cacheSuffix}`,
    stateCanary: root,
    cacheCanary: stateToCache(root),
    revocable,
    enabled,
    codec,
    validate,
    read(context, keyName, bytes, limit) {
      const decoded = codec.decode(bytes, limit);
      const reason = decoded.ok ? validate(context, keyName, decoded.value) : undefined;
      return reason === undefined ? decoded : refuse(reason);
    },
  };
}

export const kindByName = {
  nodes: kind<MeshNode>('nodes', { codec: nodeCodec, validate: validateNode }),
  identities: kind<LabelArray>('identities', {
    codec: identityCodec,
    validate: validateIdentity,
    stateSegment: 'id',
    cacheSuffix: 'id/',
  }),
  /** `default` is the address space, of which there is one. */
  ip: kind<IpIdentity>('ip', { codec: ipIdentityCodec, validate: validateIpIdentity, stateSegment: 'default' }),
  services: kind<ClusterService>('services', {
    codec: serviceCodec,
    validate: validateService,
    revocable: true,
    enabled: ({ capabilities }) => capabilities.endpointSlicesExportMode !== 'endpointslices-only',
  }),
  serviceexports: kind<ServiceExport>('serviceexports', {
    codec: serviceExportCodec,
    validate: validateServiceExport,
    revocable: true,
    // Known but switched off still comes with a canary: readers of 1.17+ wait for it.
    enabled: ({ capabilities }) => capabilities.serviceExportsEnabled !== undefined,
  }),
  endpointslices: kind<ClusterEndpointSlice>('endpointslices', {
    codec: endpointSliceCodec,
    validate: validateEndpointSlice,
    revocable: true,
    enabled: ({ capabilities }) => capabilities.endpointSlicesExportMode !== '',
  }),
} as const;

export type AnyKind = (typeof kindByName)[KindName];

export const kinds: readonly AnyKind[] = Object.values(kindByName);
