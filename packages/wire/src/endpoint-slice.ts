import type { Codec } from './codec.ts';
import type { GoMap } from './go-json.ts';
import { attempt, Malformed } from './malformed.ts';
import { boolean, int32, message, optional, protoCodec, repeated, string, stringMap, uint32 } from './proto-message.ts';
import { compress, decompress } from './zstd.ts';

/** Absent `ready` and `serving` mean true, absent `terminating` false. */
export interface EndpointConditions {
  readonly ready?: boolean | undefined;
  readonly serving?: boolean | undefined;
  readonly terminating?: boolean | undefined;
}

export interface ForZone {
  readonly name: string;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions: EndpointConditions;
  readonly hostname?: string | undefined;
  readonly deprecatedTopology: GoMap<string>;
  readonly nodeName?: string | undefined;
  readonly zone?: string | undefined;
  readonly hints?: { readonly forZones: readonly ForZone[] } | undefined;
}

export interface SlicePort {
  readonly name?: string | undefined;
  readonly protocol?: string | undefined;
  readonly port?: number | undefined;
}

/** STABLE API, protocol.md §2.8: one EndpointSlice of a global service, endpoints of any readiness. */
export interface ClusterEndpointSlice {
  readonly cluster: string;
  readonly clusterId: number;
  readonly namespace: string;
  /** Of the slice; its service is the label kubernetes.io/service-name. */
  readonly name: string;
  readonly labels: GoMap<string>;
  readonly annotations: GoMap<string>;
  /** IPv4 or IPv6. */
  readonly addressType: string;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}

const endpoint = message<SliceEndpoint>({
  addresses: [1, repeated(string)],
  conditions: [
    2,
    message<EndpointConditions>({
      ready: [1, optional(boolean)],
      serving: [2, optional(boolean)],
      terminating: [3, optional(boolean)],
    }),
  ],
  hostname: [3, optional(string)],
  deprecatedTopology: [5, stringMap],
  nodeName: [6, optional(string)],
  zone: [7, optional(string)],
  hints: [
    8,
    optional(
      message<{ readonly forZones: readonly ForZone[] }>({
        forZones: [1, repeated(message<ForZone>({ name: [1, string] }))],
      }),
    ),
  ],
});

const slice = message<ClusterEndpointSlice>({
  cluster: [1, string],
  clusterId: [2, uint32],
  namespace: [3, string],
  name: [4, string],
  labels: [5, stringMap],
  annotations: [6, stringMap],
  addressType: [7, string],
  endpoints: [8, repeated(endpoint)],
  ports: [
    9,
    repeated(
      message<SlicePort>({ name: [1, optional(string)], protocol: [2, optional(string)], port: [3, optional(int32)] }),
    ),
  ],
});

/** The protobuf message alone. */
export const endpointSliceMessage: Codec<ClusterEndpointSlice> = protoCodec(slice);

/** As stored: the message in one zstd frame. */
export const endpointSliceCodec: Codec<ClusterEndpointSlice> = {
  encode: (value) => compress(slice.encode(value)),
  decode: (bytes, limit = Infinity) =>
    attempt(() => {
      const uncompressed = decompress(bytes);
      const { length } = uncompressed;
      if (length > limit) throw new Malformed(`slice of ${length} bytes, more than ${limit}`);
      return slice.decode(uncompressed);
    }),
};
