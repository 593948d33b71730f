import { parseCidr, parseIp, prefixOf } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import type { Peer } from '../model.ts';
import { covers } from '../resolve/prefix.ts';
import { invalid } from './refused.ts';
import type { Refused } from './refused.ts';

export function cidrPeer(cidr: string, except: readonly string[]): Peer | Refused {
  const prefix = prefixOfText(cidr);
  if (prefix === undefined) return invalid(`${JSON.stringify(cidr)} is no CIDR`);
  const holes: Prefix[] = [];
  for (const text of except) {
    const hole = prefixOfText(text);
    if (hole === undefined) return invalid(`${JSON.stringify(text)} is no CIDR`);
    if (!covers(prefix, hole)) return invalid(`${text} does not lie in ${cidr}`);
    holes.push(hole);
  }
  return { kind: 'cidr', prefix, except: holes };
}

/** A single address is the network of that one. */
function prefixOfText(text: string): Prefix | undefined {
  const address = text.includes('/') ? undefined : parseIp(text);
  if (address !== undefined) return { address, bits: 128 };
  const cidr = parseCidr(text);
  return cidr === undefined ? undefined : prefixOf(cidr);
}
