import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { askNetlink, attributesOf } from './netlink.ts';

const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const IFLA_ADDRESS = 1;
const IFLA_MTU = 4;
const IFLA_TARGET_NETNSID = 46;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_TARGET_NETNSID = 10;
const AF_INET = 2;
const AF_INET6 = 10;
/** struct ifinfomsg: family@0, type@2, index@4, flags@8, change@12. */
const linkSize = 16;
/** struct ifaddrmsg: family@0, prefix length@1, flags@2, scope@3, index@4. */
const addressSize = 8;

/** An interface of another network namespace. */
export interface PeerInterface {
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** IPv4 in 4 bytes, IPv6 in 16. */
  readonly addresses: readonly Uint8Array[];
}

/** How the caller's network namespace refers to it: `link_netnsid` and `link_index` of this end of the veth pair. */
export interface PeerReference {
  readonly netnsId: number;
  readonly ifindex: number;
}

/** The far end of a veth pair, without entering its namespace; undefined when it is gone, or not ours to see. */
export function peerInterface(peer: PeerReference, abi: KernelAbi = kernelAbi()): PeerInterface | undefined {
  const body = new DataView(new ArrayBuffer(linkSize));
  body.setInt32(4, peer.ifindex, true);
  const attributes = { [IFLA_TARGET_NETNSID]: peer.netnsId };
  const request = { type: RTM_GETLINK, dump: false, body: new Uint8Array(body.buffer), attributes };
  const answer = askNetlink(request, abi);
  const link = typeof answer === 'number' ? undefined : answer[0];
  if (link === undefined) return undefined;
  const values = attributesOf(link, linkSize);
  const mtu = values.get(IFLA_MTU);
  return {
    mac: values.get(IFLA_ADDRESS) ?? new Uint8Array(),
    mtu: mtu === undefined ? 0 : new DataView(mtu.buffer, mtu.byteOffset).getUint32(0, true),
    addresses: [AF_INET, AF_INET6].flatMap((family) => addressesOf(peer, family, abi)),
  };
}

function addressesOf({ netnsId, ifindex }: PeerReference, family: number, abi: KernelAbi): readonly Uint8Array[] {
  const body = new DataView(new ArrayBuffer(addressSize));
  body.setUint8(0, family);
  body.setUint32(4, ifindex, true);
  const attributes = { [IFA_TARGET_NETNSID]: netnsId };
  const request = { type: RTM_GETADDR, dump: true, body: new Uint8Array(body.buffer), attributes };
  const answer = askNetlink(request, abi);
  if (typeof answer === 'number') return [];
  return answer.flatMap((message) => {
    const values = attributesOf(message, addressSize);
    // Of a point-to-point IPv4 address the other is its peer's.
    return values.get(IFA_LOCAL) ?? values.get(IFA_ADDRESS) ?? [];
  });
}
