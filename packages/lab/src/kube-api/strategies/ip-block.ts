import { isIP } from 'node:net';

import type { StatusCause } from '@clustermesh/kube';

import { invalidValue, requiredValue } from '../api-errors.ts';
import { IpRange } from './ip-range.ts';

/** Addresses by their prefix, less some. */
export interface IpBlock {
  readonly cidr: string;
  readonly except?: readonly string[];
}

const cidrWhy = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export function checkIpBlock({ cidr, except = [] }: IpBlock, field: string): StatusCause[] {
  if (cidr === '') return [requiredValue(`${field}.cidr`)];
  if (!isCidr(cidr)) return [invalidValue(`${field}.cidr`, cidr, cidrWhy)];
  return except.flatMap((excepted, index) => {
    const at = `${field}.except[${index}]`;
    if (!isCidr(excepted)) return [invalidValue(at, excepted, cidrWhy)];
    return isInside(excepted, cidr) ? [] : [invalidValue(at, excepted, 'must be a strict subset of `cidr`')];
  });
}

function isCidr(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  return family !== 0 && more.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits;
}

function isInside(inner: string, outer: string): boolean {
  const [network = '', length = ''] = inner.split('/');
  return new IpRange(outer).contains(network) && Number(length) > Number(outer.split('/')[1]);
}
