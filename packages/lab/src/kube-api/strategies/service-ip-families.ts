import type { ServiceSpec, StatusCause } from '@clustermesh/kube';

import { invalidValue } from '../api-errors.ts';
import { familyOf } from './ip-range.ts';
import type { IpFamily } from './ip-range.ts';
import type { ServiceIpAllocator } from './service-ip-allocator.ts';

/**
 * The families of a service: those that it names, of the addresses that it names, that it had, or the cluster's first
 * one; the policy adds the other family or, in an update, takes the second away.
 * @param old before the update; undefined when the service is created
 */
export function withIpFamilies(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  configured: readonly IpFamily[],
): ServiceSpec {
  const { ipFamilyPolicy: _policy, ipFamilies: _families, ...rest } = spec;
  if (spec.type === 'ExternalName') return rest;
  const given = givenFamilies(spec) ?? old?.ipFamilies ?? configured.slice(0, 1);
  const inferred = given.length > 1 ? 'RequireDualStack' : 'SingleStack';
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? inferred;
  if (ipFamilyPolicy === 'SingleStack') {
    return { ...rest, ipFamilyPolicy, ipFamilies: old === undefined ? given : given.slice(0, 1) };
  }
  return { ...rest, ipFamilyPolicy, ipFamilies: [...new Set([...given, ...configured])] };
}

function givenFamilies({ ipFamilies, clusterIP, clusterIPs }: ServiceSpec): readonly IpFamily[] | undefined {
  if (ipFamilies !== undefined && ipFamilies.length > 0) return ipFamilies;
  const addresses = clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]);
  const families = addresses.flatMap((address) => familyOf(address) ?? []);
  return families.length === 0 ? undefined : families;
}

/** One address of each family: those that are given, else free ones. A headless service has none. */
export function withClusterIps(spec: ServiceSpec, pool: ServiceIpAllocator): ServiceSpec {
  const { clusterIP, clusterIPs, ...rest } = spec;
  if (spec.type === 'ExternalName') return rest;
  const given = [clusterIP, ...(clusterIPs ?? [])].flatMap((address) => (isNone(address) ? [] : [address]));
  if (given.includes('None')) return { ...rest, clusterIP: 'None', clusterIPs: ['None'] };
  const addresses = (spec.ipFamilies ?? []).flatMap((family) => {
    const wanted = given.find((address) => familyOf(address) === family);
    return wanted ?? pool.next(family) ?? [];
  });
  const [first] = addresses;
  return first === undefined ? rest : { ...rest, clusterIP: first, clusterIPs: addresses };
}

function isNone(address: string | undefined): address is undefined {
  return address === undefined || address === '';
}

export function checkIpFamilies(spec: ServiceSpec, configured: readonly IpFamily[]): StatusCause[] {
  const { ipFamilies = [], ipFamilyPolicy } = spec;
  const missing = ipFamilies.findIndex((family) => !configured.includes(family));
  if (missing !== -1) {
    const field = `spec.ipFamilies[${missing}]`;
    return [invalidValue(field, ipFamilies[missing], 'not configured on this cluster')];
  }
  if (ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    const why = 'this cluster is not configured for dual-stack services';
    return [invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, why)];
  }
  if (ipFamilyPolicy === 'SingleStack' && ipFamilies.length > 1) {
    const why = 'must be RequireDualStack or PreferDualStack when multiple IP families are specified';
    return [invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, why)];
  }
  return [];
}
