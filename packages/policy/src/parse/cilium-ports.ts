import { protocolNumbers } from '../model.ts';
import type { PortMatch } from '../model.ts';
import type { CiliumIcmpRule, CiliumPortRule, CiliumRule } from './cilium-schema.ts';
import { icmpType } from './icmp-types.ts';
import { ciliumPort } from './ports.ts';
import { Refused, allOf, eachOf, invalid, refuseOthers } from './refused.ts';

/** Layer 7 and TLS would narrow what the rule allows. */
const unsupported = {
  rules: 'rules of layer 7',
  terminatingTLS: 'settings of TLS',
  originatingTLS: 'settings of TLS',
  serverNames: 'names of TLS servers',
  listener: 'listeners',
};

/** What a rule is about: undefined means all traffic. */
export function portsOfRule({ toPorts, icmps }: CiliumRule): readonly PortMatch[] | undefined | Refused {
  const [hasPorts, hasIcmps] = [(toPorts ?? []).length > 0, (icmps ?? []).length > 0];
  if (hasPorts && hasIcmps) return invalid('toPorts and icmps cannot be combined in one rule');
  if (!hasPorts && !hasIcmps) return undefined;
  const lists = allOf([...eachOf(toPorts, '.toPorts', portsOf), ...eachOf(icmps, '.icmps', icmpsOf)]);
  return lists instanceof Refused ? lists : lists.flat();
}

function portsOf({ ports, ...others }: CiliumPortRule): readonly PortMatch[] | Refused {
  const refused = refuseOthers(others, unsupported);
  if (refused !== undefined) return refused;
  if ((ports ?? []).length === 0) return invalid('no ports are given');
  return allOf(eachOf(ports, '.ports', ciliumPort));
}

function icmpsOf({ fields }: CiliumIcmpRule): readonly PortMatch[] | Refused {
  return allOf(eachOf(fields, '.fields', icmpMatch));
}

type IcmpField = NonNullable<CiliumIcmpRule['fields']>[number];

function icmpMatch({ family, type }: IcmpField): PortMatch | Refused {
  const number = icmpType(family ?? 'IPv4', type);
  if (number === undefined) return invalid(`ICMP type ${type} is not known`);
  const protocol = family === 'IPv6' ? protocolNumbers.icmpv6 : protocolNumbers.icmp;
  return { kind: 'range', protocol, from: number, to: number };
}
