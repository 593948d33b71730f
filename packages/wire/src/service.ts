import type { Codec } from './codec.ts';
import {
  boolean,
  goJson,
  map,
  omittedMap,
  presetMap,
  required,
  slice,
  string,
  uint16,
  uint32,
  type GoMap,
} from './go-json.ts';
import { struct } from './go-struct.ts';

/** Protocol is TCP, UDP, SCTP (or ANY, NONE of old writers); nobody checks it on the wire. */
export interface L4Addr {
  readonly protocol: string;
  readonly port: number;
}

/** Ports by name; an unnamed port has the name ''. */
export type PortConfiguration = GoMap<L4Addr>;

export interface BackendZone {
  readonly zone: string;
  /** Topology hints; [] without hints, null from other writers. */
  readonly forZones: readonly { readonly name: string }[] | null;
}

/**
 * STABLE API, protocol.md §2.7: a global service of one cluster. Maps are keyed by IP text in any spelling that Go
 * takes; `null` maps come from foreign writers and mean empty.
 */
export interface ClusterService {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly frontends: GoMap<PortConfiguration | null> | null;
  readonly backends: GoMap<PortConfiguration | null> | null;
  readonly hostnames: GoMap<string>;
  readonly zones: GoMap<BackendZone>;
  readonly labels: GoMap<string> | null;
  readonly selector: GoMap<string> | null;
  readonly includeExternal: boolean;
  /** false: readers take it as deleted. */
  readonly shared: boolean;
  readonly clusterId: number;
}

/** A null port entry crashes real agents (§2.7), so it is neither written nor taken. */
const l4Addr = required(struct<L4Addr>({ protocol: ['Protocol', string], port: ['Port', uint16] }));
const portsByIp = presetMap(map(l4Addr));
const zone = struct<BackendZone>({
  zone: ['zone', string],
  forZones: ['forZones', slice(struct<{ readonly name: string }>({ name: ['name', string] }))],
});

export const serviceCodec: Codec<ClusterService> = goJson(
  struct<ClusterService>({
    cluster: ['cluster', string],
    namespace: ['namespace', string],
    name: ['name', string],
    frontends: ['frontends', portsByIp],
    backends: ['backends', portsByIp],
    hostnames: ['hostnames', omittedMap(string)],
    zones: ['zones', omittedMap(zone)],
    labels: ['labels', presetMap(string)],
    selector: ['selector', presetMap(string)],
    includeExternal: ['includeExternal', boolean],
    shared: ['shared', boolean],
    clusterId: ['clusterID', uint32],
  }),
);
