import { isIP } from 'node:net';
import { MeshError } from '@clustermesh/runtime';

/** One side of the flow that is asked about. */
export type Side =
  | { readonly kind: 'address'; readonly text: string }
  /** '' = the cluster that is asked. */
  | {
      readonly kind: 'pod';
      readonly text: string;
      readonly cluster: string;
      readonly namespace: string;
      readonly name: string;
    };

/** `[CLUSTER/]NAMESPACE/POD`, or an address. */
export function parseSide(text: string): Side {
  if (isIP(text) !== 0) return { kind: 'address', text };
  const parts = text.split('/');
  const [name = '', namespace = '', cluster = ''] = parts.toReversed();
  if (parts.length >= 2 && parts.length <= 3 && !parts.includes('')) {
    return { kind: 'pod', text, cluster, namespace, name };
  }
  throw new MeshError('CONFIG_INVALID', `${text} is neither [CLUSTER/]NAMESPACE/POD nor an address`);
}

export interface Port {
  /** `80/TCP` */
  readonly text: string;
  readonly protocol: number;
  readonly port: number;
}

const protocols: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPV6: 58 };

/** `80`, `53/UDP`, `8/ICMP` (its type). */
export function parsePort(text: string): Port {
  const [, number = '', name = 'TCP'] = /^(\d{1,5})(?:\/([A-Za-z0-9]+))?$/.exec(text) ?? [];
  const protocol = protocols[name.toUpperCase()];
  const isIcmp = protocol === protocols['ICMP'] || protocol === protocols['ICMPV6'];
  if (number === '' || protocol === undefined || Number(number) > (isIcmp ? 255 : 65_535)) {
    throw new MeshError('CONFIG_INVALID', `--port ${text}: write 80/TCP, 53/UDP, or 8/ICMP for its type 8`);
  }
  return { text: `${Number(number)}/${name.toUpperCase()}`, protocol, port: Number(number) };
}
