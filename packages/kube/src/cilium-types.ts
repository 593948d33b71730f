/** Cilium's own resources: the fields that the mesh publishes (Cilium 1.16–1.20, protocol.md §7.3, §7.4). */
import type { KubeObject, Resource } from './kube-client.ts';
import type { Labels } from './object-types.ts';

/** Addresses of either family, '' or absent where there is none. */
export interface CiliumAddressPair {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

export interface CiliumNode extends KubeObject {
  readonly spec?: {
    readonly addresses?: readonly { readonly type?: string; readonly ip?: string }[];
    readonly bootid?: string;
    readonly encryption?: { readonly key?: number };
    readonly health?: CiliumAddressPair;
    readonly ingress?: CiliumAddressPair;
    readonly ipam?: {
      readonly podCIDRs?: readonly string[];
      readonly pools?: { readonly allocated?: readonly { readonly cidrs?: readonly string[] }[] };
    };
  };
}

/** Its name is the number in decimal. */
export interface CiliumIdentity extends KubeObject {
  /** `source:key` to value. */
  readonly 'security-labels'?: Labels;
}

export interface CiliumEndpointNetworking {
  readonly addressing?: readonly CiliumAddressPair[];
  /** Address of the endpoint's node. */
  readonly node?: string;
}

export interface CiliumEndpoint extends KubeObject {
  readonly status?: {
    readonly identity?: { readonly id?: number };
    readonly encryption?: { readonly key?: number };
    readonly networking?: CiliumEndpointNetworking;
    readonly 'service-account'?: string;
  };
}

/** Endpoints of one namespace, which stands beside the metadata: the object itself is cluster-scoped. */
export interface CiliumEndpointSlice extends KubeObject {
  readonly namespace?: string;
  readonly endpoints?: readonly {
    readonly name?: string;
    /** The numeric identity. */
    readonly id?: number;
    readonly encryption?: { readonly key?: number };
    readonly networking?: CiliumEndpointNetworking;
    readonly 'service-account'?: string;
  }[];
}

function cilium<T extends KubeObject>(version: string, plural: string, kind: string, namespaced: boolean): Resource<T> {
  return { group: 'cilium.io', version, plural, kind, namespaced };
}

export const ciliumNodes = cilium<CiliumNode>('v2', 'ciliumnodes', 'CiliumNode', false);
export const ciliumIdentities = cilium<CiliumIdentity>('v2', 'ciliumidentities', 'CiliumIdentity', false);
export const ciliumEndpoints = cilium<CiliumEndpoint>('v2', 'ciliumendpoints', 'CiliumEndpoint', true);
export const ciliumEndpointSlices = cilium<CiliumEndpointSlice>(
  'v2alpha1',
  'ciliumendpointslices',
  'CiliumEndpointSlice',
  false,
);
