import type { ClusterName } from '@clustermesh/wire';

import { Child } from '../child.ts';
import { startApiCluster } from './api-cluster.ts';
import { startEtcd } from './etcds.ts';
import { byAddress } from './latencies.ts';
import { measure } from './measure.ts';
import type { Mesh } from './mesh.ts';
import type { PodLoad } from './pod-load.ts';
import type { Measured } from './rounds.ts';

const north = { name: 'north' as ClusterName, id: 3 };
const perSecond = 20;
const counts = { warmUp: 3 * perSecond, measured: 15 * perSecond };

/** A pod becomes Running in north's Kubernetes API: how long until west's address map has it. */
export async function measureApiToMap(mesh: Mesh, signal: AbortSignal): Promise<Measured> {
  await using stack = new AsyncDisposableStack();
  const etcd = await startEtcd(stack, north.name);
  const { kubeconfig } = await startApiCluster(stack, { ...north, etcd }, signal);
  const load = stack.use(new Child<PodLoad>(new URL('./pod-load.ts', import.meta.url), signal));
  await load.ask('open', { kubeconfig, podCount: counts.warmUp + counts.measured });
  await mesh.connect(north.name, etcd);
  const way = {
    send: (count: number) => load.ask('run', { count, perSecond }),
    take: () => mesh.agent.ask('take'),
    nameOf: byAddress,
  };
  return await measure(way, counts);
}
