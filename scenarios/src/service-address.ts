import { isIPv6 } from 'node:net';

import { services } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import { kubectl, nameOf, refOf } from './reference.ts';

/** Which address and port of a Service are meant. */
export const serviceTarget = z.strictObject({
  protocol: z.enum(['TCP', 'UDP']).default('TCP'),
  family: z.union([z.literal(4), z.literal(6)]).default(4),
  /** Name of the port; by default the first of the protocol. */
  port: z.string().optional(),
});
export type ServiceTarget = z.output<typeof serviceTarget>;

export interface ServiceAddress {
  readonly address: string;
  readonly port: number | string;
}

/** For people: the same, looked up by the shell. */
export function tellServiceAddress(
  cluster: string,
  service: string,
  { protocol, family, port }: ServiceTarget,
): ServiceAddress {
  const get = `${kubectl(cluster, service)} get service ${nameOf(service)} -o jsonpath=`;
  const match = port === undefined ? `@.protocol=="${protocol}"` : `@.name=="${port}"`;
  return {
    address: `$(${get}'{.spec.clusterIPs[${family === 4 ? 0 : 1}]}')`,
    port: `$(${get}'{.spec.ports[?(${match})].port}')`,
  };
}

/** @throws MeshError KUBE_NOT_FOUND when the Service has no such address or port */
export async function serviceAddress(
  kube: KubeClient,
  service: string,
  { protocol, family, port }: ServiceTarget,
): Promise<ServiceAddress> {
  const { spec } = await kube.get(services, refOf(service));
  const addresses = spec?.clusterIPs ?? [spec?.clusterIP ?? ''];
  const address = addresses.find((ip) => ip !== '' && isIPv6(ip) === (family === 6));
  const found = spec?.ports?.find(
    (one) => (one.protocol ?? 'TCP') === protocol && (port === undefined || one.name === port),
  );
  if (address !== undefined && found !== undefined) return { address, port: found.port };
  const what = address === undefined ? `IPv${family} address` : `${protocol} port ${port ?? ''}`;
  throw new MeshError('KUBE_NOT_FOUND', `Service ${service} has no ${what.trim()}`);
}
