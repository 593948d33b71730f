import { ipMask } from '@clustermesh/wire';
import type { IpIdentity } from '@clustermesh/wire';

/** What a key of kind `ip` covers: `10.1.0.5`, `10.1.0.0/24` or, of a 16-byte mask, `10.1.0.0/120`. */
export function keyedPrefix(keyName: string): Pick<IpIdentity, 'ip' | 'mask'> {
  const [ip = '', length] = keyName.split('/');
  if (length === undefined) return { ip, mask: null };
  const ones = Number(length);
  return { ip, mask: ipMask(ones, ip.includes(':') || ones > 32 ? 16 : 4) };
}
