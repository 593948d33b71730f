import type { Deployment, Pod } from '@clustermesh/kube';
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

const hashLabel = 'pod-template-hash';

/** Pods hang on their Deployment itself: the lab keeps no history, so it needs no ReplicaSets. */
export function reconcileDeployments(
  deployments: readonly Deployment[],
  pods: readonly Pod[],
  random: Random,
): readonly Action[] {
  return [
    ...orphans('Deployment', deployments, pods).map(deletePod),
    ...deployments
      .filter((deployment) => !isTerminating(deployment))
      .flatMap((deployment) => {
        const owned = podsOwnedBy(deployment, pods);
        return [...rollout(deployment, owned, random), ...statusAction(deployment, owned)];
      }),
  ];
}

/** Wanted pods are made, outdated and surplus ones deleted: all at once for `Recreate`, else never below `replicas`. */
function rollout(deployment: Deployment, owned: readonly Pod[], random: Random): readonly Action[] {
  const replicas = deployment.spec.replicas ?? 1;
  const { current, outdated } = split(deployment, owned);
  const live = outdated.filter((pod) => !isTerminating(pod));
  const isRecreate = deployment.spec.strategy?.type === 'Recreate';
  const surge = isRecreate || live.length === 0 ? 0 : 1;
  const blocked = isRecreate && outdated.length > 0;
  const missing = blocked ? 0 : Math.min(replicas - current.length, replicas + surge - current.length - live.length);
  const spare = isRecreate ? live.length : current.filter(isReady).length + live.filter(isReady).length - replicas;
  return [
    ...Array.from({ length: Math.max(0, missing) }, () => createPod(deployment, random)),
    ...expendable(current, current.length - replicas).map(deletePod),
    ...dispensable(live, spare).map(deletePod),
  ];
}

/** Outdated pods that are not ready serve nobody; of the ready ones as many as the others make up for. */
function dispensable(outdated: readonly Pod[], spare: number): readonly Pod[] {
  const ready = outdated.filter(isReady);
  return [...outdated.filter((pod) => !isReady(pod)), ...ready.slice(0, Math.max(0, spare))];
}

/** First those that are not ready, then the youngest. */
function expendable(current: readonly Pod[], count: number): readonly Pod[] {
  const age = ({ metadata }: Pod): string => metadata.creationTimestamp ?? '';
  const order = [...current].sort((a, b) => Number(isReady(a)) - Number(isReady(b)) || age(b).localeCompare(age(a)));
  return order.slice(0, Math.max(0, count));
}

function split(deployment: Deployment, owned: readonly Pod[]): { current: readonly Pod[]; outdated: readonly Pod[] } {
  const hash = templateHash(deployment.spec.template);
  const isCurrent = ({ metadata }: Pod): boolean => metadata.labels?.[hashLabel] === hash;
  return {
    current: owned.filter((pod) => isCurrent(pod) && !isTerminating(pod)),
    outdated: owned.filter((pod) => !isCurrent(pod)),
  };
}

function createPod(deployment: Deployment, random: Random): Action {
  const hash = templateHash(deployment.spec.template);
  const name = `${deployment.metadata.name}-${hash}-${randomSuffix(random)}`;
  return {
    kind: 'create',
    type: 'pods',
    object: podOf(deployment, { kind: 'Deployment', name, labels: { [hashLabel]: hash } }),
  };
}

function statusAction(deployment: Deployment, owned: readonly Pod[]): readonly Action[] {
  const replicas = deployment.spec.replicas ?? 1;
  const { current } = split(deployment, owned);
  const live = owned.filter((pod) => !isTerminating(pod));
  const ready = live.filter(isReady).length;
  const status = {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    replicas: live.length,
    updatedReplicas: current.length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, replicas - ready),
    conditions: [{ type: 'Available', status: ready >= replicas ? 'True' : 'False', reason: 'MinimumReplicas' }],
  };
  return isDeepStrictEqual(deployment.status, status)
    ? []
    : [{ kind: 'status', type: 'deployments', object: deployment, status }];
}
