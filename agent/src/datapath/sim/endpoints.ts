import { decodeEndpoint, encodeInterfaceKey } from '../../maps/endpoint.ts';
import type { EndpointRecord } from '../../maps/endpoint.ts';
import type { IpcacheRecord } from '../../maps/ipcache.ts';
import type { Refusal } from './decision.ts';
import { isIpv4, staysOnLink } from './frame.ts';
import type { SimMaps } from './sim-maps.ts';

type EndpointMaps = Pick<SimMaps, 'ep_ip' | 'ep_if'>;

/** The pod of this node with an address. */
export function endpointAt({ ep_ip }: EndpointMaps, address: Uint8Array): EndpointRecord | undefined {
  const value = ep_ip.lookup(address);
  return value && decodeEndpoint(value);
}

function endpointBehind({ ep_if }: EndpointMaps, ifindex: number): EndpointRecord | undefined {
  const value = ep_if.lookup(encodeInterfaceKey(ifindex));
  return value && decodeEndpoint(value);
}

/** Who sends from an address at an interface: an endpoint has several addresses, and sends from these alone. */
export function senderOf(
  maps: EndpointMaps,
  ifindex: number,
  source: Uint8Array,
  isCrossing: boolean,
): EndpointRecord | Refusal {
  const from = endpointAt(maps, source);
  if (from?.ifindex === ifindex) return from;
  const behind = endpointBehind(maps, ifindex);
  if (behind === undefined) return { refused: 'unknown endpoint' };
  // Addresses of a link nobody gives out: they are the pod's where they do not leave it.
  return !isCrossing && staysOnLink(source) ? behind : { refused: 'spoofed source' };
}

/** The endpoint behind an interface that a packet is for. */
export function receiverOf(maps: EndpointMaps, ifindex: number, destination: Uint8Array): EndpointRecord | Refusal {
  const to = staysOnLink(destination) ? endpointBehind(maps, ifindex) : endpointAt(maps, destination);
  if (to === undefined || (!staysOnLink(destination) && to.ifindex !== ifindex)) return { refused: 'unknown endpoint' };
  return to;
}

/** Whose policy rows hold for an endpoint. */
export function subjectOf({ subject, identity }: EndpointRecord): number {
  return subject === 0 ? identity : subject;
}

/** docs/spec/protocol.md §5.3 */
const reserved = { world: 2, remoteNode: 6, kubeApiserver: 7, worldIpv4: 9, worldIpv6: 10 } as const;
const worlds: readonly number[] = [reserved.world, reserved.worldIpv4, reserved.worldIpv6];
const firstAllocated = 256;
const scopeShift = 24;
/** A node's own numbers for networks that policies name. */
const scopeOfNetworks = 1;

/** What nobody in the mesh has is the world. */
export function identityOf(entry: IpcacheRecord | undefined, address: Uint8Array): number {
  return entry?.identity ?? (isIpv4(address) ? reserved.worldIpv4 : reserved.worldIpv6);
}

/** A pod's, known in the whole mesh. */
export function isOfCluster(identity: number): boolean {
  return identity >= firstAllocated && identity >>> scopeShift === 0;
}

/**
 * Does who has the identity here send with this VNI? Networks are known to this node alone, and which nodes serve the
 * Kubernetes API is not known to all: they send as what everybody knows.
 */
export function sendsAs(identity: number, vni: number): boolean {
  if (identity === vni) return true;
  if (identity === reserved.kubeApiserver) return vni === reserved.remoteNode;
  return (worlds.includes(identity) || identity >>> scopeShift === scopeOfNetworks) && worlds.includes(vni);
}
