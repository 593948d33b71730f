import { pods } from '@clustermesh/kube';
import type { KubeClient, Pod } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { isIPv6 } from 'node:net';

import { kubectl, nameOf, refOf } from './reference.ts';
import type { Client } from './reference.ts';

/** A pod by its name, or `app=NAME`: the first one with that label. */
export const podName = String.raw`[a-z0-9-]+/(?:app=)?[a-z0-9-]+`;

/** @throws MeshError KUBE_NOT_FOUND when the pod has no such address (yet) */
export async function podAddress(kube: KubeClient, { cluster, pod }: Client, family: 4 | 6 = 4): Promise<string> {
  const found = await findPod(kube, pod);
  const address = found?.status?.podIPs?.find(({ ip }) => isIPv6(ip) === (family === 6))?.ip;
  if (address !== undefined) return address;
  throw new MeshError('KUBE_NOT_FOUND', `pod ${cluster}/${pod} has no IPv${family} address`);
}

async function findPod(kube: KubeClient, pod: string): Promise<Pod | undefined> {
  const { namespace, name } = refOf(pod);
  if (!name.startsWith('app=')) return kube.get(pods, { namespace, name });
  const { items } = await kube.list(pods, { namespace, labelSelector: name });
  return items.find(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.podIP !== undefined);
}

/** For people: the same, looked up by the shell. */
export function tellPodAddress({ cluster, pod }: Client, family: 4 | 6 = 4): string {
  const path = family === 4 ? '.status.podIP' : '.status.podIPs[1].ip';
  const name = nameOf(pod);
  const which = name.startsWith('app=') ? `-l ${name} -o jsonpath={.items[0]${path}}` : `${name} -o jsonpath={${path}}`;
  return `$(${kubectl(cluster, pod)} get pod ${which})`;
}
