import { parseIp } from './address.ts';
import { maskOnes, prefixOf, type Prefix } from './cidr.ts';
import type { Codec } from './codec.ts';
import { branded, goJson, omitZero, omittedSlice, string, uint16, uint32, uint8 } from './go-json.ts';
import { ip, mask } from './go-net.ts';
import { struct } from './go-struct.ts';
import type { NumericIdentity } from './numeric-identity.ts';

export interface NamedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** STABLE API, protocol.md §2.5: an address or network, the identity behind it and the node that leads there. */
export interface IpIdentity {
  /** Canonical text. */
  readonly ip: string;
  /** `null`: one address, not a network. */
  readonly mask: Uint8Array | null;
  /** Node address, the tunnel endpoint; '' when unknown. */
  readonly hostIp: string;
  readonly id: NumericIdentity;
  /** Encryption key index; 255 marks WireGuard. */
  readonly key: number;
  readonly metadata: string;
  readonly k8sNamespace: string;
  readonly k8sPodName: string;
  readonly k8sServiceAccount: string;
  readonly namedPorts: readonly NamedPort[];
}

const namedPort = struct<NamedPort>({
  name: ['Name', string],
  port: ['Port', uint16],
  protocol: ['Protocol', string],
});

export const ipIdentityCodec: Codec<IpIdentity> = goJson(
  struct<IpIdentity>({
    ip: ['IP', ip],
    mask: ['Mask', mask],
    hostIp: ['HostIP', ip],
    id: ['ID', branded<NumericIdentity, number>(uint32)],
    key: ['Key', uint8],
    metadata: ['Metadata', string],
    k8sNamespace: ['K8sNamespace', omitZero(string)],
    k8sPodName: ['K8sPodName', omitZero(string)],
    k8sServiceAccount: ['K8sServiceAccount', omitZero(string)],
    namedPorts: ['NamedPorts', omittedSlice(namedPort)],
  }),
);

/** The last part of the key that this value belongs under: the address, or `address/length` of a network. */
export function ipKeyName(value: Pick<IpIdentity, 'ip' | 'mask'>): string {
  return value.mask === null ? value.ip : `${value.ip}/${maskOnes(value.mask) ?? 0}`;
}

/** What the value covers, a single address being a /128; undefined when it is no address or network. */
export function coveredPrefix(value: Pick<IpIdentity, 'ip' | 'mask'>): Prefix | undefined {
  if (value.mask !== null) return prefixOf(value);
  const address = parseIp(value.ip);
  return address === undefined ? undefined : { address, bits: 128 };
}
