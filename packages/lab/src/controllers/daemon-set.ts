import type { DaemonSet, Node, Pod, PodSpec } from '@clustermesh/kube';
import type { Random } from '@clustermesh/runtime';
import { isDeepStrictEqual } from 'node:util';

import type { Action } from './action.ts';
import {
  deletePod,
  isReady,
  isTerminating,
  orphans,
  podOf,
  podsOwnedBy,
  randomSuffix,
  templateHash,
} from './owned-pods.ts';
import { toleratesTaint } from './taints.ts';

const hashLabel = 'controller-revision-hash';

export interface DaemonSetInputs {
  readonly daemonSets: readonly DaemonSet[];
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
}

/** One pod a node; a changed template replaces them one node after the other. */
export function reconcileDaemonSets({ daemonSets, nodes, pods }: DaemonSetInputs, random: Random): readonly Action[] {
  return [
    ...orphans('DaemonSet', daemonSets, pods).map(deletePod),
    ...daemonSets
      .filter((daemonSet) => !isTerminating(daemonSet))
      .flatMap((daemonSet) => reconcileOne(daemonSet, nodes, podsOwnedBy(daemonSet, pods), random)),
  ];
}

function reconcileOne(
  daemonSet: DaemonSet,
  nodes: readonly Node[],
  owned: readonly Pod[],
  random: Random,
): readonly Action[] {
  const hash = templateHash(daemonSet.spec.template);
  const occupied = new Set(owned.map(({ spec }) => spec.nodeName));
  const eligible = nodes.filter((node) => shouldRunOn(node, daemonSet.spec.template.spec, occupied));
  const nodeNames = new Set(eligible.map(({ metadata }) => metadata.name));
  const live = owned.filter((pod) => !isTerminating(pod));
  const outdated = live.filter(({ metadata }) => metadata.labels?.[hashLabel] !== hash);
  const isSettled = live.length === nodeNames.size && live.every((pod) => outdated.includes(pod) || isReady(pod));
  return [
    ...[...nodeNames].filter((name) => !occupied.has(name)).map((nodeName) => createPod(daemonSet, nodeName, random)),
    ...live.filter(({ spec }) => !nodeNames.has(spec.nodeName ?? '')).map(deletePod),
    ...(isSettled ? outdated.slice(0, 1) : []).map(deletePod),
    ...statusAction(daemonSet, nodeNames.size, live, outdated.length),
  ];
}

/** A taint that comes later drives nobody away, unless its effect is NoExecute. */
function shouldRunOn({ metadata, spec }: Node, pod: PodSpec, occupied: ReadonlySet<string | undefined>): boolean {
  const isThere = occupied.has(metadata.name);
  const taints = (spec?.taints ?? []).filter(({ effect }) => !isThere || effect === 'NoExecute');
  return matches(pod.nodeSelector, metadata.labels) && taints.every((taint) => toleratesTaint(pod, taint));
}

function createPod(daemonSet: DaemonSet, nodeName: string, random: Random): Action {
  const labels = { [hashLabel]: templateHash(daemonSet.spec.template) };
  const name = `${daemonSet.metadata.name}-${randomSuffix(random)}`;
  return { kind: 'create', type: 'pods', object: podOf(daemonSet, { kind: 'DaemonSet', name, labels, nodeName }) };
}

function statusAction(
  daemonSet: DaemonSet,
  desired: number,
  live: readonly Pod[],
  outdated: number,
): readonly Action[] {
  const ready = live.filter(isReady).length;
  const status = {
    ...(daemonSet.metadata.generation === undefined ? {} : { observedGeneration: daemonSet.metadata.generation }),
    desiredNumberScheduled: desired,
    currentNumberScheduled: live.length,
    updatedNumberScheduled: live.length - outdated,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: desired - ready,
    numberMisscheduled: 0,
  };
  return isDeepStrictEqual(daemonSet.status, status)
    ? []
    : [{ kind: 'status', type: 'daemonSets', object: daemonSet, status }];
}

/** Every label of the selector is there with that value. */
export function matches(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => labels?.[key] === value);
}
