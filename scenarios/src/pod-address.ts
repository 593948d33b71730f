import { pods } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { isIPv6 } from 'node:net';

import { kubectl, nameOf, refOf } from './reference.ts';
import type { Client } from './reference.ts';

/** @throws MeshError KUBE_NOT_FOUND when the pod has no such address (yet) */
export async function podAddress(kube: KubeClient, { cluster, pod }: Client, family: 4 | 6 = 4): Promise<string> {
  const { status } = await kube.get(pods, refOf(pod));
  const address = status?.podIPs?.find(({ ip }) => isIPv6(ip) === (family === 6))?.ip;
  if (address !== undefined) return address;
  throw new MeshError('KUBE_NOT_FOUND', `pod ${cluster}/${pod} has no IPv${family} address`);
}

/** For people: the same, looked up by the shell. */
export function tellPodAddress({ cluster, pod }: Client, family: 4 | 6 = 4): string {
  const path = family === 4 ? '.status.podIP' : '.status.podIPs[1].ip';
  return `$(${kubectl(cluster, pod)} get pod ${nameOf(pod)} -o jsonpath={${path}})`;
}
