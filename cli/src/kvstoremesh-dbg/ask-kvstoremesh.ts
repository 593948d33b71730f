import { MeshError } from '@clustermesh/runtime';

import type { RemoteClusterModel } from './remote-cluster-text.ts';

const timeoutMs = 10_000;

/** What the kvstoremesh at `host` (`localhost:9889`) says of its remote clusters; Cilium's answers as ours does. */
export async function askKvstoremesh(host: string): Promise<readonly RemoteClusterModel[]> {
  const url = `${host.includes('://') ? host : `http://${host}`}/v1/cluster`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    const clusters: unknown = await response.json();
    if (!Array.isArray(clusters)) throw new Error('its answer is no list of clusters');
    return clusters as RemoteClusterModel[];
  } catch (cause) {
    const advice = 'run this in the container kvstoremesh, or give --host as its --api-serve-addr';
    throw new MeshError('COMMAND_FAILED', `ask kvstoremesh at ${url} (${advice})`, { cause });
  }
}
