import type { Pod } from '@clustermesh/kube';
import { join } from 'node:path';

import type { NodePlan, Place } from '../mesh-plan.ts';
import type { PodNetwork } from '../network/ip-batch.ts';

/** Names and paths of one pod on its node: a pure function of both, so that every process finds them. */
export interface PodPlace extends Place {
  readonly directory: string;
  /** Undefined for a pod in the host's network, and in rootless mode. */
  readonly network?: Omit<PodNetwork, 'address' | 'address6'>;
}

/** The beginning of the uid tells pods of one name apart, and fits into the 15 characters of a link's name. */
const shortUidLength = 8;

export function podPlace(node: NodePlan, { metadata, spec }: Pod): PodPlace {
  const uid = metadata.uid ?? '';
  const short = uid.replaceAll('-', '').slice(0, shortUidLength);
  const directory = join(node.dir, 'pods', uid);
  const group = `${metadata.namespace ?? ''}_${metadata.name}_${short}`;
  const cgroup = node.cgroup === undefined ? {} : { cgroup: join(node.cgroup, group) };
  if (node.netns === undefined) return { directory, ...cgroup };
  if (spec.hostNetwork === true) return { directory, ...cgroup, netns: node.netns };
  const netns = `${node.netns}-${short}`;
  return { directory, ...cgroup, netns, network: { netns, nodeNetns: node.netns, link: `lxc${short}` } };
}

/** Without network namespaces a pod of its own network cannot run: it only exists in the control plane. */
export function isShownOnly(node: NodePlan, { spec }: Pod): boolean {
  return node.netns === undefined && spec.hostNetwork !== true;
}
