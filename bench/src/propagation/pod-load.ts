/** The load generator of the API: pods that have waited become Running with an address, as when a kubelet says so. */
import { setTimeout as sleep } from 'node:timers/promises';

import { HttpKubeClient, nodes, pods } from '@clustermesh/kube';

import { serve } from '../../floors/serve.ts';
import { monotonicMs } from './changes.ts';
import type { Sighting } from './changes.ts';

const node = { name: 'node-1', ip: '192.0.2.3', podCidr: '10.210.0.0/16' };
/** Pods of few Deployments: new pods have labels that others had before them. */
const labelSets = 10;

let kube: HttpKubeClient | undefined;

const answers = {
  open: async ({ kubeconfig, podCount }: { readonly kubeconfig: string; readonly podCount: number }): Promise<void> => {
    kube = await HttpKubeClient.fromKubeconfig({ path: kubeconfig });
    const addresses = [{ type: 'InternalIP', address: node.ip }];
    await kube.create(nodes, {
      metadata: { name: node.name },
      spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr] },
      status: { addresses },
    });
    for (let index = 0; index < podCount; index++) {
      await kube.create(pods, {
        metadata: { name: podName(index), namespace: 'default', labels: { app: `app-${index % labelSets}` } },
        spec: { nodeName: node.name, containers: [{ name: 'main', image: 'bench' }] },
      });
    }
  },

  /** From the first pod on, so only once. Open loop, as `etcd-load.ts`. */
  run: async ({ count, perSecond }: { readonly count: number; readonly perSecond: number }): Promise<Sighting[]> => {
    const client = kube;
    if (client === undefined) throw new Error('no API is open');
    const sent: Sighting[] = [];
    const written: Promise<unknown>[] = [];
    const startMs = monotonicMs();
    for (let index = 0; index < count; index++) {
      const aheadMs = startMs + (index * 1_000) / perSecond - monotonicMs();
      if (aheadMs > 0) await sleep(aheadMs);
      const address = podAddress(index);
      const status = { phase: 'Running', podIP: address, podIPs: [{ ip: address }], hostIP: node.ip };
      sent.push({ address, identity: 0, atMs: monotonicMs() });
      const ref = { name: podName(index), namespace: 'default' };
      written.push(client.patch(pods, ref, { status }, { kind: 'merge', subresource: 'status' }));
    }
    await Promise.all(written);
    return sent;
  },
};

export type PodLoad = typeof answers;

function podName(index: number): string {
  return `pod-${index}`;
}

function podAddress(index: number): string {
  return `10.210.${index >> 8}.${index & 255}`;
}

serve(answers);
