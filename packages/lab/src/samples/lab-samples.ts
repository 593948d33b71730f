import { MeshError } from '@clustermesh/runtime';

import type { Place, SamplesPlan } from '../mesh-plan.ts';
import { changed, readDesiredKeys, writeDesiredKeys } from './desired-keys.ts';
import type { SamplesChange } from './desired-keys.ts';
import { samplePodPlace } from './run-samples.ts';
import { sampleCluster } from './sample-cluster.ts';
import type { SamplePod } from './sample-cluster.ts';
import { SampleEtcd } from './sample-etcd.ts';

/** What others use of the clusters that are nothing but samples. */
export class LabSamples {
  readonly #plan: SamplesPlan;
  readonly #etcd: SampleEtcd;

  constructor(plan: SamplesPlan) {
    this.#plan = plan;
    this.#etcd = new SampleEtcd(plan);
  }

  has(cluster: string): boolean {
    return this.#plan.clusters.some((one) => one.cluster === cluster);
  }

  /** The files of kvstoremesh's --clustermesh-config directory that link a cluster to all of them. */
  async linkFiles(): Promise<Readonly<Record<string, string>>> {
    const files = await Promise.all(
      this.#plan.clusters.map((one) => {
        const keys = [...sampleCluster(one).entries.keys()];
        return this.#etcd.linkFiles(
          one.cluster,
          keys.some((key) => key.startsWith('cilium/cache/')),
        );
      }),
    );
    return Object.assign({}, ...files) as Record<string, string>;
  }

  /** Says what is to be in the etcd from now on; its writer follows within a moment. */
  async change(change: SamplesChange): Promise<void> {
    const before = await readDesiredKeys(this.#plan.dir);
    if (before === undefined) throw new MeshError('LAB_INVALID_STATE', 'change samples (their etcd is not up yet)');
    await writeDesiredKeys(this.#plan.dir, changed(before, change));
  }

  /** @param pod `namespace/name` */
  podPlace(cluster: string, pod: string): Place {
    if (this.#plan.netns !== undefined) return samplePodPlace(this.#plan, this.#pod(cluster, pod));
    throw new MeshError('LAB_INVALID_STATE', `run a program in pod ${pod} of ${cluster}: it has no network here`);
  }

  podAddress(cluster: string, pod: string): string {
    return this.#pod(cluster, pod).addresses[0];
  }

  #pod(cluster: string, pod: string): SamplePod {
    const pods = this.#plan.clusters.flatMap((one) => sampleCluster(one).pods);
    const found = pods.find((one) => one.cluster === cluster && `${one.namespace}/${one.name}` === pod);
    if (found !== undefined) return found;
    const names = pods.map((one) => `${one.cluster}/${one.namespace}/${one.name}`).join(', ');
    throw new MeshError('LAB_INVALID_STATE', `no pod ${cluster}/${pod} in the samples (there are ${names})`);
  }
}
