import { nodes, pods } from '@clustermesh/kube';
import type { KubeClient, Pod } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import { kubectl, nameOf, namespaced, refOf } from '../reference.ts';
import type { ActionVerb } from '../verb.ts';

const deleteParams = z.strictObject({ cluster: z.string(), pods: namespaced, as: z.string() });

export const deletePod: ActionVerb<z.output<typeof deleteParams>> = {
  name: 'deletePod',
  summary: 'deletes one pod labelled `app=NAME`; `answers.without` may name it later',
  params: deleteParams,
  clusters: ({ cluster }) => [cluster],
  commands: ({ cluster, pods: wanted }) => [
    `${kubectl(cluster, wanted)} delete $(kubectl --context ${cluster} -n ${refOf(wanted).namespace} get pod -l app=${nameOf(wanted)} -o name | head -1)`,
  ],
  perform: async ({ cluster, pods: wanted, as }, run) => {
    const kube = run.provider.kube(cluster);
    const [victim] = await runningPods(kube, cluster, wanted);
    const { name } = victim.metadata;
    await kube.delete(pods, { namespace: refOf(wanted).namespace, name });
    run.deletedPods.set(as, { name, ip: victim.status?.podIP ?? '' });
  },
};

const conditionParams = z.strictObject({
  cluster: z.string(),
  pods: namespaced,
  type: z.string(),
  is: z.enum(['True', 'False']),
});

export const condition: ActionVerb<z.output<typeof conditionParams>> = {
  name: 'condition',
  summary: 'sets a condition of all pods labelled `app=NAME`, as what owns a readiness gate does',
  params: conditionParams,
  clusters: ({ cluster }) => [cluster],
  commands: ({ cluster, pods: wanted, type, is }) => {
    const patch = JSON.stringify({ status: { conditions: [{ type, status: is }] } });
    const kube = kubectl(cluster, wanted);
    return [
      `${kube} get pod -l app=${nameOf(wanted)} -o name | xargs ${kube} patch --subresource status -p '${patch}'`,
    ];
  },
  perform: async ({ cluster, pods: wanted, type, is }, { provider, clock }) => {
    const kube = provider.kube(cluster);
    const lastTransitionTime = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const patch = { status: { conditions: [{ type, status: is, lastTransitionTime }] } };
    for (const { metadata } of await runningPods(kube, cluster, wanted)) {
      await kube.patch(pods, metadata, patch, { kind: 'strategic', subresource: 'status' });
    }
  },
};

const claimParams = z.strictObject({
  cluster: z.string(),
  pod: namespaced,
  of: z.strictObject({ cluster: z.string(), pods: namespaced }),
});

export const claimAddress: ActionVerb<z.output<typeof claimParams>> = {
  name: 'claimAddress',
  summary: 'gives a pod object that runs nowhere the address of a pod (labelled `app=NAME`) of another cluster',
  params: claimParams,
  clusters: ({ cluster, of }) => [cluster, of.cluster],
  commands: ({ cluster, pod, of }) => [
    `IP=$(${kubectl(of.cluster, of.pods)} get pod -l app=${nameOf(of.pods)} -o jsonpath='{.items[0].status.podIP}')`,
    `${kubectl(cluster, pod)} patch pod ${nameOf(pod)} --subresource status --type merge -p '{"status":{"phase":"Running","podIP":"'$IP'","podIPs":[{"ip":"'$IP'"}]}}'`,
  ],
  perform: async ({ cluster, pod, of }, { provider }) => {
    const [owner] = await runningPods(provider.kube(of.cluster), of.cluster, of.pods);
    const podIP = owner.status?.podIP ?? '';
    const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], hostIP: await anyNode(provider.kube(cluster)) };
    await provider.kube(cluster).patch(pods, refOf(pod), { status }, { kind: 'merge', subresource: 'status' });
  },
};

async function anyNode(kube: KubeClient): Promise<string> {
  const { items } = await kube.list(nodes);
  return items[0]?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
}

/** At least one. */
async function runningPods(
  kube: KubeClient,
  cluster: string,
  wanted: string,
): Promise<readonly [Pod, ...(readonly Pod[])]> {
  const { namespace, name } = refOf(wanted);
  const { items } = await kube.list(pods, { namespace, labelSelector: `app=${name}` });
  const [first, ...others] = items.filter(isRunning);
  if (first !== undefined) return [first, ...others];
  throw new MeshError('KUBE_NOT_FOUND', `find a running pod of ${wanted} in ${cluster}`);
}

function isRunning(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && pod.status?.podIP !== undefined;
}
